//! Which scenarios: `list`, and what it has in common with `run` and `check`.

use std::path::PathBuf;

use clap::Args;

use crate::select::shard::Shard;

const NARROW: &str = "Which of the selected";

/// Which scenarios.
#[derive(Debug, Clone, Args)]
pub struct SelectArgs {
    /// Files, folders, suites, or parts of names and titles; all scenarios if none is given.
    #[arg(value_name = "PATH|SUITE|NAME")]
    pub select: Vec<String>,
    /// Only scenarios that have one of these tags.
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
}

/// Which of the selected scenarios.
#[derive(Debug, Clone, Default, Args)]
pub struct NarrowArgs {
    /// Only scenarios that failed or were not run when they were last selected; all scenarios if there are none.
    #[arg(long, help_heading = NARROW)]
    pub last_failed: bool,
    /// Only scenarios that may be affected by files that differ from a git revision: their own files, their protocols',
    /// their snapshots, and their server's `sources` in roundtable.toml.
    #[arg(long, value_name = "REV", help_heading = NARROW)]
    pub changed_since: Option<String>,
    /// Only the I-th of N parts.
    #[arg(long, value_name = "I/N", help_heading = NARROW)]
    pub shard: Option<Shard>,
    /// With --shard: make the parts equally long by the durations in this event file or last-run.json, the same on all
    /// machines; may be given several times. Without it they have equally many scenarios.
    #[arg(long, value_name = "FILE", requires = "shard", help_heading = NARROW)]
    pub durations: Vec<PathBuf>,
}

/// `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which scenarios.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Which of them.
    #[command(flatten)]
    pub narrow: NarrowArgs,
}
