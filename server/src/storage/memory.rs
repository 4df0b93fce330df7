//! The log in memory. It is gone with the process; everything else behaves like a durable store.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::append::{Append, AppendId};
use super::error::StoreError;
use super::store::{
    ConversationPage, ConversationSummary, LoadedConversation, LogQueries, LogStore, PREVIEW_CHARS, Store, StoreFuture,
};
use crate::domain::{ConversationId, InviteId, Message, SequenceId, Timestamp, UserId};
use crate::log::{Record, SentKey, StoredState};
use crate::metrics::StoreMetrics;

/// The log of one conversation. Messages lie apart from the other records, so that a place is an index.
#[derive(Debug)]
struct Log {
    /// What the records amount to, without messages.
    state: StoredState,
    messages: Vec<Arc<Message>>,
    sent: HashMap<SentKey, SequenceId>,
    /// Creation or newest message, and a number that grows with each, which breaks ties.
    active: (Timestamp, u64),
    last_append: AppendId,
}

impl Log {
    fn after(&self, after: SequenceId) -> &[Arc<Message>] {
        let start = usize::try_from(after.0).unwrap_or(usize::MAX);
        self.messages.get(start..).unwrap_or_default()
    }
}

impl Log {
    /// What a list says to this user.
    fn summary(&self, user: &UserId) -> ConversationSummary {
        let state = &self.state;
        let unread = self.after(state.read_position(user)).iter().filter(|message| message.sender != *user);
        let preview = |message: &Arc<Message>| message.content.chars().take(PREVIEW_CHARS).collect();
        ConversationSummary {
            id: state.id.clone(),
            title: state.title.clone(),
            created_at: state.created_at,
            participants: state.members.len(),
            unread: unread.count() as u64,
            newest: self.messages.last().map(|message| (message.timestamp, preview(message))),
        }
    }
}

/// Whether the messages among these records continue the log, under ids that their senders have not used.
fn check(id: &ConversationId, log: Option<&Log>, records: &[Record]) -> Result<(), StoreError> {
    let mut next = log.map_or(SequenceId::default(), |log| log.state.last_sequence).next();
    for record in records {
        let message = match record {
            Record::Created { .. } => return Err(StoreError::Conflict(id.clone())),
            Record::Posted(message) => message,
            _ => continue,
        };
        if message.sequence != next {
            return Err(StoreError::Conflict(id.clone()));
        }
        next = next.next();
        let key = message.client_id.clone().map(|client_id| SentKey { sender: message.sender.clone(), client_id });
        if key.is_some_and(|key| log.is_some_and(|log| log.sent.contains_key(&key))) {
            return Err(StoreError::SentBefore);
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Logs {
    by_id: HashMap<ConversationId, Log>,
    invites: HashMap<InviteId, ConversationId>,
    ordinal: u64,
}

impl Logs {
    fn append(&mut self, append: Append) -> Result<(), StoreError> {
        let Append { id: token, conversation: id, after, records } = append;
        let (created, rest) = match records.as_slice() {
            [created @ Record::Created { at, .. }, rest @ ..] => (Some((created, *at)), rest),
            rest => (None, rest),
        };
        let known = self.by_id.get(&id);
        let latest = known.map(|log| log.last_append);
        if latest != after || after.is_some() == created.is_some() {
            return Err(StoreError::Conflict(id));
        }
        check(&id, known, rest)?;
        self.ordinal += 1;
        if let Some((created, at)) = created
            && let Some(state) = StoredState::replay(id.clone(), [created])
        {
            let (messages, sent) = (Vec::new(), HashMap::new());
            self.by_id
                .insert(id.clone(), Log { state, messages, sent, active: (at, self.ordinal), last_append: token });
        }
        let Some(log) = self.by_id.get_mut(&id) else {
            return Err(StoreError::Conflict(id));
        };
        log.last_append = token;
        for record in rest {
            log.state.fold(record);
            if let Record::Invited(invite) = record {
                self.invites.insert(invite.id.clone(), id.clone());
            }
            if let Record::Posted(message) = record {
                log.active = (message.timestamp, self.ordinal);
                if let Some(client_id) = message.client_id.clone() {
                    let sender = message.sender.clone();
                    log.sent.insert(SentKey { sender, client_id }, message.sequence);
                }
                log.messages.push(Arc::clone(message));
                log.state.recent.clear();
            }
        }
        Ok(())
    }

    fn load(&self, id: &ConversationId, recent: usize) -> Option<LoadedConversation> {
        let log = self.by_id.get(id)?;
        let first = log.messages.len().saturating_sub(recent);
        let recent: VecDeque<_> = log.messages.iter().skip(first).cloned().collect();
        Some(LoadedConversation { state: StoredState { recent, ..log.state.clone() }, last_append: log.last_append })
    }

    fn conversations_of(&self, user: &UserId, offset: usize, limit: usize) -> ConversationPage {
        let mut mine: Vec<_> = self.by_id.values().filter(|log| log.state.members.contains_key(user)).collect();
        mine.sort_by_key(|log| std::cmp::Reverse(log.active));
        let page = mine.iter().skip(offset).take(limit);
        ConversationPage { conversations: page.map(|log| log.summary(user)).collect(), total: mine.len() }
    }
}

/// A [`Store`] in memory.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    logs: Mutex<Logs>,
    metrics: StoreMetrics,
}

impl MemoryStore {
    /// With nothing in it.
    pub(crate) fn new(metrics: StoreMetrics) -> Self {
        Self { logs: Mutex::default(), metrics }
    }

    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_log<T: Default>(&self, id: &ConversationId, ask: impl FnOnce(&Log) -> T) -> T {
        self.logs().by_id.get(id).map(ask).unwrap_or_default()
    }
}

/// An answer that is there at once.
fn ready<'a, T: Send + 'a>(result: Result<T, StoreError>) -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(result))
}

impl LogStore for MemoryStore {
    fn append(&self, append: Append) -> StoreFuture<'_, ()> {
        let (start, count) = (Instant::now(), append.records.len());
        let appended = self.logs().append(append);
        match &appended {
            Ok(()) => self.metrics.committed(count, start.elapsed()),
            Err(_) => self.metrics.failed(),
        }
        ready(appended)
    }

    fn has_append(&self, conversation: &ConversationId, append: AppendId) -> StoreFuture<'_, bool> {
        ready(Ok(self.in_log(conversation, |log| log.last_append == append)))
    }

    fn load(&self, id: &ConversationId, recent: usize) -> StoreFuture<'_, Option<LoadedConversation>> {
        ready(Ok(self.logs().load(id, recent)))
    }

    fn messages_after(
        &self,
        id: &ConversationId,
        after: SequenceId,
        limit: usize,
        bytes: usize,
    ) -> StoreFuture<'_, Vec<Arc<Message>>> {
        let page = |log: &Log| {
            let (mut page, mut total) = (Vec::new(), 0_usize);
            for message in log.after(after).iter().take(limit) {
                total = total.saturating_add(message.bytes());
                if total > bytes && !page.is_empty() {
                    break;
                }
                page.push(Arc::clone(message));
            }
            page
        };
        ready(Ok(self.in_log(id, page)))
    }

    fn find_sent(&self, id: &ConversationId, keys: Vec<SentKey>) -> StoreFuture<'_, Vec<Option<Arc<Message>>>> {
        let logs = self.logs();
        let log = logs.by_id.get(id);
        let find = |key: &SentKey| {
            let log = log?;
            let place = log.sent.get(key)?;
            log.after(SequenceId(place.0.checked_sub(1)?)).first().cloned()
        };
        ready(Ok(keys.iter().map(find).collect()))
    }
}

impl LogQueries for MemoryStore {
    fn count_by_others(
        &self,
        id: &ConversationId,
        reader: &UserId,
        after: SequenceId,
        up_to: SequenceId,
    ) -> StoreFuture<'_, u64> {
        let count = |log: &Log| {
            let unread = log.after(after).iter().take_while(|message| message.sequence <= up_to);
            unread.filter(|message| message.sender != *reader).count() as u64
        };
        ready(Ok(self.in_log(id, count)))
    }

    fn conversations_of(&self, user: &UserId, offset: usize, limit: usize) -> StoreFuture<'_, ConversationPage> {
        ready(Ok(self.logs().conversations_of(user, offset, limit)))
    }

    fn count_own(&self, user: &UserId) -> StoreFuture<'_, usize> {
        let logs = self.logs();
        let is_own = |log: &&Log| log.state.members.get(user).is_some_and(|member| !member.added_by_others);
        ready(Ok(logs.by_id.values().filter(is_own).count()))
    }

    fn conversation_of_invite(&self, invite: &InviteId) -> StoreFuture<'_, Option<ConversationId>> {
        ready(Ok(self.logs().invites.get(invite).cloned()))
    }
}

impl Store for MemoryStore {
    fn check(&self) -> StoreFuture<'_, ()> {
        ready(Ok(()))
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        ready(Ok(()))
    }
}
