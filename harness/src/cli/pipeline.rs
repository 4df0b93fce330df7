//! What pipelines ask of `run`: which part of the scenarios, how often, how long, and what is never shown.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::Flaky;
use crate::select::shard::Shard;
use crate::text::parse_duration;

const NARROW: &str = "Which of the selected";
const PIPELINE: &str = "Failures, limits, secrets";

/// Which of the selected scenarios.
#[derive(Debug, Clone, Default, Args)]
pub struct NarrowArgs {
    /// Only scenarios that failed or were not run when they were last selected; all where there are none.
    #[arg(long, help_heading = NARROW)]
    pub last_failed: bool,
    /// Only scenarios that files concern which differ from a git revision: their own, their protocols', their
    /// snapshots, and their server's `sources` in roundtable.toml.
    #[arg(long, value_name = "REV", help_heading = NARROW)]
    pub changed_since: Option<String>,
    /// Only the I-th of N parts.
    #[arg(long, value_name = "I/N", help_heading = NARROW)]
    pub shard: Option<Shard>,
    /// With --shard: make the parts equally long by the durations in this event file or last-run.json, the same on all
    /// machines; may be given several times. Without it they have equally many scenarios.
    #[arg(long, value_name = "FILE", requires = "shard", help_heading = NARROW)]
    pub durations: Vec<PathBuf>,
    /// Labels of scenarios that are left out; no option.
    #[arg(skip)]
    pub without: BTreeSet<String>,
}

/// How a run is carried out in a pipeline.
#[derive(Debug, Clone, Default, Args)]
pub struct PipelineArgs {
    /// Play a scenario that failed again, at most so many times; one that passes then is flaky.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=10), help_heading = PIPELINE)]
    pub retries: Option<u8>,
    /// Whether the run fails with scenarios that are flaky; the default is `pass`.
    #[arg(long, value_name = "WHAT", help_heading = PIPELINE)]
    pub flaky: Option<Flaky>,
    /// Stop behind so many scenarios that failed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "fail_fast", help_heading = PIPELINE)]
    pub max_fail: Option<u32>,
    /// Stop behind the first scenario that fails.
    #[arg(long, help_heading = PIPELINE)]
    pub fail_fast: bool,
    /// How long a scenario may take that doesn't say it itself; the default is 5m.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = PIPELINE)]
    pub timeout: Option<Duration>,
    /// How long the run may take; then it ends as if interrupted, says who waited for what, and fails.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = PIPELINE)]
    pub run_timeout: Option<Duration>,
    /// Write nothing into the tree: pending snapshots go into the output folder. Also on where the variable CI is set
    /// to anything but `false` or `0`.
    #[arg(long, help_heading = PIPELINE)]
    pub ci: bool,
    /// An environment variable whose value is shown nowhere: in no output, report or snapshot; may be given several
    /// times, as may `secrets` in roundtable.toml.
    #[arg(long, value_name = "NAME", help_heading = PIPELINE)]
    pub secret: Vec<String>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}
