//! `check`.

use clap::Args;

use super::select::SelectArgs;

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Which scenarios.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Exit with 2 if there is a warning: something that can be played but is probably a mistake.
    #[arg(long)]
    pub deny_warnings: bool,
    /// Play the scenarios N times, and fail if a delivery ever comes after the barrier that should follow it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub barrier: Option<u32>,
    /// With --barrier: the server under test, as for `run`.
    #[arg(long, value_name = "WHICH", default_value = "in-process", requires = "barrier")]
    pub server: Vec<String>,
}
