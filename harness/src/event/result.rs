//! How one scenario ended: what reports, exit codes and libraries read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failure::{Class, Failure};
use super::instance::Instance;
use super::invariant_result::InvariantResult;
use super::outcome::Outcome;
use super::race::Raced;
use super::times::micros;

/// How one scenario ended.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioResult {
    /// `suite/stem`, with `@row` behind it where there are examples.
    pub label: Arc<str>,
    /// Its title.
    pub title: String,
    /// Its file.
    pub file: PathBuf,
    /// Which repetition, from 1.
    pub repetition: usize,
    /// Which attempt, from 1.
    pub attempt: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, the server's start included.
    #[serde(rename = "took_us", with = "micros")]
    #[schemars(with = "u64")]
    pub took: Duration,
    /// The seed that plays it again with the same generated values and order of races, as a first attempt; 0 where it
    /// was not played.
    #[serde(default)]
    pub seed: u64,
    /// Of one that failed: the scenarios that were under way at the same time and could have had to do with it, on the
    /// same server, or on the same machine where each has a server of its own. At most 16, those that began last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Arc<str>>,
    /// The scenarios on the same server whose ids its failures show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<Arc<str>>,
    /// Its races, in the order in which they were released.
    #[serde(default)]
    pub races: Vec<Raced>,
    /// The number of unproven expectations of nothing: no barrier was available to prove them.
    pub unproven: usize,
    /// Where those expectations are in the files, and why no barrier proved them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven_why: Vec<String>,
    /// What each invariant said of each stream, in the order of the protocol file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invariants: Vec<InvariantResult>,
    /// Invariants that are unknown without being excepted: `name (stream): why`.
    pub unknown: Vec<String>,
    /// Exceptions of the scenario that it didn't need: `unknown.reaches_all (scenarios/a.yaml:7)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needless_exceptions: Vec<String>,
    /// The server's log for this scenario.
    pub log: Vec<LoggedLine>,
    /// The snapshot files that it compared or wrote.
    pub snapshots: Vec<PathBuf>,
    /// Snapshots that were written because the run was asked to update them.
    pub updated: usize,
    /// Whether a thread of its server, in process, was blocked when it was stopped, and left behind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_behind: bool,
    /// Redactions that matched nothing.
    pub idle_redactions: Vec<String>,
    /// Patterns of the protocol's streams that had something to match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stream_patterns: Vec<StreamPattern>,
    /// The address of its server.
    pub server: String,
    /// Who took part.
    pub people: Vec<Person>,
    /// The owner, from the scenario file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The quarantine that its file declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantined>,
    /// The trace id of all its requests, where they carry one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Whether it failed and is played again: then another result of the same scenario and repetition follows.
    #[serde(default)]
    pub will_retry: bool,
    /// The attempts before this one, all of which failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Attempt>,
}

/// A pattern of a stream of the protocol. One that never matches leaves the invariants nothing to judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamPattern {
    /// Which, and where: ``` `frame` of the stream `messages` (scenarios/protocols/chat.yaml:40) ```.
    pub pattern: String,
    /// Whether something matched it.
    pub matched: bool,
    /// If nothing matched: a few kinds of the frames that came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Where nothing did: the place in the pattern, as `$.type`, of a list where frames have a single value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}

/// An attempt that failed and was followed by another.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// The seed that plays it again; 0 where it was not played.
    #[serde(default)]
    pub seed: u64,
    /// The scenarios that were under way at the same time, as of a result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Arc<str>>,
    /// How long it took.
    #[serde(rename = "took_us", with = "micros")]
    #[schemars(with = "u64")]
    pub took: Duration,
    /// What didn't hold.
    pub failures: Vec<Failure>,
    /// The server's log for it.
    pub log: Vec<LoggedLine>,
    /// The trace id of its requests, where they carried one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// The quarantine of a scenario: until a day its failure is reported, and doesn't fail the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quarantined {
    /// Where the failure is worked on.
    pub issue: String,
    /// The last day on which the failure doesn't count, `2026-12-01`.
    pub until: String,
    /// Whether that day has passed (in UTC): then it counts as any other.
    pub expired: bool,
}

impl ScenarioResult {
    /// The scenario, repetition and attempt.
    pub fn instance(&self) -> Instance {
        Instance { label: Arc::clone(&self.label), repetition: self.repetition, attempt: self.attempt }
    }

    /// Whether it ended well: passed, failed as expected, or left out for a reason.
    pub fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::Passed | Outcome::FailedAsExpected { .. } | Outcome::Skipped { .. })
    }

    /// Whether it ended well only after an attempt that failed.
    pub fn is_flaky(&self) -> bool {
        self.is_good() && !self.earlier.is_empty()
    }

    /// Whether it failed in a quarantine that holds, so that the run doesn't fail with it.
    pub fn is_quarantined(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. }) && self.quarantine.as_ref().is_some_and(|one| !one.expired)
    }

    /// Who has to look at it; none where it ended well or didn't end.
    pub fn class(&self) -> Option<Class> {
        match &self.outcome {
            Outcome::Failed { failures } => {
                let has = |class| failures.iter().any(|failure| failure.kind.class() == class).then_some(class);
                // These explain all others, which only follow from them.
                has(Class::ServerDied)
                    .or_else(|| has(Class::Environment))
                    .or_else(|| failures.first().map(|failure| failure.kind.class()))
            }
            Outcome::NoServer { .. } => Some(Class::Environment),
            Outcome::NotRun { class, .. } => Some(*class),
            _ => None,
        }
    }

    /// What didn't hold.
    pub fn failures(&self) -> &[Failure] {
        match &self.outcome {
            Outcome::Failed { failures } => failures,
            _ => &[],
        }
    }
}

/// A line of the server's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoggedLine {
    /// When it was read, since the scenario's start.
    #[serde(rename = "at_us", with = "micros")]
    #[schemars(with = "u64")]
    pub at: Duration,
    /// The line.
    pub text: String,
}

/// A participant's credentials, for going on by hand.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// The key in the scenario file.
    pub key: String,
    /// The identity's id.
    pub id: String,
    /// The token that it sends.
    #[serde(skip)]
    pub token: String,
    /// A line to paste: a request of the protocol's state as this participant.
    #[serde(skip)]
    pub paste: Option<String>,
}
