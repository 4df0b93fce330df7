//! What the server says, as JSON.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Number;

use super::body::{FrameBody, MemberBody, ServerFrame, SocketLimits, TypingParticipant, roster};
use super::faults::name_of;
use crate::core::{Event, Fault, RosterEntry};
use crate::domain::{ConversationId, Message, Mode, SequenceId};

/// A period in seconds, whole where it is whole.
pub(crate) fn seconds(period: Duration) -> Number {
    if period.subsec_nanos() == 0 {
        return period.as_secs().into();
    }
    Number::from_f64(period.as_secs_f64()).unwrap_or_else(|| period.as_secs().into())
}

/// What frames tell about the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameSettings {
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
pub(crate) struct FrameEncoder {
    id: ConversationId,
    settings: FrameSettings,
}

impl FrameEncoder {
    /// For this conversation.
    pub(crate) fn new(id: ConversationId, settings: FrameSettings) -> Self {
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
    pub(crate) fn encode(&self, event: &Event) -> Bytes {
        self.frame(event).bytes()
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
            Event::ParticipantList { roster: list, at } => ServerFrame::ParticipantList {
                conversation_id,
                participants: roster(list),
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
            Event::Presence { online, participant, roster: list, at } => ServerFrame::ParticipantUpdate {
                action: if *online { "join" } else { "leave" },
                participant: participant.into(),
                participants: roster(list),
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
                participant: TypingParticipant { participant_id: &participant.id, display_name: &participant.name },
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
        everybody: &[RosterEntry],
        has_more: bool,
    ) -> Bytes {
        let body = |message| FrameBody::new(&self.id, message);
        let messages = messages.iter().map(|message| body(message)).collect();
        let frame =
            ServerFrame::Sync { messages, current_sequence_id: current, participants: roster(everybody), has_more };
        frame.bytes()
    }
}

/// The `message` frame, the same for all receivers.
pub(crate) fn message(conversation_id: &ConversationId, message: &Message) -> Bytes {
    let message = FrameBody::new(conversation_id, message);
    ServerFrame::Message { conversation_id, message }.bytes()
}

/// The `message_ack` frame.
pub(crate) fn ack(message: &Message, duplicate: bool) -> Bytes {
    let frame = ServerFrame::MessageAck {
        message_id: &message.id,
        client_message_id: message.client_id.as_ref(),
        sequence_id: message.sequence,
        duplicate,
    };
    frame.bytes()
}
