//! What a run tells: one kind of event is the whole contract between running and reporting.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::record::Closing;
use crate::scenario::error::{Position, Source};
use crate::snapshot::DiffLine;

/// Takes every event as it happens, from any thread.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// Something that happened in a run.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// The scenario's label, where it belongs to one.
    pub scenario: Option<Arc<str>>,
    /// Time since the scenario's start, or since the run's where it belongs to none.
    pub at: Duration,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The kinds of events.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The run begins.
    RunStarted {
        /// How many scenarios it plays, rows and repetitions counted.
        scenarios: usize,
        /// How many at once.
        jobs: usize,
        /// The server, for people.
        server: String,
    },
    /// A server's build begins; it may take minutes.
    Building {
        /// The command.
        command: String,
    },
    /// A scenario begins.
    ScenarioStarted {
        /// Its title.
        title: String,
        /// The address of its server.
        server: String,
    },
    /// A step begins.
    StepStarted {
        /// Its number within the scenario, in the order of beginning.
        number: usize,
        /// How deep it stands: 0 for the scenario's own steps, more inside verbs and blocks.
        depth: usize,
        /// Where it stands.
        place: Place,
        /// Who acts, where somebody does.
        actor: Option<String>,
    },
    /// A participant sent a request.
    Requested {
        /// Who.
        participant: String,
        /// The method.
        method: String,
        /// Path and query.
        path: String,
        /// The body, where one was sent.
        body: Option<String>,
    },
    /// The answer to a request.
    Answered {
        /// Who asked.
        participant: String,
        /// The status.
        status: u16,
        /// The body.
        body: String,
        /// How long it took.
        took: Duration,
    },
    /// A WebSocket was opened, or refused.
    Opened {
        /// Who.
        participant: String,
        /// The connection's name.
        connection: String,
        /// Path and query.
        path: String,
        /// The status of the handshake's answer; 101 when it is open.
        status: u16,
    },
    /// A frame was sent.
    Sent {
        /// Who.
        participant: String,
        /// The connection's name.
        connection: String,
        /// The frame as text.
        frame: String,
    },
    /// A frame came.
    Received {
        /// Who.
        participant: String,
        /// The connection's name.
        connection: String,
        /// The frame as text.
        frame: String,
        /// Whether it answers a barrier and stays out of the inbox.
        barrier: bool,
    },
    /// A connection ended.
    Closed {
        /// Who.
        participant: String,
        /// The connection's name.
        connection: String,
        /// How.
        end: Closing,
    },
    /// A line of the server's log.
    ServerLog {
        /// The line.
        line: String,
    },
    /// A line of the scenario's author.
    Note {
        /// The line.
        text: String,
    },
    /// A scenario ended.
    ScenarioFinished(Box<ScenarioResult>),
    /// The run ended.
    RunFinished(Summary),
}

/// A place in a file, with its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Where in it.
    #[serde(flatten)]
    pub at: Position,
    /// The line's text, without indentation.
    pub text: String,
}

impl Place {
    /// A place in a source.
    pub fn new(source: &Source, at: Position) -> Self {
        let mut text = source.line(at.line).trim().to_owned();
        // A step that is written over several lines says little in its first: `- alice:`.
        for next in 1..=2 {
            if !text.ends_with(':') {
                break;
            }
            text.push(' ');
            text.push_str(source.line(at.line + next).trim());
        }
        Self { file: source.path.clone(), at, text }
    }
}

/// How one scenario ended.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioResult {
    /// `suite/stem`, with `@row` behind it where there are examples.
    pub label: Arc<str>,
    /// Its title.
    pub title: String,
    /// Its file.
    pub file: PathBuf,
    /// Which repetition, from 1.
    pub repetition: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, the server's start included.
    pub took: Duration,
    /// How many expectations of nothing no barrier proved.
    pub unproven: usize,
    /// Invariants about which nothing could be said: `name (stream): why`.
    pub unknown: Vec<String>,
    /// The server's log for this scenario.
    pub log: Vec<String>,
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

/// Somebody who took part, for those who go on by hand.
#[derive(Debug, Clone, Serialize)]
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
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An expectation on an inbox or an answer.
    Expectation,
    /// A promise that holds over the whole record.
    Invariant,
    /// A snapshot.
    Snapshot,
    /// The server ended.
    ServerDied,
    /// Something that the scenario itself got wrong while it ran.
    Scenario,
}

/// Something that didn't hold.
#[derive(Debug, Clone, Serialize)]
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
}

/// The frame or answer that comes nearest to what was expected.
#[derive(Debug, Clone, Serialize)]
pub struct Nearest {
    /// What it is, for people: `frame 12 on main at 31 ms`.
    pub what: String,
    /// Where it differs, a line each.
    pub differences: Vec<String>,
}

/// A frame that came instead.
#[derive(Debug, Clone, Serialize)]
pub struct Came {
    /// When.
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
        }
    }
}

/// How a run ended, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
