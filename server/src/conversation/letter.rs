//! What can be sent to the task that owns a conversation.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::command::{Change, Outcome, Rejection, Signal};
use super::event::CloseReason;
use super::handle::Admission;
use super::state::View;
use crate::domain::{ClientMessageId, SequenceId, SocketId, UserId};
use crate::socket::outbound::{Outbound, Permit};

/// What comes back to whoever asked for a change.
#[derive(Debug)]
pub(crate) enum Ticket {
    /// A frame of a socket.
    Socket {
        /// Which socket.
        socket: SocketId,
        /// The client's id of its message, for an error.
        message_id: Option<ClientMessageId>,
        /// Given back once the outcome is written.
        permit: Permit,
    },
    /// A request that waits for its answer.
    Request(oneshot::Sender<Result<Outcome, Rejection>>),
    /// An AI's own message.
    Ai,
}

/// A question about what is committed; it waits for nothing. `None` answers a stranger.
#[derive(Debug)]
pub(crate) enum Query {
    /// What the conversation looks like.
    View(UserId, oneshot::Sender<Option<View>>),
    /// Whether the user is a participant, and the newest message.
    Admit(UserId, oneshot::Sender<Option<Admission>>),
}

/// What can be sent to the owner of a conversation.
#[derive(Debug)]
pub(crate) enum Letter {
    /// A change to be stored.
    Change(Change, Ticket),
    /// A frame that is not stored.
    Signal(SocketId, Signal, Permit),
    /// A question.
    Query(Query),
    /// A socket opens.
    Connect {
        /// Its id.
        socket: SocketId,
        /// Its user.
        user: UserId,
        /// The last message that it knows.
        after: Option<SequenceId>,
        /// Where its frames go.
        outbound: Arc<Outbound>,
        /// Told once it is connected, or why it cannot be.
        reply: oneshot::Sender<Result<(), CloseReason>>,
    },
    /// A socket closed.
    Disconnect(SocketId),
    /// A socket is to be closed.
    HangUp(SocketId, CloseReason),
    /// Finish and close.
    Drain(oneshot::Sender<()>),
    /// Close at once.
    Cut,
}

impl Ticket {
    /// The permit of a frame, once its outcome is on its way.
    pub(crate) fn into_permit(self) -> Permit {
        match self {
            Self::Socket { permit, .. } => permit,
            Self::Request(_) | Self::Ai => None,
        }
    }
}
