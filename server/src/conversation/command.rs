//! What can be asked of a conversation, and how it answers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::event::Fault;
use super::record::Invite;
use super::state::View;
use crate::domain::{ClientMessageId, InviteId, Message, MessageId, MessageKind, SequenceId, SocketId, UserId};

/// A request that changes what is stored. It is answered once it is committed.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Post a message.
    Say(Draft),
    /// Make `user` a participant; `by` asks for it.
    Join {
        /// Who asks.
        by: UserId,
        /// Who shall be in.
        user: UserId,
        /// The name that the others will see.
        name: String,
    },
    /// Leave on one's own.
    Leave {
        /// Who leaves.
        user: UserId,
    },
    /// Take somebody out; the creator only.
    Remove {
        /// Who asks.
        by: UserId,
        /// Who shall be out.
        user: UserId,
    },
    /// Make an invite.
    Invite {
        /// Who asks.
        by: UserId,
        /// The id it will have.
        id: InviteId,
        /// How long it is good.
        lasts: Duration,
        /// How many may join by it.
        max_uses: Option<u32>,
    },
    /// Become a participant by an invite.
    Accept {
        /// Which one.
        invite: InviteId,
        /// Who joins.
        user: UserId,
        /// The name that the others will see.
        name: String,
    },
    /// Change title, sites or mode.
    Edit {
        /// Who asks.
        by: UserId,
        /// What shall be different.
        edit: Edit,
    },
    /// Move a read position forward.
    Read {
        /// Whose position.
        user: UserId,
        /// The socket that said so.
        socket: SocketId,
        /// Read up to and including this message.
        up_to: SequenceId,
    },
}

/// A message before it has its place.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// The id it will have if it is new.
    pub(crate) id: MessageId,
    /// The sender's own id of it.
    pub(crate) client_id: Option<ClientMessageId>,
    /// Who sends it.
    pub(crate) sender: UserId,
    /// The socket it came from; `None` over REST and from an AI.
    pub(crate) socket: Option<SocketId>,
    /// What it is.
    pub(crate) kind: MessageKind,
    /// The text.
    pub(crate) content: String,
    /// What comes with it.
    pub(crate) metadata: Map<String, Value>,
}

/// New values for the properties of a conversation; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    /// New title.
    pub(crate) title: Option<String>,
    /// New sites.
    pub(crate) sites: Option<Vec<String>>,
    /// New mode.
    pub(crate) mode: Option<String>,
}

impl Edit {
    /// Whether nothing would change.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A frame of a socket that is not stored. It is handled behind what the same socket sent before it.
#[derive(Debug, Clone)]
pub(crate) enum Signal {
    /// The barrier: answered behind everything that this socket caused or was sent.
    Ping,
    /// Tell the others that this socket's user types, or no longer does.
    Typing(bool),
    /// Ask for what came after a message; `None` when the frame's number made no sense.
    Sync(Option<SequenceId>),
    /// A frame that could not be understood; stands in line so that its error has a definite place.
    Faulty(Fault),
}

/// How a change ended well.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The message has its place, now or since an earlier attempt.
    Said {
        /// The message as stored.
        message: Arc<Message>,
        /// It was there already.
        duplicate: bool,
    },
    /// Join and edit: what the conversation looks like to who asked.
    Seen(Box<View>),
    /// Leave and removal: how many are left.
    Left {
        /// Participants that remain.
        remaining: usize,
    },
    /// The invite as it was made.
    Invited(Invite),
    /// Done, and nothing to tell.
    Done,
}

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
    NoInvite,
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
