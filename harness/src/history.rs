//! The history of one scenario: everything that every participant sent and got, in the order in which it
//! happened in the runner. Invariants, snapshots and failure messages read it; nothing in it is ever dropped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Numbers a connection within its scenario, in the order of opening, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ConnectionId(pub usize);

/// The history of one scenario, filled while it runs.
#[derive(Debug, Clone, Default, Serialize)]
pub struct History {
    /// Everything that happened, in order. An entry's place in the list is its index.
    pub entries: Vec<Entry>,
    /// When each step began: the index of the first entry that came after its beginning, by step number.
    pub step_began: BTreeMap<usize, usize>,
    /// Where each step stands among all steps of the scenario as it is written, by step number. Numbers are drawn as
    /// steps begin, which is a race between branches; these places are the same in every run.
    #[serde(skip)]
    pub step_places: BTreeMap<usize, Vec<u32>>,
}

impl History {
    /// The order of an entry among those of its participant that steps caused, the same in every run: by the step's place
    /// in the scenario, then by time.
    pub(crate) fn order_of(&self, entry: usize) -> (&[u32], usize) {
        let step = self.entries.get(entry).and_then(|entry| entry.step);
        (step.and_then(|step| self.step_places.get(&step)).map_or(&[], Vec::as_slice), entry)
    }
}

/// One recorded event.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Time since the scenario's start.
    pub at: Duration,
    /// The participant's key, as in the scenario file (`alice`, `member_3`).
    pub participant: String,
    /// The number of the running top-level or nested step that caused it, where one did. What the server sends
    /// on its own has none.
    pub step: Option<usize>,
    /// What happened.
    pub what: EntryKind,
}

/// The kinds of entries.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A connection was opened.
    Opened {
        /// The connection.
        connection: ConnectionId,
        /// Its name in the scenario (`as: phone`); the default is `main`.
        name: String,
        /// The path of its request, without the query.
        path: String,
        /// The query of its request.
        query: BTreeMap<String, String>,
    },
    /// A frame was sent by the participant.
    Sent {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        frame: Payload,
        /// Whether it is the question of an `echo` barrier, which the runner asks and no step.
        barrier: bool,
    },
    /// A frame came from the server.
    Received {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        frame: Payload,
        /// Whether it answers a barrier: such frames are in no inbox.
        barrier: bool,
    },
    /// A connection ended.
    Closed {
        /// The connection.
        connection: ConnectionId,
        /// How.
        end: Closing,
    },
    /// Something about a request to a stub, whose name stands for the participant's. Invariants and snapshots leave
    /// it out.
    Stub {
        /// The request's connection.
        connection: ConnectionId,
        /// What.
        what: StubEntry,
    },
    /// An HTTP request and its answer. It stands where the answer came.
    Exchange(Box<Exchange>),
}

/// What happened to a request to a stub.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StubEntry {
    /// It came.
    Asked(Arc<Value>),
    /// The answer, or its beginning.
    Answered(Value),
    /// A piece of the answer.
    Sent(String),
    /// Its connection ended.
    Ended(Closing),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Closing {
    /// The close code; none where the connection was lost without a close frame.
    pub code: Option<u16>,
    /// The close reason, or that the runner ended the connection after the last step.
    pub reason: String,
    /// Whether the participant itself ended it (`close`, `drop`).
    pub by_participant: bool,
    /// Whether the runner ended it, by a limit of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_runner: bool,
}

impl Closing {
    /// The server's end of a connection: with a code where it sent a close frame.
    pub fn by_server(code: Option<u16>, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), by_participant: false, by_runner: false }
    }

    /// An end that the participant caused without a close frame.
    pub fn dropped(reason: impl Into<String>) -> Self {
        Self { code: None, reason: reason.into(), by_participant: true, by_runner: false }
    }

    /// Whether the server ended it.
    pub fn is_by_server(&self) -> bool {
        !self.by_participant && !self.by_runner
    }
}

/// The content of a WebSocket message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// Text that is JSON; the history and the inbox share it.
    Json(Arc<Value>),
    /// Text that is not meant as JSON.
    Text(String),
    /// Text that is meant as JSON and can't be read as such.
    Unreadable {
        /// The text.
        text: String,
        /// Why it can't be read.
        why: String,
    },
    /// A binary message.
    Binary(Vec<u8>),
}

impl Payload {
    /// The payload of a JSON value.
    pub fn json(value: Value) -> Self {
        Self::Json(Arc::new(value))
    }

    /// What patterns match: the JSON itself, other text as a string, and for binary an object with its
    /// content in lower-case hexadecimal digits: `{"binary": "00ff"}`.
    pub fn value(&self) -> Arc<Value> {
        match self {
            Self::Json(value) => Arc::clone(value),
            Self::Text(text) | Self::Unreadable { text, .. } => Arc::new(Value::String(text.clone())),
            Self::Binary(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                Arc::new(serde_json::json!({ "binary": hex }))
            }
        }
    }
}

/// An HTTP request with its answer.
#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    /// The method, in capitals.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, decoded.
    pub query: BTreeMap<String, String>,
    /// The JSON body that was sent, if one was.
    pub json: Option<Value>,
    /// The answer's status.
    pub status: u16,
    /// The answer's headers, names in lower case: texts, and of a repeated one the list of its texts.
    pub headers: BTreeMap<String, Value>,
    /// The answer's body: JSON where it is, other text as a string, null when empty.
    pub answer: Value,
    /// The index that the history's next entry had when the request was sent: all entries before it were
    /// recorded before the request began.
    pub began: usize,
    /// Time since the scenario's start when the request was sent.
    pub sent_at: Duration,
}

impl Exchange {
    /// The exchange as JSON, which the patterns and JSONPaths of a protocol's `membership` and `sends` see:
    /// `{method, path, segments, query, json, status, answer, participant}` with the path's segments as a list
    /// and the participant's identity id.
    pub fn value(&self, participant_id: &Value) -> Value {
        let segments: Vec<&str> = self.path.split('/').filter(|segment| !segment.is_empty()).collect();
        serde_json::json!({
            "method": self.method, "path": self.path, "segments": segments, "query": self.query,
            "json": self.json, "status": self.status, "answer": self.answer, "participant": participant_id,
        })
    }
}

/// Who took part, as the history's readers need it.
#[derive(Debug, Clone, Serialize)]
pub struct Member {
    /// The key in the scenario file.
    pub key: String,
    /// The identity's id as the server knows it: a number stays one.
    pub id: Value,
    /// The display name.
    pub name: String,
    /// What its verbs and log-in steps captured.
    pub captures: BTreeMap<String, Value>,
}

impl Member {
    /// Whether a value names this identity's id, or one that is equal to it.
    pub fn is_named_by(id: &Value, value: &Value) -> bool {
        match (id, value) {
            // A path or a query has only texts.
            (Value::Number(number), Value::String(text)) => number.to_string() == *text,
            (id, value) => id == value,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_message_has_a_value() {
        let value = |payload: Payload| Value::clone(&payload.value());
        assert_eq!(value(Payload::json(json!({ "n": 1 }))), json!({ "n": 1 }));
        assert_eq!(value(Payload::Text("hello".to_owned())), json!("hello"));
        assert_eq!(value(Payload::Binary(vec![0, 255])), json!({ "binary": "00ff" }));
    }

    #[test]
    fn an_id_that_is_a_number_is_named_by_the_number_and_by_a_text_of_a_path() {
        assert!(Member::is_named_by(&json!(7), &json!(7)) && Member::is_named_by(&json!(7), &json!("7")));
        assert!(Member::is_named_by(&json!("ann"), &json!("ann")));
        assert!(!Member::is_named_by(&json!("7"), &json!(7)) && !Member::is_named_by(&json!(7), &json!("07")));
    }

    #[test]
    fn patterns_see_an_exchange_with_its_segments() {
        let exchange = Exchange {
            method: "PUT".to_owned(),
            path: "/rooms//7/members".to_owned(),
            query: BTreeMap::from([("as".to_owned(), "guest".to_owned())]),
            json: Some(json!({ "n": 1 })),
            status: 201,
            headers: BTreeMap::new(),
            answer: Value::Null,
            began: 0,
            sent_at: Duration::ZERO,
        };
        assert_eq!(
            exchange.value(&json!("ann_1")),
            json!({
                "method": "PUT", "path": "/rooms//7/members", "segments": ["rooms", "7", "members"],
                "query": { "as": "guest" }, "json": { "n": 1 }, "status": 201, "answer": null, "participant": "ann_1",
            })
        );
    }
}
