//! A scenario as the runner plays it: what lowering makes of the files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value};
use serde_json_path::JsonPath;

use super::error::{Position, Source};
use super::stream::{Invariant, SnapshotRules, Stream};
use super::template::{Expr, Template};

/// One scenario file.
#[derive(Debug)]
pub struct Scenario {
    /// The file.
    pub source: Arc<Source>,
    /// `suite/stem`, by which reports and snapshots know it.
    pub id: String,
    /// The folder under the scenarios' root, `""` at the root.
    pub suite: String,
    /// The title.
    pub title: String,
    /// Words for `--tag`.
    pub tags: Vec<String>,
    /// The protocol of its participants.
    pub protocol: Arc<Protocol>,
    /// Participants in file order, groups expanded.
    pub participants: IndexMap<String, ParticipantSpec>,
    /// Groups, each with its members' keys.
    pub groups: IndexMap<String, Vec<String>>,
    /// The rows of `examples`; one empty row without any.
    pub rows: Vec<Row>,
    /// What it asks of its server.
    pub server: ServerWishes,
    /// Whether untaken frames fail it.
    pub strict: bool,
    /// Frames that may stay untaken under `strict`.
    pub ignore: Vec<Template>,
    /// What happens.
    pub steps: Vec<Step>,
    /// What happens at the end in any case.
    pub always: Vec<Step>,
    /// Why it is expected to fail.
    pub expect_failure: Option<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Until when its failure doesn't count, and why.
    pub quarantine: Option<Quarantine>,
    /// How long all of it may take.
    pub timeout: Option<Duration>,
    /// Whether a step acts on the server, so that it needs one of its own.
    pub acts_on_server: bool,
}

/// A scenario whose failure doesn't count for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// Where it is worked on.
    pub issue: String,
    /// The last day on which its failure doesn't count.
    pub until: jiff::civil::Date,
    /// Where it stands in the scenario file.
    pub at: Position,
}

impl Quarantine {
    /// Whether its last day lies before a day.
    pub fn is_over(&self, today: jiff::civil::Date) -> bool {
        self.until < today
    }
}

/// One row of `examples`.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// What stands behind `@` in names; empty without examples.
    pub name: String,
    /// The columns.
    pub columns: BTreeMap<String, Value>,
}

/// What a scenario asks of its server.
#[derive(Debug, Clone, Default)]
pub struct ServerWishes {
    /// Keys of our server's configuration.
    pub config: Map<String, Value>,
    /// Environment of a command.
    pub env: BTreeMap<String, String>,
    /// More arguments of a command.
    pub args: Vec<String>,
    /// Whether it would disturb others on a shared server.
    pub own: bool,
}

impl ServerWishes {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.config.is_empty() && self.env.is_empty() && self.args.is_empty() && !self.own
    }
}

/// A participant, as declared.
#[derive(Debug, Clone)]
pub struct ParticipantSpec {
    /// Its key.
    pub key: String,
    /// Its display name, where one is given.
    pub name: Option<String>,
    /// Its protocol.
    pub protocol: Arc<Protocol>,
    /// Templates that take the place of the protocol's identity.
    pub identity: IndexMap<String, Template>,
    /// Headers of its own.
    pub headers: Vec<(String, Template)>,
}

/// A protocol file.
#[derive(Debug)]
pub struct Protocol {
    /// The file.
    pub source: Arc<Source>,
    /// Its name.
    pub name: String,
    /// Which server of roundtable.toml speaks it.
    pub server: Option<String>,
    /// Who a participant is.
    pub identity: IndexMap<String, Template>,
    /// How it logs in, as steps of the actor.
    pub login: Vec<Step>,
    /// Headers of every request and handshake.
    pub headers: Vec<(String, Template)>,
    /// How nothing is proven.
    pub barrier: Option<Barrier>,
    /// Frames that fail a scenario.
    pub fails: Option<Template>,
    /// What participants can do.
    pub verbs: IndexMap<String, Arc<Verb>>,
    /// What invariants are about.
    pub streams: Vec<Stream>,
    /// What must hold.
    pub invariants: Vec<Invariant>,
    /// What a snapshot asks as each participant.
    pub state: Vec<(String, Http)>,
    /// How snapshots are normalised.
    pub snapshot: SnapshotRules,
}

/// How to know that everything caused before has arrived.
#[derive(Debug, Clone)]
pub enum Barrier {
    /// A frame that the server answers behind all deliveries.
    Echo {
        /// What is sent.
        send: Template,
        /// What comes back.
        receive: Template,
    },
    /// Another participant's action, seen by the watcher on the same stream.
    Marker {
        /// What the other one does; `marker` is a value that stands once.
        action: Box<Step>,
        /// What the watcher sees.
        receive: Template,
        /// What else the action causes: frames that stay out of every inbox.
        hides: Vec<Template>,
    },
    /// A position that the server tells, and which the watcher's deliveries must reach.
    Get {
        /// What is asked, as the watcher.
        get: Template,
        /// Where the answer has the position.
        offset: JsonPath,
        /// Which frames move the watcher's position.
        frame: Template,
        /// Where such a frame has its position.
        passed: JsonPath,
        /// Frames of which one answers each frame that is sent; without it nothing can be proven behind a send.
        answers: Option<Template>,
    },
}

/// A verb of a protocol file.
#[derive(Debug)]
pub struct Verb {
    /// Its name.
    pub name: String,
    /// What it does, for people.
    pub doc: Option<String>,
    /// Its parameters, with their defaults.
    pub params: IndexMap<String, Option<Template>>,
    /// Whether it takes one value that isn't wrapped in a map.
    pub positional: bool,
    /// Captures that belong to the actor.
    pub gives: Vec<String>,
    /// What it does.
    pub steps: Vec<Step>,
    /// Which of its steps `refused` and a race's outcomes speak of.
    pub main: Option<usize>,
}

/// A step, with its place.
#[derive(Debug, Clone)]
pub struct Step {
    /// The file it stands in.
    pub source: Arc<Source>,
    /// Where.
    pub at: Position,
    /// What it is.
    pub kind: StepKind,
}

/// What a step is.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Somebody does something.
    Act {
        /// A participant, a group, `all`, `me`, or a name that a race gave.
        actor: String,
        /// What.
        action: Arc<Action>,
    },
    /// Branches at once.
    Parallel(Vec<Vec<Step>>),
    /// One release instant.
    Race(Box<Race>),
    /// So many times.
    Repeat {
        /// How many.
        count: Template,
        /// What.
        steps: Vec<Step>,
    },
    /// Once for each value.
    ForEach {
        /// The name of the value.
        name: String,
        /// The values.
        values: Template,
        /// What.
        steps: Vec<Step>,
    },
    /// Compare with the stored snapshot.
    Snapshot {
        /// Its name.
        name: Template,
        /// Kinds whose order was raced.
        unordered: Vec<String>,
        /// Who is shown; everybody where it is empty.
        of: Vec<String>,
        /// Streams, kinds of frames and states that are left out.
        without: Vec<String>,
    },
    /// Must be true.
    Check(Expr),
    /// A line in the report.
    Note(Template),
    /// Acts on the server.
    Server(ServerAction),
}

/// What can be done to the server.
#[derive(Debug, Clone)]
pub enum ServerAction {
    /// Gracefully ended and started again.
    Restart,
    /// Gracefully ended.
    Stop,
    /// Started after a stop or kill.
    Start,
    /// Ended at once.
    Kill,
    /// A line of its log must come.
    Logged {
        /// A text that the line holds, or a pattern for the whole line.
        pattern: Template,
        /// Another deadline than the default.
        within: Option<Duration>,
    },
}

/// What a participant does.
#[derive(Debug, Clone)]
pub enum Action {
    /// A request.
    Http(Http),
    /// Opens a connection.
    Connect(Connect),
    /// Sends a frame.
    Send {
        /// What.
        frame: Outgoing,
        /// On which connection.
        via: Option<Template>,
    },
    /// Closes a connection.
    Close {
        /// The close code.
        code: Template,
        /// The reason.
        reason: Template,
        /// On which connection.
        via: Option<Template>,
        /// Another deadline than the default.
        within: Option<Duration>,
    },
    /// Drops a connection.
    Drop {
        /// Which.
        via: Option<Template>,
    },
    /// The server closes a connection.
    Closed {
        /// How.
        pattern: Template,
        /// Which.
        via: Option<Template>,
        /// Another deadline than the default.
        within: Option<Duration>,
    },
    /// Stops or resumes reading.
    Reading {
        /// Whether it reads from here on.
        on: bool,
        /// Which connection.
        via: Option<Template>,
    },
    /// Looks into an inbox.
    Expect(Expect),
    /// Notes a place in an inbox.
    Mark {
        /// Its name.
        name: String,
        /// Which connection.
        via: Option<Template>,
        /// How long to listen where there is no barrier.
        listen: Option<Duration>,
    },
    /// Calls a verb.
    Call(Call),
}

/// A frame to send.
#[derive(Debug, Clone)]
pub enum Outgoing {
    /// JSON.
    Json(Template),
    /// Text as it is.
    Text(Template),
    /// Bytes, in hexadecimal digits.
    Binary(Template),
}

/// A request with its checks.
#[derive(Debug, Clone)]
pub struct Http {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path.
    pub path: Template,
    /// The query.
    pub query: Option<Template>,
    /// Headers; null removes one.
    pub headers: Vec<(String, Template)>,
    /// The body.
    pub body: Option<Body>,
    /// What must hold of the answer.
    pub checks: Checks,
    /// How long to ask again.
    pub eventually: Option<Duration>,
    /// After how long the client drops the connection without an answer.
    pub gives_up: Option<Duration>,
    /// Another deadline than the default.
    pub within: Option<Duration>,
}

/// A request's body.
#[derive(Debug, Clone)]
pub enum Body {
    /// JSON.
    Json(Template),
    /// Text.
    Text(Template),
    /// A form.
    Form(Template),
}

/// What must hold of an answer.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    /// The status.
    pub status: Option<Template>,
    /// The body.
    pub expect: Option<Template>,
    /// The headers.
    pub expect_headers: Option<Template>,
    /// Names for values of the body.
    pub capture: Vec<Capture>,
}

/// A name for a value.
#[derive(Debug, Clone)]
pub struct Capture {
    /// Where it stands.
    pub at: Position,
    /// The name.
    pub name: String,
    /// Where the value is.
    pub path: JsonPath,
    /// The path as written.
    pub source: String,
}

/// Opens a WebSocket.
#[derive(Debug, Clone)]
pub struct Connect {
    /// The path.
    pub path: Template,
    /// The connection's name.
    pub name: Option<Template>,
    /// The query.
    pub query: Option<Template>,
    /// Headers; null removes one.
    pub headers: Vec<(String, Template)>,
    /// Offered subprotocols.
    pub subprotocols: Vec<Template>,
    /// The socket's receive buffer in bytes.
    pub receive_buffer: Option<usize>,
    /// How it must be refused.
    pub refused: Option<Checks>,
    /// What the handshake's headers must match.
    pub expect_headers: Option<Template>,
    /// Another deadline than the default.
    pub within: Option<Duration>,
}

/// An expectation on an inbox.
#[derive(Debug, Clone)]
pub struct Expect {
    /// What is expected.
    pub what: Expected,
    /// Another deadline than the default.
    pub within: Option<Duration>,
    /// Looks only behind this mark.
    pub since: Option<String>,
    /// Which connection.
    pub via: Option<Template>,
    /// Names for values of what came.
    pub capture: Vec<Capture>,
}

/// What is expected of an inbox.
#[derive(Debug, Clone)]
pub enum Expected {
    /// One frame.
    One(Template),
    /// The very next.
    Next(Template),
    /// One behind the other.
    InOrder(Vec<Template>),
    /// In any order.
    All(Vec<Template>),
    /// None up to the barrier.
    Nothing {
        /// What may not come.
        pattern: Template,
        /// How long to listen where there is no barrier.
        listen: Option<Duration>,
    },
    /// So many up to the barrier.
    Counted {
        /// What is counted.
        pattern: Template,
        /// How many.
        times: Template,
        /// How long to listen where there is no barrier.
        listen: Option<Duration>,
    },
}

/// The call of a verb.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name.
    pub verb: String,
    /// Its arguments.
    pub args: Vec<(String, Template)>,
    /// Takes the place of the main step's checks and ends the verb.
    pub refused: Option<Checks>,
    /// Deadline of the expectations inside.
    pub within: Option<Duration>,
    /// Mark of the expectations inside.
    pub since: Option<String>,
    /// Connection of the steps inside.
    pub via: Option<Template>,
    /// Names for values of the main step's answer.
    pub capture: Vec<Capture>,
}

/// Everybody in a group does one thing at one instant.
#[derive(Debug, Clone)]
pub struct Race {
    /// Who.
    pub of: String,
    /// What.
    pub action: Arc<Action>,
    /// How it may end, in the order in which an answer is compared.
    pub outcomes: Vec<Outcome>,
}

/// One way in which a race may end for somebody.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Where it stands.
    pub at: Position,
    /// The name of those who ended so.
    pub name: Option<String>,
    /// How many.
    pub count: Option<Template>,
    /// What holds of their answers.
    pub checks: Checks,
}
