//! The log in memory. It is gone with the process; everything else behaves like a durable store.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::append::{Append, AppendId};
use super::error::StoreError;
use super::store::{ConversationPage, Store, StoreFuture};
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

/// Whether the messages among these records continue the log, under ids that their senders have not used.
fn fits(log: Option<&Log>, records: &[Record]) -> bool {
    let mut next = log.map_or(SequenceId::default(), |log| log.state.last_sequence).next();
    records.iter().all(|record| {
        let message = match record {
            Record::Created { .. } => return false,
            Record::Posted(message) => message,
            _ => return true,
        };
        let place = next;
        next = place.next();
        let key = message.client_id.clone().map(|client_id| SentKey { sender: message.sender.clone(), client_id });
        let is_new = key.is_none_or(|key| log.is_none_or(|log| !log.sent.contains_key(&key)));
        message.sequence == place && is_new
    })
}

#[derive(Debug, Default)]
struct Logs {
    by_id: HashMap<ConversationId, Log>,
    invites: HashMap<InviteId, ConversationId>,
    ordinal: u64,
}

impl Logs {
    fn append(&mut self, append: Append) -> Result<(), StoreError> {
        let Append { id: token, conversation: id, records } = append;
        let (created, rest) = match records.as_slice() {
            [created @ Record::Created { at, .. }, rest @ ..] => (Some((created, *at)), rest),
            rest => (None, rest),
        };
        let known = self.by_id.get(&id);
        if known.is_some() == created.is_some() || !fits(known, rest) {
            return Err(StoreError::Conflict(id));
        }
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

    fn load(&self, id: &ConversationId, recent: usize) -> Option<StoredState> {
        let log = self.by_id.get(id)?;
        let first = log.messages.len().saturating_sub(recent);
        let recent: VecDeque<_> = log.messages.iter().skip(first).cloned().collect();
        Some(StoredState { recent, ..log.state.clone() })
    }

    fn conversations_of(&self, user: &UserId, offset: usize, limit: usize) -> ConversationPage {
        let mut mine: Vec<_> = self.by_id.iter().filter(|(_, log)| log.state.members.contains_key(user)).collect();
        mine.sort_by_key(|(_, log)| std::cmp::Reverse(log.active));
        let page = mine.iter().skip(offset).take(limit);
        ConversationPage { ids: page.map(|(id, _)| (*id).clone()).collect(), total: mine.len() }
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

impl Store for MemoryStore {
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

    fn load(&self, id: &ConversationId, recent: usize) -> StoreFuture<'_, Option<StoredState>> {
        ready(Ok(self.logs().load(id, recent)))
    }

    fn messages_after(
        &self,
        id: &ConversationId,
        after: SequenceId,
        limit: usize,
    ) -> StoreFuture<'_, Vec<Arc<Message>>> {
        let page = |log: &Log| log.after(after).iter().take(limit).cloned().collect();
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

    fn conversation_of_invite(&self, invite: &InviteId) -> StoreFuture<'_, Option<ConversationId>> {
        ready(Ok(self.logs().invites.get(invite).cloned()))
    }

    fn check(&self) -> StoreFuture<'_, ()> {
        ready(Ok(()))
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        ready(Ok(()))
    }
}
