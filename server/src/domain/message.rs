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
