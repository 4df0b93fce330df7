//! Faults and ends of sockets as frames name them.

use axum::extract::ws::{CloseFrame, close_code};

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
        | Rejection::InviteNotFound
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
