//! A failure: what was expected, where, what came instead, and who has to look at it.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::Place;
use super::times::micros;
use crate::text::diff::DiffLine;

/// What kind of thing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An expectation on an inbox or an answer.
    Expectation,
    /// What was expected came after its deadline.
    Late,
    /// An invariant, judged over the whole history.
    Invariant,
    /// A forbidden unknown result: an unknown invariant, or an unproven expectation of nothing.
    Unjudged,
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
    /// The scenario or its protocol file is wrong, or says too little.
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
            Self::Scenario | Self::Unjudged => Class::Scenario,
        }
    }
}

impl Class {
    /// The word for it in event files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Late => "late",
            Self::ServerDied => "server_died",
            Self::Environment => "environment",
            Self::Scenario => "scenario",
        }
    }

    /// The class in words, for people.
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
    /// The headline: one line.
    pub headline: String,
    /// The step in the scenario file; null for what is judged at the scenario's end.
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
    /// The entries of the history that show a violated invariant, in order.
    pub entries: Vec<usize>,
    /// The snapshot that is missing or differs.
    pub snapshot: Option<SnapshotChange>,
}

/// A snapshot that is missing or differs from the stored one.
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
    /// What it is, for people: `main 12 at 31 ms`.
    pub what: String,
    /// Its entry in the history, where it has one.
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
    /// Its entry in the history.
    #[serde(default)]
    pub entry: Option<usize>,
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
