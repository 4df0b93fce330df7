//! The state of a conversation, computed from its log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;

use super::record::{Edit, Invite, Record};
use crate::domain::{
    ClientMessageId, ConversationId, InviteId, Kind, Message, MessageKind, Mode, Participant, SequenceId, Timestamp,
    UserId,
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
    pub(crate) members: Arc<IndexMap<UserId, Participant>>,
    /// How far people have read. Outlives a leave, since only `read` moves it.
    pub(crate) read_positions: Arc<BTreeMap<UserId, SequenceId>>,
    /// The invites that had not expired when the newest of them was made.
    pub(crate) invites: Arc<IndexMap<InviteId, Invite>>,
    /// The newest message's place; also the number of messages.
    pub(crate) last_sequence: SequenceId,
    /// The newest messages, oldest first, at most [`RECENT`].
    pub(crate) recent: VecDeque<Arc<Message>>,
    /// The last messages of people, oldest first, however long ago: what an AI is told. At most [`CONTEXT_HUMAN`].
    pub(crate) last_human: VecDeque<Arc<Message>>,
    /// The last answer of an AI, however long ago.
    pub(crate) last_answer: Option<Arc<Message>>,
}

/// The most messages of people in [`StoredState::last_human`].
pub(crate) const CONTEXT_HUMAN: usize = 5;

impl StoredState {
    /// Computes the state from the records of a log; `None` unless the first one is [`Record::Created`].
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
            members: Arc::default(),
            read_positions: Arc::default(),
            invites: Arc::default(),
            last_sequence: SequenceId::default(),
            recent: VecDeque::new(),
            last_human: VecDeque::new(),
            last_answer: None,
        };
        for record in records {
            state.fold(record);
        }
        Some(state)
    }

    /// A copy to decide on, which is cheap however much there is: of the recent messages it has the newest alone.
    pub(crate) fn draft(&self) -> Self {
        Self {
            recent: self.recent.back().cloned().into_iter().collect(),
            id: self.id.clone(),
            title: self.title.clone(),
            sites: self.sites.clone(),
            mode: self.mode.clone(),
            creator: self.creator.clone(),
            members: Arc::clone(&self.members),
            read_positions: Arc::clone(&self.read_positions),
            invites: Arc::clone(&self.invites),
            last_human: VecDeque::new(),
            last_answer: None,
            ..*self
        }
    }

    /// Applies one more record.
    pub(crate) fn fold(&mut self, record: &Record) {
        match record {
            Record::Created { .. } => {}
            Record::Joined(participant) => {
                self.updated_at = participant.joined_at;
                Arc::make_mut(&mut self.members).insert(participant.id.clone(), participant.clone());
            }
            Record::Left { user, at } => {
                self.updated_at = *at;
                Arc::make_mut(&mut self.members).shift_remove(user);
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
                self.note_context(message);
            }
            Record::Invited(invite) => {
                Arc::make_mut(&mut self.invites).retain(|_, earlier| invite.created_at < earlier.expires_at);
                Arc::make_mut(&mut self.invites).insert(invite.id.clone(), invite.clone());
            }
            Record::InviteUsed { invite } => {
                if let Some(invite) = Arc::make_mut(&mut self.invites).get_mut(invite) {
                    invite.uses = invite.uses.saturating_add(1);
                }
            }
            Record::Read { user, up_to } => {
                Arc::make_mut(&mut self.read_positions).insert(user.clone(), *up_to);
            }
        }
    }

    /// Keeps what an AI will be told.
    fn note_context(&mut self, message: &Arc<Message>) {
        match message.kind {
            MessageKind::Text => {
                self.last_human.push_back(Arc::clone(message));
                if self.last_human.len() > CONTEXT_HUMAN {
                    self.last_human.pop_front();
                }
            }
            MessageKind::NlwebResponse => self.last_answer = Some(Arc::clone(message)),
            MessageKind::Error => {}
        }
    }

    /// Which messages are kept however old they are, and how many of each.
    pub(crate) const CONTEXT: [(MessageKind, usize); 2] =
        [(MessageKind::Text, CONTEXT_HUMAN), (MessageKind::NlwebResponse, 1)];

    /// Fills what an AI will be told, for a state whose recent messages were read from a database. Where they are not
    /// the whole log, `newest` gives the newest messages of a kind, the newest first.
    ///
    /// # Errors
    /// Those of `newest`.
    pub(crate) fn take_context<E>(
        &mut self,
        is_whole: bool,
        mut newest: impl FnMut(MessageKind, usize) -> Result<Vec<Arc<Message>>, E>,
    ) -> Result<(), E> {
        if is_whole {
            for message in self.recent.clone() {
                self.note_context(&message);
            }
            return Ok(());
        }
        for (kind, count) in Self::CONTEXT {
            for message in newest(kind, count)?.iter().rev() {
                self.note_context(message);
            }
        }
        Ok(())
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
