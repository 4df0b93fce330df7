//! The log in memory. It is gone with the process; everything else behaves like a durable store.

use std::collections::hash_map::Entry;
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

/// Whether the messages among these records continue the log behind this place.
fn continues(newest: SequenceId, records: &[Record]) -> bool {
    let mut next = newest.next();
    records.iter().all(|record| match record {
        Record::Created { .. } => false,
        Record::Posted(message) => {
            let is_next = message.sequence == next;
            next = next.next();
            is_next
        }
        _ => true,
    })
}

/// The sender's own id of a message, and the message's place.
fn sent_key(record: &Record) -> Option<(SentKey, SequenceId)> {
    let Record::Posted(message) = record else {
        return None;
    };
    let client_id = message.client_id.clone()?;
    Some((SentKey { sender: message.sender.clone(), client_id }, message.sequence))
}

/// Notes the ids of all messages among these records, or of none if one of them was used before.
fn note_sent(sent: &mut HashMap<SentKey, SequenceId>, records: &[Record]) -> Result<(), StoreError> {
    for (index, record) in records.iter().enumerate() {
        let Some((key, place)) = sent_key(record) else {
            continue;
        };
        match sent.entry(key) {
            Entry::Vacant(free) => drop(free.insert(place)),
            Entry::Occupied(_) => {
                for (key, _) in records.iter().take(index).filter_map(sent_key) {
                    sent.remove(&key);
                }
                return Err(StoreError::SentBefore);
            }
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
        let Self { by_id, invites, ordinal } = self;
        let (log, rest) = match records.as_slice() {
            [created @ Record::Created { at, .. }, rest @ ..] => {
                let is_new = after.is_none() && continues(SequenceId::default(), rest) && !by_id.contains_key(&id);
                let state = StoredState::replay(id.clone(), [created]).filter(|_| is_new);
                let Some(state) = state else {
                    return Err(StoreError::Conflict(id));
                };
                let active = (*at, *ordinal + 1);
                let mut sent = HashMap::new();
                note_sent(&mut sent, rest)?;
                let log = Log { state, messages: Vec::new(), sent, active, last_append: token };
                (by_id.entry(id.clone()).or_insert(log), rest)
            }
            rest => match by_id.get_mut(&id) {
                Some(log) if Some(log.last_append) == after && continues(log.state.last_sequence, rest) => {
                    note_sent(&mut log.sent, rest)?;
                    (log, rest)
                }
                _ => return Err(StoreError::Conflict(id)),
            },
        };
        *ordinal += 1;
        log.last_append = token;
        for record in rest {
            log.state.fold(record);
            if let Record::Invited(invite) = record {
                invites.insert(invite.id.clone(), id.clone());
            }
            if let Record::Posted(message) = record {
                log.active = (message.timestamp, *ordinal);
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
