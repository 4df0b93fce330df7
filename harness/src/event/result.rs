//! How scenarios and runs ended: what reports, exit codes and libraries read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Instance, Place, micros};
use crate::snapshot::DiffLine;

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
    /// How many expectations of nothing no barrier proved.
    pub unproven: usize,
    /// Invariants about which nothing could be said: `name (stream): why`.
    pub unknown: Vec<String>,
    /// The server's log for this scenario.
    pub log: Vec<LoggedLine>,
    /// The snapshot files that it compared or wrote.
    pub snapshots: Vec<PathBuf>,
    /// Snapshots that were written because it was asked for.
    pub updated: usize,
    /// Redactions that matched nothing.
    pub idle_redactions: Vec<String>,
    /// The address of its server.
    pub server: String,
    /// Who took part.
    pub people: Vec<Person>,
}

impl ScenarioResult {
    /// Which scenario, repetition and attempt this is the result of.
    pub fn instance(&self) -> Instance {
        Instance { label: Arc::clone(&self.label), repetition: self.repetition, attempt: self.attempt }
    }

    /// Whether it ended well: passed, failed as expected, or left out for a reason.
    pub fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::Passed | Outcome::FailedAsExpected { .. } | Outcome::Skipped { .. })
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

/// Somebody who took part, for those who go on by hand.
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

/// The ways in which a scenario can end.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// Everything held.
    Passed,
    /// It failed, as its author said it would.
    FailedAsExpected {
        /// The reason that its author gave.
        reason: String,
    },
    /// Something didn't hold.
    Failed {
        /// What, in the order of the file.
        failures: Vec<Failure>,
    },
    /// It wasn't run.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Its server couldn't be started or reached.
    NoServer {
        /// Why.
        reason: String,
        /// The end of the server's log.
        log: Vec<String>,
    },
    /// The run was interrupted before it ended.
    Interrupted,
}

/// What kind of thing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An expectation on an inbox or an answer.
    Expectation,
    /// What was expected came, but behind its deadline.
    Late,
    /// A promise that holds over the whole record.
    Invariant,
    /// A snapshot.
    Snapshot,
    /// The server ended.
    ServerDied,
    /// Something outside the server and the scenario: the network, the machine, a limit of the run.
    Environment,
    /// Something that the scenario itself got wrong while it ran.
    Scenario,
}

/// Who has to look at a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The server did something that it must not: an expectation, an invariant, a snapshot.
    Product,
    /// It did the right thing too late.
    Late,
    /// It ended.
    ServerDied,
    /// Neither the server nor the scenario is to blame.
    Environment,
    /// The scenario is wrong.
    Scenario,
}

impl FailureKind {
    /// Who has to look at it.
    pub fn class(self) -> Class {
        match self {
            Self::Expectation | Self::Invariant | Self::Snapshot => Class::Product,
            Self::Late => Class::Late,
            Self::ServerDied => Class::ServerDied,
            Self::Environment => Class::Environment,
            Self::Scenario => Class::Scenario,
        }
    }
}

impl Class {
    /// The class as it is written in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Late => "late",
            Self::ServerDied => "server died",
            Self::Environment => "environment",
            Self::Scenario => "scenario",
        }
    }
}

/// Something that didn't hold.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// What kind of thing.
    pub kind: FailureKind,
    /// One line that says what.
    pub headline: String,
    /// The step in the scenario file; none for what is judged at the end.
    pub place: Option<Place>,
    /// The steps inside verbs that led there, outermost first.
    pub inside: Vec<Place>,
    /// Who acted.
    pub participant: Option<String>,
    /// What was awaited.
    pub expected: Option<String>,
    /// Where the nearest miss differs.
    pub nearest: Option<Nearest>,
    /// What came instead, oldest first.
    pub came: Vec<Came>,
    /// Whether it came after the deadline, or never.
    pub late: Option<String>,
    /// More lines.
    pub details: Vec<String>,
    /// A diff, for snapshots.
    pub diff: Vec<DiffLine>,
    /// The number of the step that failed, where one did.
    pub step: Option<usize>,
    /// The entries of the record that show a broken promise, in record order.
    pub entries: Vec<usize>,
    /// The snapshot that is missing or differs.
    pub snapshot: Option<SnapshotChange>,
}

/// A snapshot that isn't as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotChange {
    /// Its name in the scenario.
    pub name: String,
    /// Its file below the folder of snapshots.
    pub file: PathBuf,
    /// The stored text, without the file's head; none where nothing is stored.
    pub old: Option<String>,
    /// The text now.
    pub new: String,
}

/// The frame or answer that comes nearest to what was expected.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Nearest {
    /// What it is, for people: `frame 12 on main at 31 ms`.
    pub what: String,
    /// The entry of the record that holds it, where one does.
    pub entry: Option<usize>,
    /// The frame or body whole, as JSON text.
    pub whole: Option<String>,
    /// Where it differs, a line each.
    pub differences: Vec<String>,
}

/// A frame that came instead.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Came {
    /// When, since the scenario's start.
    #[serde(rename = "at_us", with = "micros")]
    #[schemars(with = "u64")]
    pub at: Duration,
    /// The frame, shortened.
    pub frame: String,
    /// Whether another step took it, and which line that was.
    pub taken_by: Option<usize>,
}

impl Failure {
    /// A failure with its headline; the rest is filled in where it is known.
    pub fn new(kind: FailureKind, headline: impl Into<String>) -> Self {
        Self {
            kind,
            headline: headline.into(),
            place: None,
            inside: Vec::new(),
            participant: None,
            expected: None,
            nearest: None,
            came: Vec::new(),
            late: None,
            details: Vec::new(),
            diff: Vec::new(),
            step: None,
            entries: Vec::new(),
            snapshot: None,
        }
    }
}

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
    /// Whether the run was interrupted.
    pub interrupted: bool,
    /// Expectations of nothing that no barrier proved.
    pub unproven: usize,
    /// Invariants about which nothing could be said.
    pub unknown: usize,
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
    /// Counts one scenario.
    pub fn add(&mut self, result: &ScenarioResult) {
        match result.outcome {
            Outcome::Passed | Outcome::FailedAsExpected { .. } => self.passed += 1,
            Outcome::Failed { .. } => self.failed += 1,
            Outcome::Skipped { .. } => self.skipped += 1,
            Outcome::NoServer { .. } => self.no_server += 1,
            Outcome::Interrupted => self.interrupted = true,
        }
        self.unproven += result.unproven;
        self.unknown += result.unknown.len();
        self.updated += result.updated;
    }
}
