//! The state that a log amounts to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;

use super::record::{Edit, Invite, Record};
use crate::domain::{
    ClientMessageId, ConversationId, InviteId, Kind, Message, Mode, Participant, SequenceId, Timestamp, UserId,
};

/// How many of the newest messages the owner of a conversation keeps at hand. At least the 100 that a view
/// shows, and more than one batch of changes.
pub(crate) const RECENT: usize = 128;

/// The part of a conversation that is stored: exactly what its records say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredState {
    /// Its id.
    pub(crate) id: ConversationId,
    /// Its title.
    pub(crate) title: String,
    /// Its sites.
    pub(crate) sites: Vec<String>,
    /// Its free-form mode.
    pub(crate) mode: String,
    /// Who made it, whether or not still a participant.
    pub(crate) creator: UserId,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// When something last changed.
    pub(crate) updated_at: Timestamp,
    /// The participants in join order: the only list of them in the server.
    pub(crate) members: IndexMap<UserId, Participant>,
    /// How far people have read. Outlives a leave, since only `read` moves it.
    pub(crate) read_positions: BTreeMap<UserId, SequenceId>,
    /// The invites that had not expired when the newest of them was made.
    pub(crate) invites: IndexMap<InviteId, Invite>,
    /// The newest message's place; also the number of messages.
    pub(crate) last_sequence: SequenceId,
    /// The newest messages, oldest first, at most [`RECENT`].
    pub(crate) recent: VecDeque<Arc<Message>>,
}

impl StoredState {
    /// The state that a log amounts to; `None` unless it begins with its creation.
    pub(crate) fn replay<'a>(id: ConversationId, records: impl IntoIterator<Item = &'a Record>) -> Option<Self> {
        let mut records = records.into_iter();
        let Some(Record::Created { title, sites, mode, creator, at }) = records.next() else {
            return None;
        };
        let mut state = Self {
            id,
            title: title.clone(),
            sites: sites.clone(),
            mode: mode.clone(),
            creator: creator.clone(),
            created_at: *at,
            updated_at: *at,
            members: IndexMap::new(),
            read_positions: BTreeMap::new(),
            invites: IndexMap::new(),
            last_sequence: SequenceId::default(),
            recent: VecDeque::new(),
        };
        for record in records {
            state.fold(record);
        }
        Some(state)
    }

    /// Takes one more record in.
    pub(crate) fn fold(&mut self, record: &Record) {
        match record {
            Record::Created { .. } => {}
            Record::Joined(participant) => {
                self.updated_at = participant.joined_at;
                self.members.insert(participant.id.clone(), participant.clone());
            }
            Record::Left { user, at } => {
                self.updated_at = *at;
                self.members.shift_remove(user);
            }
            Record::Edited { edit, at } => {
                self.updated_at = *at;
                let Edit { title, sites, mode } = edit.clone();
                self.title = title.unwrap_or_else(|| std::mem::take(&mut self.title));
                self.sites = sites.unwrap_or_else(|| std::mem::take(&mut self.sites));
                self.mode = mode.unwrap_or_else(|| std::mem::take(&mut self.mode));
            }
            Record::Posted(message) => {
                self.updated_at = message.timestamp;
                self.last_sequence = message.sequence;
                self.recent.push_back(Arc::clone(message));
                if self.recent.len() > RECENT {
                    self.recent.pop_front();
                }
            }
            Record::Invited(invite) => {
                self.invites.retain(|_, earlier| invite.created_at < earlier.expires_at);
                self.invites.insert(invite.id.clone(), invite.clone());
            }
            Record::InviteUsed { invite } => {
                if let Some(invite) = self.invites.get_mut(invite) {
                    invite.uses = invite.uses.saturating_add(1);
                }
            }
            Record::Read { user, up_to } => {
                self.read_positions.insert(user.clone(), *up_to);
            }
        }
    }

    /// The recent message that this sender gave this id.
    pub(crate) fn recently_sent(&self, sender: &UserId, client_id: &ClientMessageId) -> Option<&Arc<Message>> {
        let is_it =
            |message: &&Arc<Message>| message.sender == *sender && message.client_id.as_ref() == Some(client_id);
        self.recent.iter().rev().find(is_it)
    }

    /// Mode by the number of participants.
    pub(crate) fn chat_mode(&self) -> Mode {
        Mode::of(self.members.values())
    }

    /// How many people (not AIs) are in.
    pub(crate) fn humans(&self) -> usize {
        let humans = self.members.values().filter(|member| member.kind == Kind::Human);
        humans.count()
    }

    /// How far this user has read.
    pub(crate) fn read_position(&self, user: &UserId) -> SequenceId {
        self.read_positions.get(user).copied().unwrap_or_default()
    }
}
