//! Faults and ends of sockets as frames name them.

use crate::core::{CloseReason, Fault, FaultKind, Rejection};
use crate::domain::ClientMessageId;

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
    let kind = rejection.names().fault;
    Fault { kind, message: rejection.to_string(), message_id, retry_after: None }
}

/// The code and the text with which a socket is closed.
pub(crate) fn close_frame(reason: CloseReason) -> (u16, &'static str) {
    match reason {
        CloseReason::Left => (1000, "Left conversation"),
        CloseReason::Shutdown => (1001, "Server shutting down"),
        CloseReason::Protocol => (1002, "Protocol error"),
        CloseReason::NotUtf8 => (1007, "Text is not UTF-8"),
        CloseReason::TooManyFaults => (1008, "Too many faulty frames"),
        CloseReason::FrameTooBig => (1009, "Frame too big"),
        CloseReason::HeartbeatLost => (1011, "Heartbeat timeout"),
        CloseReason::ConversationLost => (1011, "Conversation interrupted; connect again"),
        CloseReason::LogUnavailable => (1011, "Message store unavailable"),
        CloseReason::TokenExpired => (4401, "Token expired"),
        CloseReason::TooSlow => (4408, "Reading too slowly"),
    }
}

/// Whether a fault counts towards the limit that closes a socket: all that the client could have avoided.
pub(crate) fn counts(kind: FaultKind) -> bool {
    !matches!(kind, FaultKind::QueueFull | FaultKind::StorageUnavailable)
}
