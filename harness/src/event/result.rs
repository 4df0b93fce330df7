//! How scenarios and runs ended: what reports, exit codes and libraries read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Instance, Place, Start, micros, some_micros};
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
    /// The seed that plays it again with the same generated values and order of races, as a first attempt; 0 where it
    /// was not played.
    #[serde(default)]
    pub seed: u64,
    /// Its races, in the order in which they were released.
    #[serde(default)]
    pub races: Vec<Raced>,
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
    /// Patterns of the protocol's streams for which something was there to match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stream_patterns: Vec<StreamPattern>,
    /// The address of its server.
    pub server: String,
    /// Who took part.
    pub people: Vec<Person>,
    /// Who looks after it.
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
    /// Where nothing did: the kinds of the frames that were there, a few of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
}

/// An attempt that failed and was followed by another.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// The seed that plays it again; 0 where it was not played.
    #[serde(default)]
    pub seed: u64,
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

/// The quarantine of a scenario: for a while its failure is told and doesn't fail the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quarantined {
    /// Where it is worked on.
    pub issue: String,
    /// The last day on which the failure doesn't count, `2026-12-01`.
    pub until: String,
    /// Whether that day has passed (in UTC): then it counts as any other.
    pub expired: bool,
}

/// Something that a scenario under way waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// Who waits; none for the scenario as a whole.
    pub participant: Option<String>,
    /// For what.
    pub what: String,
    /// For how long already.
    #[serde(rename = "waited_us", with = "micros")]
    #[schemars(with = "u64")]
    pub waited: Duration,
    /// The step that waits.
    pub place: Option<Place>,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.participant.as_deref().unwrap_or("everybody");
        write!(f, "{who} waits for {} since {:.1} s", self.what, self.waited.as_secs_f64())?;
        match &self.place {
            Some(place) => write!(f, " at {}:{}:{}", place.file.display(), place.at.line, place.at.column),
            None => Ok(()),
        }
    }
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

/// How the participants of a race were released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Raced {
    /// The race's step.
    pub place: Option<Place>,
    /// Who, in the order of release.
    pub order: Vec<Start>,
    /// Between the first and the last.
    #[serde(rename = "spread_us", with = "micros")]
    #[schemars(with = "u64")]
    pub spread: Duration,
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
    /// It wasn't begun, because the server that it shares is gone.
    NotRun {
        /// Why: how the server went, and which scenarios were under way then.
        reason: String,
        /// [`Class::ServerDied`] for a server that the run started, [`Class::Environment`] for one behind a URL.
        class: Class,
    },
    /// The run was interrupted, or reached its time limit, before it ended.
    Interrupted {
        /// Who waited for what at that moment.
        waiting: Vec<Waiting>,
    },
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
    /// What it is, for people: `main 12 at 31 ms`.
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
    /// Its entry in the record.
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
    /// Whether the run was interrupted.
    pub interrupted: bool,
    /// The time limit that ended the run, where one did.
    #[serde(default, rename = "limit_us", with = "some_micros", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub limit: Option<Duration>,
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
    /// Whether the run is anything but a success.
    pub fn is_bad(&self) -> bool {
        self.failed + self.no_server + self.not_run > 0
            || (self.flaky_fails && self.flaky > 0)
            || self.interrupted
            || self.limit.is_some()
            || !self.orphans.is_empty()
    }

    /// Counts the last result of one scenario.
    ///
    /// Results that another attempt follows are not for here.
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
        self.updated += result.updated;
    }
}
