//! The options of `run` for pipelines: retries, limits, secrets.

use std::time::Duration;

use clap::Args;

use crate::config::Flaky;
use crate::text::parse_duration;

const PIPELINE: &str = "Failures, limits, secrets";

/// Retries, limits, and secrets.
#[derive(Debug, Clone, Default, Args)]
pub struct PipelineArgs {
    /// Play a failed scenario again, at most N times; one that passes then is flaky.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=10), help_heading = PIPELINE)]
    pub retries: Option<u8>,
    /// Whether flaky scenarios fail the run; the default is `pass`.
    #[arg(long, value_name = "WHAT", help_heading = PIPELINE)]
    pub flaky: Option<Flaky>,
    /// Fail a scenario if one of its invariants is unknown and not excepted in it; the default is what roundtable.toml says.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = PIPELINE)]
    pub deny_unknown: Option<bool>,
    /// Fail a scenario if an expectation of nothing is not proven by a barrier and not excepted in it.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = PIPELINE)]
    pub deny_unproven: Option<bool>,
    /// Stop after N failed scenarios.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "fail_fast", help_heading = PIPELINE)]
    pub max_fail: Option<u32>,
    /// Stop after the first failed scenario.
    #[arg(long, help_heading = PIPELINE)]
    pub fail_fast: bool,
    /// How long a scenario may take if it sets no `timeout` itself; the default is 5m.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = PIPELINE)]
    pub timeout: Option<Duration>,
    /// How long the run may take. After that it ends as if interrupted, says who waited for what, and fails.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = PIPELINE)]
    pub run_timeout: Option<Duration>,
    /// Pass if nothing is played: no scenario is selected, or all were skipped. Without this option such a run exits with 4.
    #[arg(long, help_heading = PIPELINE)]
    pub pass_with_no_tests: bool,
    /// Write nothing into the tree: pending snapshots go into the output folder. Also on if the variable CI is set
    /// to anything except `false` or `0`.
    #[arg(long, help_heading = PIPELINE)]
    pub ci: bool,
    /// An environment variable whose value is masked in every output, report and snapshot; may be given several times.
    /// `secrets` in roundtable.toml does the same.
    #[arg(long, value_name = "NAME", help_heading = PIPELINE)]
    pub secret: Vec<String>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}
