//! How many scenarios a run plays at once, how often it retries, and what ends it early.

use std::time::Duration;

/// How many scenarios a run plays at once, how often it retries, and what ends it early.
#[derive(Debug, Clone)]
pub struct RunLimits {
    /// How many scenarios run at once.
    pub jobs: usize,
    /// How many failures end the run; failures of scenarios in quarantine don't count.
    pub max_fail: Option<usize>,
    /// How often a scenario that failed is played again.
    pub retries: usize,
    /// Whether a scenario that passed only at a retry fails the run.
    pub flaky_fails: bool,
    /// Whether a run that played nothing passes.
    pub pass_with_no_tests: bool,
    /// How long the run may take.
    pub timeout: Option<Duration>,
}

impl RunLimits {
    /// Plays this many scenarios at once, each once, without limits that end the run early.
    pub fn jobs(jobs: usize) -> Self {
        Self { jobs, max_fail: None, retries: 0, flaky_fails: false, pass_with_no_tests: false, timeout: None }
    }
}

/// How many scenarios run at once by default: two for each core, since scenarios mostly wait.
pub fn default_jobs() -> usize {
    2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
