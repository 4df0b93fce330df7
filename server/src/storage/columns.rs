//! How values look in a database, the same in all of them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::StoreError;
use super::store::PREVIEW_CHARS;
use crate::domain::{Kind, Message, MessageKind, Participant, SequenceId, Timestamp};
use crate::log::Invite;

/// Databases count from the lowest negative number on; there are no messages so far out.
pub(super) fn place(sequence: SequenceId) -> i64 {
    i64::try_from(sequence.0).unwrap_or(i64::MAX)
}

/// The place that a database names.
pub(super) fn sequence(place: i64) -> SequenceId {
    SequenceId(u64::try_from(place).unwrap_or(0))
}

/// How a message begins, of its first bytes in UTF-8, which may end within a character.
pub(super) fn preview(bytes: &[u8]) -> String {
    let whole = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    whole.chars().take(PREVIEW_CHARS).collect()
}

/// A limit or an offset.
pub(super) fn number(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How many a database counted.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The name of a kind of participant.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Human => "human",
        Kind::Ai => "ai",
    }
}

/// The name of a kind of message.
pub(super) fn message_kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text => "text",
        MessageKind::NlwebResponse => "nlweb_response",
        MessageKind::Error => "error",
    }
}

/// A list of sites as text.
pub(super) fn sites_text(sites: &[String]) -> String {
    Value::from(sites).to_string()
}

/// The sites in a text.
pub(super) fn sites(text: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|error| unreadable("a list of sites", error))
}

/// What comes with a message, as text.
pub(super) fn metadata_text(metadata: &Map<String, Value>) -> String {
    serde_json::to_string(metadata).unwrap_or_else(|_| "{}".to_owned())
}

/// A member as it lies in a database.
pub(super) struct MemberRow {
    pub(super) user: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) joined_at: i64,
    pub(super) added_by_others: bool,
}

impl TryFrom<MemberRow> for Participant {
    type Error = StoreError;

    fn try_from(row: MemberRow) -> Result<Self, StoreError> {
        let kind = match row.kind.as_str() {
            "human" => Kind::Human,
            "ai" => Kind::Ai,
            other => return Err(unreadable("a participant's kind", other)),
        };
        Ok(Self {
            id: row.user.into(),
            name: row.name,
            kind,
            joined_at: Timestamp::from_millis(row.joined_at),
            added_by_others: row.added_by_others,
        })
    }
}

/// An invite as it lies in a database.
pub(super) struct InviteRow {
    pub(super) id: String,
    pub(super) by: String,
    pub(super) created_at: i64,
    pub(super) expires_at: i64,
    pub(super) max_uses: Option<i64>,
    pub(super) uses: i64,
}

impl From<InviteRow> for Invite {
    fn from(row: InviteRow) -> Self {
        let uses = |number: i64| u32::try_from(number.max(0)).unwrap_or(u32::MAX);
        Self {
            id: row.id.into(),
            by: row.by.into(),
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: Timestamp::from_millis(row.expires_at),
            max_uses: row.max_uses.map(uses),
            uses: uses(row.uses),
        }
    }
}

/// A message as it lies in a database.
pub(super) struct MessageRow {
    pub(super) sequence: i64,
    pub(super) id: String,
    pub(super) client_id: Option<String>,
    pub(super) sender: String,
    pub(super) sender_name: String,
    pub(super) content: String,
    pub(super) kind: String,
    pub(super) at: i64,
    pub(super) metadata: String,
}

impl TryFrom<MessageRow> for Arc<Message> {
    type Error = StoreError;

    fn try_from(row: MessageRow) -> Result<Self, StoreError> {
        let kind = match row.kind.as_str() {
            "text" => MessageKind::Text,
            "nlweb_response" => MessageKind::NlwebResponse,
            "error" => MessageKind::Error,
            other => return Err(unreadable("a message's kind", other)),
        };
        Ok(Arc::new(Message {
            id: row.id.into(),
            client_id: row.client_id.map(Into::into),
            sequence: sequence(row.sequence),
            sender: row.sender.into(),
            sender_name: row.sender_name,
            content: row.content,
            kind,
            timestamp: Timestamp::from_millis(row.at),
            metadata: serde_json::from_str(&row.metadata).map_err(|error| unreadable("a message's metadata", error))?,
        }))
    }
}

fn unreadable(what: &str, problem: impl std::fmt::Display) -> StoreError {
    StoreError::failed(format!("{what} in the database makes no sense: {problem}"))
}
