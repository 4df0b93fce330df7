//! The bodies of answers.

use serde::Serialize;
use utoipa::ToSchema;

use crate::conversation::ReadView;
use crate::domain::{
    ClientMessageId, ConversationId, InviteId, Message, MessageId, MessageKind, SequenceId, Timestamp, UserId,
};
use crate::frame::{MemberBody, RosterEntryBody, STATUS, roster};
use crate::log::{Invite, StoredState};

use crate::storage::{ConversationSummary, PREVIEW_CHARS};

/// The most messages in a conversation's body.
const SHOWN: usize = 100;

/// Answer to a creation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedBody<'a> {
    conversation_id: &'a ConversationId,
    title: &'a str,
    created_at: Timestamp,
    participants: Vec<MemberBody<'a>>,
    sites: &'a [String],
    mode: &'a str,
    websocket_url: String,
}

impl<'a> From<&'a StoredState> for CreatedBody<'a> {
    fn from(state: &'a StoredState) -> Self {
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
#[derive(Debug, Serialize, ToSchema)]
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

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    Active,
    Inactive,
}

/// A whole conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConversationBody<'a> {
    id: &'a ConversationId,
    title: &'a str,
    sites: &'a [String],
    mode: &'a str,
    status: Status,
    participants: Vec<RosterEntryBody<'a>>,
    messages: Vec<MessageBody<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    participant_count: usize,
    message_count: u64,
    unread_count: u64,
    #[schema(required)]
    last_message_preview: Option<String>,
    #[schema(required)]
    last_message_at: Option<Timestamp>,
}

impl<'a> ConversationBody<'a> {
    /// With the newest messages that have at most so many bytes together.
    pub(super) fn new(read: &'a ReadView, bytes: usize) -> Self {
        let state = &read.view.stored;
        let mut total = 0;
        let fitting = state.recent.iter().rev().take(SHOWN).take_while(|message| {
            total += message.bytes();
            total <= bytes
        });
        // One message always fits.
        let first = state.recent.len().saturating_sub(fitting.count().max(1));
        Self {
            id: &state.id,
            title: &state.title,
            sites: &state.sites,
            mode: &state.mode,
            status: if state.humans() > 0 { Status::Active } else { Status::Inactive },
            participants: roster(&read.view.roster),
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
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListedBody<'a> {
    conversation_id: &'a ConversationId,
    title: &'a str,
    created_at: Timestamp,
    #[schema(required)]
    last_message_at: Option<Timestamp>,
    #[schema(required)]
    last_message_preview: Option<&'a str>,
    participant_count: usize,
    unread_count: u64,
}

impl<'a> From<&'a ConversationSummary> for ListedBody<'a> {
    fn from(summary: &'a ConversationSummary) -> Self {
        Self {
            conversation_id: &summary.id,
            title: &summary.title,
            created_at: summary.created_at,
            last_message_at: summary.newest.as_ref().map(|(at, _)| *at),
            last_message_preview: summary.newest.as_ref().map(|(_, preview)| preview.as_str()),
            participant_count: summary.participants,
            unread_count: summary.unread,
        }
    }
}

fn preview(state: &StoredState) -> Option<String> {
    let last = state.recent.back()?;
    Some(last.content.chars().take(PREVIEW_CHARS).collect())
}

/// One page of one's own conversations.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListBody<'a> {
    pub(super) conversations: Vec<ListedBody<'a>>,
    pub(super) total: usize,
    pub(super) limit: u64,
    pub(super) offset: u64,
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessagesBody<'a> {
    pub(super) messages: Vec<MessageBody<'a>>,
    pub(super) current_sequence_id: SequenceId,
    pub(super) has_more: bool,
}

/// Answer to a message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PostedBody<'a> {
    pub(super) message_id: &'a MessageId,
    #[schema(required)]
    pub(super) client_message_id: Option<&'a ClientMessageId>,
    pub(super) sequence_id: SequenceId,
    pub(super) duplicate: bool,
}

/// Answer to a join.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JoinedBody<'a> {
    pub(super) success: bool,
    pub(super) conversation: ConversationBody<'a>,
}

/// Answer to a leave and to a removal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LeftBody<'a> {
    pub(super) success: bool,
    pub(super) message: &'a str,
    pub(super) conversation_id: &'a ConversationId,
    pub(super) remaining_participants: usize,
}

/// A new invite.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InviteBody<'a> {
    invite: &'a InviteId,
    url: String,
    expires_at: Timestamp,
    #[schema(required)]
    max_uses: Option<u32>,
}

impl<'a> From<&'a Invite> for InviteBody<'a> {
    fn from(invite: &'a Invite) -> Self {
        Self {
            invite: &invite.id,
            url: format!("/chat/join/{}", invite.id),
            expires_at: invite.expires_at,
            max_uses: invite.max_uses,
        }
    }
}

/// What serves here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IndexBody {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

/// The server takes requests.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadyBody {
    pub(super) status: &'static str,
    pub(super) timestamp: Timestamp,
}

/// How the chat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Health {
    /// All checks are good.
    Healthy,
    /// One is not.
    Degraded,
}

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Check {
    /// It works.
    Ok,
    /// It does not.
    Error,
}

impl From<bool> for Check {
    fn from(works: bool) -> Self {
        if works { Self::Ok } else { Self::Error }
    }
}

/// Whether the store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Storage {
    /// It does.
    Connected,
    /// It does not.
    Error,
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HealthBody {
    pub(super) status: Health,
    pub(super) timestamp: Timestamp,
    /// Open sockets; told to callers with a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connections: Option<usize>,
    /// Conversations in memory; told to callers with a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conversations: Option<usize>,
    pub(super) storage: Storage,
    pub(super) checks: ChecksBody,
}

/// What was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChecksBody {
    pub(super) websocket: Check,
    pub(super) storage: Check,
    pub(super) queues: Check,
}
