//! `schema`.

use std::path::PathBuf;

use clap::Args;

/// `schema`.
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    /// Protocol files whose verbs, parameters, streams and states editors are to offer.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub with: Vec<PathBuf>,
    /// The schema of event files instead, which `run --report json=FILE` writes: of each of their lines.
    #[arg(long, conflicts_with = "with")]
    pub events: bool,
}
