//! Why a change is refused.

use super::event::FaultKind;
use crate::domain::{ClientMessageId, UserId};

/// Why a change was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    /// Whoever asks is not a participant; to it the conversation does not exist.
    #[error("conversation not found")]
    NotFound,
    /// Leaving without being in, or removing somebody who is not in.
    #[error("not a participant of this conversation")]
    NotParticipant,
    /// Acting for somebody else without the right to.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Joining twice.
    #[error("Already a participant: {0}")]
    AlreadyMember(UserId),
    /// The conversation has as many participants as it may have.
    #[error("the conversation has reached its capacity of {0} participants")]
    CapacityReached(usize),
    /// The invite is too old, or as many have joined by it as may.
    #[error("the invite has expired or was used up")]
    InviteExpired,
    /// There is no such invite.
    #[error("invite not found")]
    InviteNotFound,
    /// As many invites are good as may be.
    #[error("the conversation has reached its capacity of {0} open invites")]
    TooManyInvites(usize),
    /// The user is in as many conversations as it may be.
    #[error("the user is in {0} conversations already, which is the limit")]
    ConversationLimit(usize),
    /// The same client id came with other content.
    #[error("message_id {0:?} was used for another message")]
    IdConflict(ClientMessageId),
    /// Too many messages wait for the store.
    #[error("too many messages wait to be stored")]
    QueueFull,
    /// The store failed or could not be reached.
    #[error("the message store is unavailable")]
    StorageUnavailable,
    /// The server is going down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// How a rejection is named everywhere: over HTTP, in frames, in metrics and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RejectionNames {
    /// The status over HTTP.
    pub(crate) status: u16,
    /// The code over HTTP, in metrics and in logs.
    pub(crate) code: &'static str,
    /// The fault on a socket.
    pub(crate) fault: FaultKind,
    /// Whether trying again later makes sense.
    pub(crate) may_retry: bool,
}

impl Rejection {
    /// The one table of rejections.
    pub(crate) fn names(&self) -> RejectionNames {
        use FaultKind::{IdConflict, NotParticipant, QueueFull, ShuttingDown, StorageUnavailable};
        let (status, code, fault, may_retry) = match self {
            Self::NotFound => (404, "NOT_FOUND", NotParticipant, false),
            Self::NotParticipant => (404, "NOT_PARTICIPANT", NotParticipant, false),
            Self::Forbidden(_) => (403, "FORBIDDEN", NotParticipant, false),
            Self::AlreadyMember(_) => (409, "ALREADY_MEMBER", NotParticipant, false),
            Self::CapacityReached(_) => (429, "CAPACITY_REACHED", NotParticipant, false),
            Self::InviteExpired => (410, "INVITE_EXPIRED", NotParticipant, false),
            Self::InviteNotFound => (404, "NOT_FOUND", NotParticipant, false),
            Self::TooManyInvites(_) => (429, "CAPACITY_REACHED", NotParticipant, false),
            Self::ConversationLimit(_) => (429, "CONVERSATION_LIMIT", NotParticipant, false),
            Self::IdConflict(_) => (409, "ID_CONFLICT", IdConflict, false),
            Self::QueueFull => (429, "QUEUE_FULL", QueueFull, true),
            Self::StorageUnavailable => (503, "STORAGE_UNAVAILABLE", StorageUnavailable, true),
            Self::ShuttingDown => (503, "SHUTTING_DOWN", ShuttingDown, true),
        };
        RejectionNames { status, code, fault, may_retry }
    }
}
