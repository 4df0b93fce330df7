//! The bodies of answers.

use serde::Serialize;

use crate::conversation::handle::ReadView;
use crate::conversation::record::Durable;
use crate::domain::{ConversationId, Message, MessageId, MessageKind, SequenceId, Timestamp, UserId};
use crate::socket::frame::{MemberBody, STATUS, SeatBody, seats};

/// The most messages in a conversation's body.
const SHOWN: usize = 100;

/// The most characters of a preview.
const PREVIEW: usize = 100;

/// Answer to a creation.
#[derive(Debug, Serialize)]
pub(super) struct CreatedBody<'a> {
    conversation_id: &'a ConversationId,
    title: &'a str,
    created_at: Timestamp,
    participants: Vec<MemberBody<'a>>,
    sites: &'a [String],
    mode: &'a str,
    websocket_url: String,
}

impl<'a> From<&'a Durable> for CreatedBody<'a> {
    fn from(state: &'a Durable) -> Self {
        Self {
            conversation_id: &state.id,
            title: &state.title,
            created_at: state.created_at,
            participants: state.members.values().map(MemberBody::plain).collect(),
            sites: &state.sites,
            mode: &state.mode,
            websocket_url: format!("/chat/ws/{}", state.id),
        }
    }
}

/// A message as REST shows it.
#[derive(Debug, Serialize)]
pub(super) struct MessageBody<'a> {
    id: &'a MessageId,
    sequence_id: SequenceId,
    sender_id: &'a UserId,
    sender_name: &'a str,
    content: &'a str,
    timestamp: Timestamp,
    #[serde(rename = "type")]
    kind: MessageKind,
    status: &'static str,
}

impl<'a> From<&'a Message> for MessageBody<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            id: &message.id,
            sequence_id: message.sequence,
            sender_id: &message.sender,
            sender_name: &message.sender_name,
            content: &message.content,
            timestamp: message.timestamp,
            kind: message.kind,
            status: STATUS,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Active,
    Inactive,
}

/// A whole conversation.
#[derive(Debug, Serialize)]
pub(super) struct ConversationBody<'a> {
    id: &'a ConversationId,
    title: &'a str,
    sites: &'a [String],
    mode: &'a str,
    status: Status,
    participants: Vec<SeatBody<'a>>,
    messages: Vec<MessageBody<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    participant_count: usize,
    message_count: u64,
    unread_count: u64,
    last_message_preview: Option<String>,
    last_message_at: Option<Timestamp>,
}

impl<'a> From<&'a ReadView> for ConversationBody<'a> {
    fn from(read: &'a ReadView) -> Self {
        let state = &read.view.durable;
        let first = state.recent.len().saturating_sub(SHOWN);
        Self {
            id: &state.id,
            title: &state.title,
            sites: &state.sites,
            mode: &state.mode,
            status: if state.humans() > 0 { Status::Active } else { Status::Inactive },
            participants: seats(&read.view.seats),
            messages: state.recent.iter().skip(first).map(|message| (&**message).into()).collect(),
            created_at: state.created_at,
            updated_at: state.updated_at,
            participant_count: state.members.len(),
            message_count: state.last_sequence.0,
            unread_count: read.unread,
            last_message_preview: preview(state),
            last_message_at: state.recent.back().map(|message| message.timestamp),
        }
    }
}

/// A conversation in the list of one's own.
#[derive(Debug, Serialize)]
pub(super) struct ListedBody<'a> {
    conversation_id: &'a ConversationId,
    title: &'a str,
    created_at: Timestamp,
    last_message_at: Option<Timestamp>,
    last_message_preview: Option<String>,
    participant_count: usize,
    unread_count: u64,
}

impl<'a> From<&'a ReadView> for ListedBody<'a> {
    fn from(read: &'a ReadView) -> Self {
        let state = &read.view.durable;
        Self {
            conversation_id: &state.id,
            title: &state.title,
            created_at: state.created_at,
            last_message_at: state.recent.back().map(|message| message.timestamp),
            last_message_preview: preview(state),
            participant_count: state.members.len(),
            unread_count: read.unread,
        }
    }
}

fn preview(state: &Durable) -> Option<String> {
    let last = state.recent.back()?;
    Some(last.content.chars().take(PREVIEW).collect())
}
