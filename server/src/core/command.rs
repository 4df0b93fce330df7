//! What can be asked of a conversation, and how it answers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::event::Fault;
use super::state::View;
use crate::domain::{ClientMessageId, InviteId, Message, MessageId, MessageKind, SequenceId, SocketId, UserId};
use crate::log::{Edit, Invite};

/// A request that changes what is stored. It is answered once it is committed.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Post a message.
    Post(MessageDraft),
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
    CreateInvite {
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
    AcceptInvite {
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
pub(crate) struct MessageDraft {
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
    Faulty(Box<Fault>),
}

/// How a change ended well.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The message has its place, now or since an earlier attempt.
    Posted {
        /// The message as stored.
        message: Arc<Message>,
        /// It was stored before.
        duplicate: bool,
    },
    /// Join and edit: what the conversation looks like to who asked.
    View(Box<View>),
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
