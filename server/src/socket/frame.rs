//! Frames as JSON: what the server says ([`Wire`]) and what clients say ([`ClientFrame`]).

mod body;
mod parse;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Utf8Bytes, close_code};
use serde_json::Number;

pub(crate) use self::body::{MemberBody, STATUS, SeatBody, seats};
use self::body::{MessageBody, ServerFrame, SocketLimits, Typist};
pub(crate) use self::parse::{ClientFrame, FrameLimits, parse};
use super::outbound::Worth;
use crate::conversation::command::Rejection;
use crate::conversation::event::{CloseReason, Event, Fault, FaultKind, Seat};
use crate::domain::{ClientMessageId, ConversationId, Message, Mode, SequenceId};

/// A period in seconds, whole where it is whole.
pub(crate) fn seconds(period: Duration) -> Number {
    if period.subsec_nanos() == 0 {
        return period.as_secs().into();
    }
    Number::from_f64(period.as_secs_f64()).unwrap_or_else(|| period.as_secs().into())
}

/// What frames tell about the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireSettings {
    /// For `limits`.
    pub(crate) max_message_chars: usize,
    /// For `limits`.
    pub(crate) heartbeat: Duration,
    /// For errors and the closing frame.
    pub(crate) retry_after: Duration,
    /// `input_timeout` in mode `single`, in milliseconds.
    pub(crate) input_timeout_single: u64,
    /// `input_timeout` in mode `multi`, in milliseconds.
    pub(crate) input_timeout_multi: u64,
}

/// Writes the frames of one conversation.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    id: ConversationId,
    settings: WireSettings,
}

impl Wire {
    /// For this conversation.
    pub(crate) fn new(id: ConversationId, settings: WireSettings) -> Self {
        Self { id, settings }
    }

    /// Which conversation.
    pub(crate) fn id(&self) -> &ConversationId {
        &self.id
    }

    fn input_timeout(&self, mode: Mode) -> u64 {
        match mode {
            Mode::Single => self.settings.input_timeout_single,
            Mode::Multi => self.settings.input_timeout_multi,
        }
    }

    /// The frame of an event.
    pub(crate) fn encode(&self, event: &Event) -> Utf8Bytes {
        self.frame(event).text()
    }

    fn frame<'a>(&'a self, event: &'a Event) -> ServerFrame<'a> {
        let conversation_id = &self.id;
        match event {
            Event::Connected { user, mode, current } => ServerFrame::Connected {
                conversation_id,
                participant_id: user,
                mode: *mode,
                input_timeout: self.input_timeout(*mode),
                current_sequence_id: *current,
                limits: SocketLimits {
                    max_message_chars: self.settings.max_message_chars,
                    heartbeat_seconds: seconds(self.settings.heartbeat),
                },
            },
            Event::ParticipantList { seats: list, at } => ServerFrame::ParticipantList {
                conversation_id,
                participants: seats(list),
                participant_count: list.len(),
                timestamp: *at,
            },
            Event::Joined { participant, count, at } => ServerFrame::ParticipantJoined {
                conversation_id,
                participant: MemberBody::dated(participant),
                participant_count: *count,
                timestamp: *at,
            },
            Event::Left { participant, count, at } => ServerFrame::ParticipantLeft {
                conversation_id,
                participant: MemberBody::plain(participant),
                participant_count: *count,
                timestamp: *at,
            },
            Event::Presence { online, participant, seats: list, at } => ServerFrame::ParticipantUpdate {
                action: if *online { "join" } else { "leave" },
                participant: participant.into(),
                participants: seats(list),
                participant_count: list.len(),
                conversation_id,
                timestamp: *at,
            },
            Event::ModeChanged { mode, at } => ServerFrame::ModeChange {
                conversation_id,
                mode: *mode,
                input_timeout: self.input_timeout(*mode),
                timestamp: *at,
            },
            Event::Typing { participant, typing } => ServerFrame::Typing {
                conversation_id,
                participant: Typist { participant_id: &participant.id, display_name: &participant.name },
                is_typing: *typing,
            },
            Event::Updated { title, sites, mode, at } => {
                ServerFrame::ConversationUpdated { conversation_id, title, sites, mode, timestamp: *at }
            }
            Event::AiResponse { participant, response_to, chunk, last } => ServerFrame::AiResponse {
                message_type: &chunk.message_type,
                conversation_id,
                response_to,
                content: &chunk.content,
                data: chunk.data.as_ref(),
                participant: participant.into(),
                last: *last,
            },
            Event::Pong => ServerFrame::Pong,
            Event::Fault(fault) => self.error(fault),
            Event::Closing { retry_after } => ServerFrame::ServerClosing { retry_after: seconds(*retry_after) },
        }
    }

    fn error<'a>(&self, fault: &'a Fault) -> ServerFrame<'a> {
        let (error, code) = name_of(fault.kind);
        let may_retry = matches!(code, 429 | 503);
        ServerFrame::Error {
            error,
            code,
            message: &fault.message,
            retry_after: may_retry.then(|| seconds(fault.retry_after.unwrap_or(self.settings.retry_after))),
            message_id: fault.message_id.as_ref(),
        }
    }

    /// A page of the log in answer to a sync.
    pub(crate) fn sync_page(
        &self,
        messages: &[Arc<Message>],
        current: SequenceId,
        everybody: &[Seat],
        has_more: bool,
    ) -> Utf8Bytes {
        let body = |message| MessageBody::new(&self.id, message);
        let messages = messages.iter().map(|message| body(message)).collect();
        let frame =
            ServerFrame::Sync { messages, current_sequence_id: current, participants: seats(everybody), has_more };
        frame.text()
    }
}

/// The `message` frame, the same for all receivers.
pub(crate) fn message(conversation_id: &ConversationId, message: &Message) -> Utf8Bytes {
    let message = MessageBody::new(conversation_id, message);
    ServerFrame::Message { conversation_id, message }.text()
}

/// The `message_ack` frame.
pub(crate) fn ack(message: &Message, duplicate: bool) -> Utf8Bytes {
    let frame = ServerFrame::MessageAck {
        message_id: &message.id,
        client_message_id: message.client_id.as_ref(),
        sequence_id: message.sequence,
        duplicate,
    };
    frame.text()
}

/// What a frame is worth to a socket that does not keep up.
pub(crate) fn worth(event: &Event) -> Worth {
    match event {
        Event::Typing { .. } => Worth::Passing,
        Event::AiResponse { .. } => Worth::Piece,
        Event::Presence { .. } | Event::Joined { .. } | Event::Left { .. } => Worth::Seats,
        Event::ModeChanged { .. } => Worth::Mode,
        Event::Updated { .. } => Worth::Properties,
        _ => Worth::Needed,
    }
}

/// Name and number of a fault on the wire.
pub(crate) fn name_of(kind: FaultKind) -> (&'static str, u16) {
    match kind {
        FaultKind::InvalidJson => ("invalid_json", 400),
        FaultKind::UnknownType => ("unknown_type", 400),
        FaultKind::InvalidMessage => ("invalid_message", 400),
        FaultKind::MessageTooLarge => ("message_too_large", 413),
        FaultKind::UnsupportedData => ("unsupported_data", 400),
        FaultKind::InvalidSync => ("invalid_sync", 400),
        FaultKind::IdConflict => ("id_conflict", 409),
        FaultKind::RateLimited => ("rate_limited", 429),
        FaultKind::QueueFull => ("queue_full", 429),
        FaultKind::StorageUnavailable => ("storage_unavailable", 503),
        FaultKind::NotParticipant => ("not_participant", 403),
        FaultKind::ShuttingDown => ("shutting_down", 503),
    }
}

/// The fault that a refused change amounts to on a socket.
pub(crate) fn fault(rejection: &Rejection, message_id: Option<ClientMessageId>) -> Fault {
    let kind = match rejection {
        Rejection::IdConflict(_) => FaultKind::IdConflict,
        Rejection::QueueFull => FaultKind::QueueFull,
        Rejection::StorageUnavailable => FaultKind::StorageUnavailable,
        Rejection::ShuttingDown => FaultKind::ShuttingDown,
        Rejection::NotFound
        | Rejection::NotParticipant
        | Rejection::Forbidden(_)
        | Rejection::AlreadyMember(_)
        | Rejection::CapacityReached(_)
        | Rejection::InviteExpired
        | Rejection::NoInvite
        | Rejection::TooManyInvites(_)
        | Rejection::ConversationLimit(_) => FaultKind::NotParticipant,
    };
    Fault { kind, message: rejection.to_string(), message_id, retry_after: None }
}

/// The close frame for a reason.
pub(crate) fn close_frame(reason: CloseReason) -> CloseFrame {
    let (code, text) = match reason {
        CloseReason::Left => (close_code::NORMAL, "Left conversation"),
        CloseReason::Shutdown => (close_code::AWAY, "Server shutting down"),
        CloseReason::TooManyFaults => (close_code::POLICY, "Too many faulty frames"),
        CloseReason::FrameTooBig => (close_code::SIZE, "Frame too big"),
        CloseReason::NotUtf8 => (close_code::INVALID, "Text is not UTF-8"),
        CloseReason::Protocol => (close_code::PROTOCOL, "Protocol error"),
        CloseReason::HeartbeatLost => (close_code::ERROR, "Heartbeat timeout"),
        CloseReason::TokenExpired => (4401, "Token expired"),
        CloseReason::TooSlow => (4408, "Reading too slowly"),
        CloseReason::LogUnavailable => (close_code::ERROR, "Message store unavailable"),
    };
    CloseFrame { code, reason: text.into() }
}
