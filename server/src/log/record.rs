//! The records of a log.

use std::sync::Arc;

use crate::domain::{ClientMessageId, InviteId, Message, Participant, SequenceId, Timestamp, UserId};

/// A fact in the log of a conversation. What a store keeps is a list of these, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    /// The conversation exists; always the first record.
    Created {
        /// Its title.
        title: String,
        /// Its sites.
        sites: Vec<String>,
        /// Its free-form mode.
        mode: String,
        /// Who made it.
        creator: UserId,
        /// When.
        at: Timestamp,
    },
    /// Somebody became a participant.
    Joined(Participant),
    /// Somebody is no longer a participant.
    Left {
        /// Who.
        user: UserId,
        /// When.
        at: Timestamp,
    },
    /// Properties changed.
    Edited {
        /// What is different.
        edit: Edit,
        /// When.
        at: Timestamp,
    },
    /// A message has its place.
    Posted(Arc<Message>),
    /// An invite exists.
    Invited(Invite),
    /// Somebody joined by an invite; stands beside the record of the join.
    InviteUsed {
        /// Which one.
        invite: InviteId,
    },
    /// A read position moved forward.
    Read {
        /// Whose.
        user: UserId,
        /// Up to and including this message.
        up_to: SequenceId,
    },
}

/// Lets people join who know it, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invite {
    /// Its id, which is all the proof there is.
    pub(crate) id: InviteId,
    /// Who made it.
    pub(crate) by: UserId,
    /// When.
    pub(crate) created_at: Timestamp,
    /// When it expires.
    pub(crate) expires_at: Timestamp,
    /// How many may join by it; without a number any.
    pub(crate) max_uses: Option<u32>,
    /// How many have.
    pub(crate) uses: u32,
}

impl Invite {
    /// Whether it admits one more person at this moment.
    pub(crate) fn is_good(&self, at: Timestamp) -> bool {
        at < self.expires_at && self.max_uses.is_none_or(|most| self.uses < most)
    }
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

/// The key by which the server recognises a message that is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SentKey {
    /// The sender.
    pub(crate) sender: UserId,
    /// Its id of the message.
    pub(crate) client_id: ClientMessageId,
}
