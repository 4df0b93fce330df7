//! The shapes of frames and of what is in them. Field names and their order are the protocol's.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use crate::core::RosterEntry;
use crate::domain::{
    ClientMessageId, ConversationId, Kind, Message, MessageId, MessageKind, Mode, Participant, SequenceId, Timestamp,
    UserId,
};
use crate::ws::FrameBuffer;

/// The status of every message that can be seen: it is durable, and on its way to everybody.
pub(crate) const STATUS: &str = "delivered";

/// A participant with its presence, as frames and REST both show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RosterEntryBody<'a> {
    participant_id: &'a UserId,
    display_name: &'a str,
    #[serde(rename = "type")]
    kind: Kind,
    joined_at: Timestamp,
    is_online: bool,
}

impl<'a> From<&'a RosterEntry> for RosterEntryBody<'a> {
    fn from(seat: &'a RosterEntry) -> Self {
        Self {
            participant_id: &seat.participant.id,
            display_name: &seat.participant.name,
            kind: seat.participant.kind,
            joined_at: seat.participant.joined_at,
            is_online: seat.online,
        }
    }
}

/// All participants in join order.
pub(crate) fn roster(roster: &[RosterEntry]) -> Vec<RosterEntryBody<'_>> {
    roster.iter().map(Into::into).collect()
}

/// A participant as presence and AI frames name it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NamedParticipant<'a> {
    participant_id: &'a UserId,
    display_name: &'a str,
    #[serde(rename = "type")]
    kind: Kind,
}

impl<'a> From<&'a Participant> for NamedParticipant<'a> {
    fn from(participant: &'a Participant) -> Self {
        Self { participant_id: &participant.id, display_name: &participant.name, kind: participant.kind }
    }
}

/// The sender of a typing frame.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypingParticipant<'a> {
    pub(super) participant_id: &'a UserId,
    pub(super) display_name: &'a str,
}

/// A participant as membership frames and the answer to a creation name it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberBody<'a> {
    id: &'a UserId,
    name: &'a str,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_at: Option<Timestamp>,
}

impl<'a> MemberBody<'a> {
    /// Without the time of joining.
    pub(crate) fn plain(participant: &'a Participant) -> Self {
        Self { id: &participant.id, name: &participant.name, kind: participant.kind, joined_at: None }
    }

    pub(super) fn dated(participant: &'a Participant) -> Self {
        Self { joined_at: Some(participant.joined_at), ..Self::plain(participant) }
    }
}

/// A message inside `message` and `sync` frames.
#[derive(Debug, Serialize)]
pub(super) struct FrameBody<'a> {
    message_id: &'a MessageId,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_message_id: Option<&'a ClientMessageId>,
    conversation_id: &'a ConversationId,
    sequence_id: SequenceId,
    sender_id: &'a UserId,
    sender_name: &'a str,
    content: &'a str,
    message_type: MessageKind,
    timestamp: Timestamp,
    status: &'static str,
    metadata: &'a Map<String, Value>,
}

impl<'a> FrameBody<'a> {
    pub(super) fn new(conversation_id: &'a ConversationId, message: &'a Message) -> Self {
        Self {
            message_id: &message.id,
            client_message_id: message.client_id.as_ref(),
            conversation_id,
            sequence_id: message.sequence,
            sender_id: &message.sender,
            sender_name: &message.sender_name,
            content: &message.content,
            message_type: message.kind,
            timestamp: message.timestamp,
            status: STATUS,
            metadata: &message.metadata,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct SocketLimits {
    pub(super) max_message_chars: usize,
    pub(super) heartbeat_seconds: Number,
}

/// Every frame that the server sends.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerFrame<'a> {
    Connected {
        conversation_id: &'a ConversationId,
        participant_id: &'a UserId,
        mode: Mode,
        input_timeout: u64,
        current_sequence_id: SequenceId,
        limits: SocketLimits,
    },
    ParticipantList {
        conversation_id: &'a ConversationId,
        participants: Vec<RosterEntryBody<'a>>,
        participant_count: usize,
        timestamp: Timestamp,
    },
    Message {
        conversation_id: &'a ConversationId,
        message: FrameBody<'a>,
    },
    MessageAck {
        message_id: &'a MessageId,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_message_id: Option<&'a ClientMessageId>,
        sequence_id: SequenceId,
        duplicate: bool,
    },
    ParticipantJoined {
        conversation_id: &'a ConversationId,
        participant: MemberBody<'a>,
        participant_count: usize,
        timestamp: Timestamp,
    },
    ParticipantLeft {
        conversation_id: &'a ConversationId,
        participant: MemberBody<'a>,
        participant_count: usize,
        timestamp: Timestamp,
    },
    ParticipantUpdate {
        action: &'static str,
        participant: NamedParticipant<'a>,
        participants: Vec<RosterEntryBody<'a>>,
        participant_count: usize,
        conversation_id: &'a ConversationId,
        timestamp: Timestamp,
    },
    ModeChange {
        conversation_id: &'a ConversationId,
        mode: Mode,
        input_timeout: u64,
        timestamp: Timestamp,
    },
    Typing {
        conversation_id: &'a ConversationId,
        participant: TypingParticipant<'a>,
        #[serde(rename = "isTyping")]
        is_typing: bool,
    },
    ConversationUpdated {
        conversation_id: &'a ConversationId,
        title: &'a str,
        sites: &'a [String],
        mode: &'a str,
        timestamp: Timestamp,
    },
    AiResponse {
        message_type: &'a str,
        conversation_id: &'a ConversationId,
        response_to: &'a MessageId,
        content: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a Value>,
        participant: NamedParticipant<'a>,
        #[serde(rename = "final")]
        last: bool,
    },
    Sync {
        messages: Vec<FrameBody<'a>>,
        current_sequence_id: SequenceId,
        participants: Vec<RosterEntryBody<'a>>,
        has_more: bool,
    },
    Error {
        error: &'static str,
        code: u16,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<Number>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<&'a ClientMessageId>,
    },
    Pong,
    ServerClosing {
        retry_after: Number,
    },
}

impl ServerFrame<'_> {
    /// The WebSocket frame, made once for all receivers. Nothing in it can fail to serialise: all keys are text and all
    /// numbers finite.
    pub(super) fn bytes(&self) -> Bytes {
        let mut buffer = FrameBuffer::with_capacity(self.expected_bytes());
        let serialised = serde_json::to_writer(&mut buffer, self);
        debug_assert!(serialised.is_ok(), "a frame that is no JSON: {serialised:?}");
        buffer.finish()
    }

    /// About how long the frame will be.
    fn expected_bytes(&self) -> usize {
        const USUAL: usize = 256;
        const OF_ONE: usize = 160;
        match self {
            Self::Message { message, .. } => USUAL + 256 + message.content.len(),
            Self::ParticipantList { participants, .. } | Self::ParticipantUpdate { participants, .. } => {
                USUAL + participants.len() * OF_ONE
            }
            Self::Sync { messages, participants, .. } => {
                let contents: usize = messages.iter().map(|message| 512 + message.content.len()).sum();
                USUAL + participants.len() * OF_ONE + contents
            }
            _ => USUAL,
        }
    }
}
