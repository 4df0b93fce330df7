//! `serve`.

use clap::Args;

/// `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Which server: `in-process`, `subprocess`, or the NAME of `[servers.NAME]`.
    #[arg(long, value_name = "WHICH", default_value = "in-process")]
    pub server: String,
    /// The port; by default a free one.
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
}
