//! Events, which are also the lines of event files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instance::Instance;
use super::place::Place;
use super::race::RacerStart;
use super::result::ScenarioResult;
use super::summary::Summary;
use super::times::micros;
use crate::history::Closing;

/// The version of the format. It is raised when a reader of the former one would misunderstand a file.
pub const VERSION: u32 = 2;

/// Takes every event as it happens, from any thread.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// Something that happened in a run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The scenario that it belongs to, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Arc<Instance>>,
    /// Time since the scenario's start, or since the run's where it belongs to none.
    #[serde(rename = "at_us", with = "micros")]
    #[schemars(with = "u64")]
    pub at: Duration,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The kinds of events.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The run begins.
    RunStarted {
        /// [`VERSION`].
        version: u32,
        /// The version of this program.
        roundtable: String,
        /// The wall clock, as in RFC 3339.
        started: String,
        /// The seed of generated values and of the order of races.
        seed: u64,
        /// How many scenarios it plays, rows and repetitions counted.
        scenarios: usize,
        /// How many at once.
        jobs: usize,
        /// The server, for people.
        server: String,
        /// `2/4` for the second of four shards.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shard: Option<String>,
        /// Arguments of `roundtable run` that playing a scenario again needs as well:
        /// `["--server", "http://127.0.0.1:4000", "--jitter", "2ms"]`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        again: Vec<String>,
    },
    /// A server's build begins; it may take minutes.
    Building {
        /// The command.
        command: String,
    },
    /// All scenarios have ended, and a server has not ended yet.
    Ending {
        /// Its name.
        server: String,
        /// How long after it was asked to end it is killed.
        #[serde(rename = "patience_us", with = "micros")]
        #[schemars(with = "u64")]
        patience: Duration,
    },
    /// A scenario begins.
    ScenarioStarted {
        /// Its title.
        title: String,
        /// Its file.
        file: PathBuf,
        /// Its tags.
        tags: Vec<String>,
        /// The keys of its participants, in the order of the file.
        participants: Vec<String>,
        /// The names of its stubs, in the order of the file. What they get and send is told as of participants: a
        /// request as a frame that came, an answer and its pieces as frames that were sent, each request on a
        /// connection of its own.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stubs: Vec<String>,
        /// The address of its server.
        server: String,
        /// The owner, from the scenario file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// The trace id of all its requests (W3C trace context), where they carry one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Option<String>,
    },
    /// A file with steps of the scenario.
    Source {
        /// The file.
        file: PathBuf,
        /// Its text.
        text: Arc<str>,
    },
    /// A step begins.
    StepStarted {
        /// Its number within the scenario, in the order of beginning.
        number: usize,
        /// The number of the step that it stands in, inside verbs and blocks.
        parent: Option<usize>,
        /// How deep it stands: 0 for the scenario's own steps, more inside verbs and blocks.
        depth: usize,
        /// Where it stands.
        place: Place,
        /// Who acts, where somebody does.
        actor: Option<String>,
    },
    /// A step ended, well or not.
    StepFinished {
        /// Its number.
        number: usize,
    },
    /// A participant sent a request.
    Requested {
        /// Who.
        participant: String,
        /// The step that sends it.
        step: usize,
        /// Numbers the exchange within its scenario, for its answer.
        exchange: usize,
        /// The method.
        method: String,
        /// Path and query.
        path: String,
        /// The headers, names in lower case. The values of credentials are left out.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// The body, where one was sent.
        body: Option<String>,
        /// Why the runner itself sends it: `state` for a snapshot, the `read-back` of a stream, a `barrier`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<String>,
    },
    /// The answer to a request.
    Answered {
        /// Who asked.
        participant: String,
        /// The number of the exchange.
        exchange: usize,
        /// Its entry in the history; entries are numbered from 0 within a scenario.
        entry: usize,
        /// The status.
        status: u16,
        /// The headers, names in lower case, repeated ones joined by a comma. The values of cookies are left out.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// The body.
        body: String,
        /// How long it took.
        #[serde(rename = "took_us", with = "micros")]
        #[schemars(with = "u64")]
        took: Duration,
    },
    /// A WebSocket was opened, or refused.
    Opened {
        /// Who.
        participant: String,
        /// The connection's name.
        connection: String,
        /// The connection's number within its scenario, where it is open.
        id: Option<usize>,
        /// The step that opens it.
        step: usize,
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
        /// The connection's number.
        id: usize,
        /// The step that sends it; none where a stub answers without a step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<usize>,
        /// Its entry in the history.
        entry: usize,
        /// The frame as text.
        frame: String,
        /// Whether it is the question of a barrier, which the runner itself sends.
        barrier: bool,
    },
    /// A frame came.
    Received {
        /// Who.
        participant: String,
        /// The connection's name.
        connection: String,
        /// The connection's number.
        id: usize,
        /// Its entry in the history.
        entry: usize,
        /// Its number in the inbox, from 1; none where it stays out of the inbox.
        number: Option<usize>,
        /// The frame as text.
        frame: String,
        /// Whether it answers a barrier and stays out of the inbox.
        barrier: bool,
    },
    /// A step took frames from an inbox: they are what it expected.
    Taken {
        /// Whose inbox.
        participant: String,
        /// The connection's number.
        id: usize,
        /// The step.
        step: usize,
        /// The frames' numbers in the inbox, from 1.
        numbers: Vec<usize>,
    },
    /// The racers of a race were released, each by the last byte of its request or frame.
    Released {
        /// The race's step.
        step: usize,
        /// Who, in the order of release.
        order: Vec<RacerStart>,
        /// Between the first and the last.
        #[serde(rename = "spread_us", with = "micros")]
        #[schemars(with = "u64")]
        spread: Duration,
        /// How much later than the first a racer was released on purpose at most (`--jitter`).
        #[serde(rename = "jitter_us", with = "micros")]
        #[schemars(with = "u64")]
        jitter: Duration,
    },
    /// The sending, the acknowledgements and the deliveries of one message of a stream. Comes at the scenario's end.
    Linked {
        /// The stream's name in the protocol file.
        stream: String,
        /// The message's id.
        id: Option<String>,
        /// Its place in the stream.
        order: Option<i64>,
        /// The entry that sent it.
        sent: Option<usize>,
        /// The entries that acknowledged it.
        acks: Vec<usize>,
        /// The entries that delivered it to others.
        deliveries: Vec<usize>,
    },
    /// A connection ended.
    Closed {
        /// Who.
        participant: String,
        /// The connection's name.
        connection: String,
        /// The connection's number.
        id: usize,
        /// Its entry in the history.
        entry: usize,
        /// How.
        end: Closing,
    },
    /// A line of the server's log.
    ServerLog {
        /// The line.
        line: String,
    },
    /// A note that the scenario's author wrote.
    Note {
        /// The line.
        text: String,
    },
    /// A scenario ended, or one attempt of it that is retried.
    ScenarioFinished(Box<ScenarioResult>),
    /// The run ended.
    RunFinished(Summary),
}

impl EventKind {
    /// Whether it is a detail of a scenario, which only `--debug`, traces and event files need.
    pub fn is_detail(&self) -> bool {
        !matches!(
            self,
            Self::RunStarted { .. }
                | Self::Building { .. }
                | Self::Ending { .. }
                | Self::ScenarioStarted { .. }
                | Self::ScenarioFinished(_)
                | Self::RunFinished(_)
        )
    }
}
