//! How a run ended, in numbers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failure::Class;
use super::invariant_result::InvariantCounts;
use super::outcome::Outcome;
use super::result::ScenarioResult;
use super::times::{micros, some_micros};

/// How a run ended, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Scenarios that passed, those that failed as expected included.
    pub passed: usize,
    /// Scenarios that failed.
    pub failed: usize,
    /// Scenarios that weren't run.
    pub skipped: usize,
    /// Scenarios whose server couldn't be started or reached.
    pub no_server: usize,
    /// Scenarios that were not begun, because the run ended before them.
    pub not_begun: usize,
    /// Scenarios that were not run, because the server that they share went away.
    #[serde(default)]
    pub not_run: usize,
    /// Whether a server behind a URL went away during the run.
    #[serde(default)]
    pub unreachable: bool,
    /// Scenarios that passed only after an attempt that failed; they are among the passed.
    #[serde(default)]
    pub flaky: usize,
    /// Whether flaky scenarios fail the run.
    #[serde(default)]
    pub flaky_fails: bool,
    /// Scenarios that failed in a quarantine that holds; they are not among the failed.
    #[serde(default)]
    pub quarantined: usize,
    /// Of the failed: how many of each class.
    #[serde(default)]
    pub classes: BTreeMap<Class, usize>,
    /// Whether a run that played nothing passes, as it was asked to.
    #[serde(default)]
    pub pass_with_no_tests: bool,
    /// Whether the run was interrupted.
    pub interrupted: bool,
    /// What is missing from the run or its reports: a part of it, a report that couldn't be written; a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The time limit that ended the run, where one did.
    #[serde(default, rename = "limit_us", with = "some_micros", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub limit: Option<Duration>,
    /// Expectations of nothing that are unproven.
    pub unproven: usize,
    /// Invariants that are unknown without being excepted.
    pub unknown: usize,
    /// What the other invariants said.
    #[serde(default)]
    pub invariants: InvariantCounts,
    /// Snapshots that were written.
    pub updated: usize,
    /// Snapshot files that no scenario of a full run touched.
    pub orphans: Vec<PathBuf>,
    /// How long it took.
    #[serde(rename = "took_us", with = "micros")]
    #[schemars(with = "u64")]
    pub took: Duration,
}

impl Summary {
    /// Whether the run did not succeed.
    pub fn is_bad(&self) -> bool {
        self.failed + self.no_server + self.not_run > 0
            || (self.flaky_fails && self.flaky > 0)
            || self.interrupted
            || self.limit.is_some()
            || !self.orphans.is_empty()
            || !self.missing.is_empty()
            || self.lacks_tests()
    }

    /// Why these numbers are not those of the whole run, a sentence each; none where it is complete.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        if let Some(limit) = self.limit {
            gaps.push(format!("the run reached its limit of {limit:?}"));
        }
        if self.interrupted {
            gaps.push("the run was interrupted".to_owned());
        }
        if self.not_begun > 0 {
            let were = if self.not_begun == 1 { "scenario was" } else { "scenarios were" };
            gaps.push(format!("{} {were} not begun", self.not_begun));
        }
        gaps.extend(self.missing.iter().cloned());
        gaps
    }

    /// Whether nothing was played and such a run isn't allowed to pass.
    pub fn lacks_tests(&self) -> bool {
        let ended = self.passed + self.failed + self.quarantined + self.no_server + self.not_run;
        ended + self.not_begun == 0 && !self.interrupted && !self.pass_with_no_tests
    }

    /// Counts the last result of one scenario; results of attempts that are retried must not be added.
    pub fn add(&mut self, result: &ScenarioResult) {
        match &result.outcome {
            Outcome::Passed | Outcome::FailedAsExpected { .. } => self.passed += 1,
            Outcome::Failed { .. } if result.is_quarantined() => self.quarantined += 1,
            Outcome::Failed { .. } => {
                self.failed += 1;
                if let Some(class) = result.class() {
                    *self.classes.entry(class).or_default() += 1;
                }
            }
            Outcome::Skipped { .. } => self.skipped += 1,
            Outcome::NoServer { .. } => self.no_server += 1,
            Outcome::NotRun { class, .. } => {
                self.not_run += 1;
                self.unreachable |= *class == Class::Environment;
            }
            Outcome::Interrupted { .. } => self.interrupted = true,
        }
        self.flaky += usize::from(result.is_flaky());
        self.unproven += result.unproven;
        self.unknown += result.unknown.len();
        result.invariants.iter().for_each(|one| self.invariants.add(one));
        self.updated += result.updated;
    }
}
