//! Messages.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ClientMessageId, MessageId, SequenceId, Timestamp, UserId};

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageKind {
    /// Written by a participant.
    Text,
    /// The whole answer of an AI participant.
    NlwebResponse,
    /// An AI participant failed to answer.
    Error,
}

/// A message with its place in the conversation. It never changes once it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// The server's id.
    pub(crate) id: MessageId,
    /// The sender's own id, if it gave one.
    pub(crate) client_id: Option<ClientMessageId>,
    /// Its place in the one order that everyone sees.
    pub(crate) sequence: SequenceId,
    /// Who sent it.
    pub(crate) sender: UserId,
    /// The sender's name when it was sent.
    pub(crate) sender_name: String,
    /// The text as it was sent.
    pub(crate) content: String,
    /// What it is.
    pub(crate) kind: MessageKind,
    /// When its place was decided; never before the message in front of it.
    pub(crate) timestamp: Timestamp,
    /// What came with it (`sites`, `mode`, `response_to`).
    pub(crate) metadata: Map<String, Value>,
}

impl Message {
    /// Roughly how many bytes it takes in a frame, which is the most that it takes anywhere: everything that it holds.
    pub(crate) fn bytes(&self) -> usize {
        /// Names of fields, ids of fixed length, times, numbers.
        const REST: usize = 400;
        let client_id = self.client_id.as_ref().map_or(0, |id| json_bytes(id.as_str()));
        let sender = json_bytes(self.sender.as_str()) + json_bytes(&self.sender_name);
        json_bytes(&self.content)
            + sender
            + client_id
            + self.metadata.iter().map(|(key, value)| key.len() + value_bytes(value)).sum::<usize>()
            + REST
    }
}

/// How many bytes a text takes in JSON.
pub(crate) fn json_bytes(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => json_bytes(text) + 2,
        Value::Array(list) => list.iter().map(|value| value_bytes(value) + 1).sum(),
        Value::Object(object) => object.iter().map(|(key, value)| key.len() + value_bytes(value) + 4).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}
