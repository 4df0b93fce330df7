//! A small correct server, and the histories of scenarios against it: what the tests of the invariants start from.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use serde_json_path::JsonPath;

use crate::history::{Closing, ConnectionId, Entry, EntryKind, Exchange, History, Member, Payload};
use crate::pattern::Pattern;
use crate::scenario::stream::{Acks, MemberRule, Membership, Readback, Refusals, Send, StoredStream, Stream};

pub(crate) fn pattern(value: &Value) -> Pattern {
    Pattern::compile(value).expect("a pattern of a test")
}

pub(crate) fn path(text: &str) -> JsonPath {
    JsonPath::parse(text).expect("a path of a test")
}

/// A chat's stream of messages, with everything that a protocol can declare.
pub(crate) fn messages() -> Stream {
    let rule =
        |request: Value| MemberRule { request: pattern(&request), stream: Some(path("$.segments[1]")), member: None };
    Stream {
        name: "messages".to_owned(),
        frame: pattern(&json!({ "type": "message" })),
        stream: Some(path("$.conversation_id")),
        connection: Some(path("$.segments[2]")),
        id: path("$.message.message_id"),
        order: path("$.message.sequence_id"),
        client_id: Some(path("$.message.client_message_id")),
        resume: Some("last_sequence_id".to_owned()),
        acks: Some(Acks {
            frame: pattern(&json!({ "type": "message_ack" })),
            id: path("$.message_id"),
            order: path("$.sequence_id"),
            stream: None,
            client_id: Some(path("$.client_message_id")),
            repeated: Some(pattern(&json!({ "duplicate": true }))),
            delivers: true,
        }),
        sends: vec![
            Send::Frame {
                frame: pattern(&json!({ "type": "message" })),
                client_id: path("$.message_id"),
                refused: Some(Refusals {
                    frame: pattern(&json!({ "type": "error" })),
                    client_id: path("$.message_id"),
                }),
            },
            Send::Request {
                request: pattern(&json!({ "method": "POST", "status": 201 })),
                stream: Some(path("$.segments[1]")),
                id: path("$.answer.message_id"),
                order: path("$.answer.sequence_id"),
            },
        ],
        membership: Some(Membership {
            connected: false,
            join: vec![rule(json!({ "method": "PUT", "status": 200 }))],
            leave: vec![rule(json!({ "method": "DELETE", "status": 200 }))],
        }),
        readback: Some(Readback {
            get: "/chat/{{ stream }}/messages".to_owned(),
            items: path("$.messages"),
            id: path("$.id"),
            order: path("$.sequence_id"),
            more: None,
        }),
    }
}

/// Participants with these keys; the run's suffix is `4711`.
pub(crate) fn members(keys: &[&str]) -> Vec<Member> {
    let member = |key: &&str| Member {
        key: (*key).to_owned(),
        id: format!("{key}_4711").into(),
        name: format!("{key} 4711"),
        captures: BTreeMap::new(),
    };
    keys.iter().map(member).collect()
}

/// The server's side of one conversation, and the history that the runner makes of it.
pub(crate) struct Chat {
    pub(crate) history: History,
    pub(crate) log: Vec<(String, i64)>,
    stream: String,
    frames: Vec<Value>,
    members: BTreeSet<String>,
    open: Vec<(ConnectionId, String)>,
    connections: usize,
    step: usize,
    sent: usize,
}

impl Chat {
    pub(crate) fn new() -> Self {
        Self {
            history: History::default(),
            log: Vec::new(),
            stream: "conv_1".to_owned(),
            frames: Vec::new(),
            members: BTreeSet::new(),
            open: Vec::new(),
            connections: 0,
            step: 0,
            sent: 0,
        }
    }

    fn begin(&mut self) {
        self.step += 1;
        self.history.step_began.insert(self.step, self.history.entries.len());
    }

    fn push(&mut self, participant: &str, what: EntryKind) {
        let at = Duration::from_millis(self.history.entries.len() as u64);
        self.history.entries.push(Entry { at, participant: participant.to_owned(), step: Some(self.step), what });
    }

    fn exchange(&mut self, participant: &str, method: &str, status: u16, answer: Value) {
        let began = self.history.entries.len();
        let exchange = Exchange {
            method: method.to_owned(),
            path: format!("/chat/{}/members", self.stream),
            query: BTreeMap::new(),
            json: None,
            status,
            headers: BTreeMap::new(),
            answer,
            began,
            sent_at: Duration::from_millis(began as u64),
        };
        self.push(participant, EntryKind::Exchange(Box::new(exchange)));
    }

    pub(crate) fn received(&mut self, participant: &str, connection: ConnectionId, frame: Value) {
        self.push(participant, EntryKind::Received { connection, frame: Payload::json(frame), barrier: false });
    }

    pub(crate) fn join(&mut self, who: &str) -> &mut Self {
        self.begin();
        let status = if self.members.insert(who.to_owned()) { 200 } else { 409 };
        self.exchange(who, "PUT", status, json!({}));
        self
    }

    /// Leaving closes the leaver's sockets, as the server does, before it answers.
    pub(crate) fn leave(&mut self, who: &str) -> &mut Self {
        self.begin();
        let was = self.members.remove(who);
        let (gone, open) = self.open.drain(..).partition(|(_, owner)| owner == who);
        self.open = open;
        let gone: Vec<(ConnectionId, String)> = gone;
        for (connection, _) in gone {
            let end = Closing::by_server(Some(1000), "Left conversation".to_owned());
            self.push(who, EntryKind::Closed { connection, end });
        }
        self.exchange(who, "DELETE", if was { 200 } else { 404 }, json!({}));
        self
    }

    /// Opens a connection, with the whole history or what comes after a position.
    pub(crate) fn connect(&mut self, who: &str, name: &str, resume: Option<i64>) -> &mut Self {
        self.begin();
        if !self.members.contains(who) {
            return self;
        }
        let connection = ConnectionId(self.connections);
        self.connections += 1;
        let query = resume.map(|after| ("last_sequence_id".to_owned(), after.to_string())).into_iter().collect();
        let path = format!("/chat/ws/{}", self.stream);
        self.push(who, EntryKind::Opened { connection, name: name.to_owned(), path, query });
        self.received(who, connection, json!({ "type": "connected" }));
        let after = usize::try_from(resume.unwrap_or(0)).unwrap_or(0);
        for frame in self.frames.iter().skip(after).cloned().collect::<Vec<_>>() {
            self.received(who, connection, frame);
        }
        self.open.push((connection, who.to_owned()));
        self
    }

    fn commit(&mut self, who: &str, text: &str, client: Option<&str>) -> (String, i64, Value) {
        let order = self.log.len() as i64 + 1;
        let id = format!("msg_{order:012x}");
        let mut message = json!({ "message_id": id, "sequence_id": order, "content": text, "sender_id": format!("{who}_4711"), "timestamp": "2026-01-15T10:30:00.123Z" });
        if let Some(client) = client {
            message["client_message_id"] = json!(client);
        }
        let frame = json!({ "type": "message", "conversation_id": self.stream, "message": message });
        self.log.push((id.clone(), order));
        self.frames.push(frame.clone());
        (id, order, frame)
    }

    /// Sends over the sender's first open connection: everybody's connections get it, that one the ack.
    pub(crate) fn say(&mut self, who: &str, text: &str) -> &mut Self {
        self.begin();
        let Some(own) = self.open.iter().find(|(_, owner)| owner == who).map(|(connection, _)| *connection) else {
            return self;
        };
        self.sent += 1;
        let client = format!("{:08x}-0000-4000-8000-000000000000", self.sent);
        let frame = json!({ "type": "message", "content": text, "message_id": client });
        self.push(who, EntryKind::Sent { connection: own, frame: Payload::json(frame), barrier: false });
        let (id, order, frame) = self.commit(who, text, Some(&client));
        for (connection, owner) in self.open.clone() {
            let ack = json!({ "type": "message_ack", "message_id": id, "client_message_id": client, "sequence_id": order, "duplicate": false });
            self.received(&owner, connection, if connection == own { ack } else { frame.clone() });
        }
        self
    }

    /// A sent frame with the sender's own id, of which the server makes nothing.
    pub(crate) fn sent(&mut self, who: &str, connection: ConnectionId, client: &str) {
        self.begin();
        let frame = Payload::json(json!({ "type": "message", "content": "hi", "message_id": client }));
        self.push(who, EntryKind::Sent { connection, frame, barrier: false });
    }

    /// Sends by a request.
    pub(crate) fn post(&mut self, who: &str, text: &str) -> &mut Self {
        self.begin();
        if !self.members.contains(who) {
            return self;
        }
        let (id, order, frame) = self.commit(who, text, None);
        let began = self.history.entries.len();
        for (connection, owner) in self.open.clone() {
            self.received(&owner, connection, frame.clone());
        }
        self.exchange(who, "POST", 201, json!({ "message_id": id, "sequence_id": order }));
        if let Some(EntryKind::Exchange(exchange)) = self.history.entries.last_mut().map(|entry| &mut entry.what) {
            exchange.began = began;
        }
        self
    }

    /// Passes the barrier on every open connection.
    pub(crate) fn settle(&mut self) -> &mut Self {
        self.begin();
        for (connection, owner) in self.open.clone() {
            self.ask(&owner, connection);
            self.answer(&owner, connection);
        }
        self
    }

    /// Asks a barrier that the server has yet to answer.
    pub(crate) fn ask(&mut self, who: &str, connection: ConnectionId) {
        self.push(who, EntryKind::Sent { connection, frame: Payload::json(json!({ "type": "ping" })), barrier: true });
    }

    /// Answers a barrier.
    pub(crate) fn answer(&mut self, who: &str, connection: ConnectionId) {
        let frame = Payload::json(json!({ "type": "pong" }));
        self.push(who, EntryKind::Received { connection, frame, barrier: true });
    }

    /// Ends a participant's connections without leaving.
    pub(crate) fn hang_up(&mut self, who: &str) -> &mut Self {
        self.begin();
        for (connection, owner) in std::mem::take(&mut self.open) {
            if owner == who {
                let end = Closing::dropped(String::new());
                self.push(who, EntryKind::Closed { connection, end });
            } else {
                self.open.push((connection, owner));
            }
        }
        self
    }

    /// The connections that are open, with their participants.
    pub(crate) fn open(&self) -> &[(ConnectionId, String)] {
        &self.open
    }

    /// What reading back gives.
    pub(crate) fn stored(&self) -> Vec<StoredStream> {
        vec![StoredStream { name: "messages".to_owned(), stream: self.stream.clone(), items: Ok(self.log.clone()) }]
    }
}
