//! `schema`.

use std::path::PathBuf;

use clap::Args;

/// `schema`.
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    /// Protocol files whose verbs, parameters, streams and states editors offer.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub with: Vec<PathBuf>,
    /// Print the schema of event files instead: of each line that `run --report json=FILE` writes.
    #[arg(long, conflicts_with = "with")]
    pub events: bool,
}
