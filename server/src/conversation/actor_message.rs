//! What can be sent to the task that owns a conversation.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::core::{Change, CloseReason, Outcome, Rejection, Signal, StartAt, View};
use crate::domain::{ClientMessageId, SequenceId, SocketId, UserId};
use crate::outbound::{Outbound, Permit};

/// What comes back to whoever asked for a change.
#[derive(Debug)]
pub(crate) enum ReplyTo {
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
    /// Whoever waits for a socket's read position to be stored.
    StoredRead {
        /// The socket that said so.
        socket: SocketId,
        /// Told when it is stored, or cannot be.
        done: Option<oneshot::Sender<()>>,
        /// Given back once the outcome is known.
        permit: Permit,
    },
    /// An AI's own message.
    Ai,
}

/// A question about what is committed; it waits for nothing. `None` answers a stranger.
#[derive(Debug)]
pub(crate) enum Query {
    /// What the conversation looks like.
    View(UserId, oneshot::Sender<Option<View>>),
    /// The newest message, for a participant.
    NewestMessage(UserId, oneshot::Sender<Option<SequenceId>>),
}

/// What can be sent to the owner of a conversation.
#[derive(Debug)]
pub(crate) enum ActorMessage {
    /// A change to be stored. Boxed, because a mailbox makes room for many messages of the largest kind.
    Change(Box<Change>, ReplyTo),
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
        /// Where its client says that it is in the log.
        start: StartAt,
        /// Where its frames go.
        outbound: Arc<Outbound>,
        /// Told once it is connected, or why it cannot be.
        reply: oneshot::Sender<Result<(), CloseReason>>,
    },
    /// Store this user's read position now, if one waits.
    StoreRead(UserId, oneshot::Sender<()>),
    /// A socket closed.
    Disconnect(SocketId),
    /// A socket is to be closed.
    CloseSocket(SocketId, CloseReason),
    /// Finish what waits, and close all sockets.
    Drain(oneshot::Sender<()>),
    /// Close all sockets at once.
    CloseNow,
}

impl ReplyTo {
    /// The permit of a frame, once its outcome is on its way.
    pub(crate) fn into_permit(self) -> Permit {
        match self {
            Self::Socket { permit, .. } | Self::StoredRead { permit, .. } => permit,
            Self::Request(_) | Self::Ai => None,
        }
    }
}
