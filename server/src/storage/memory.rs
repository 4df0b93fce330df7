//! The log in memory. It is gone with the process; everything else behaves like a durable store.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{ConversationPage, Store, StoreError, StoreFuture};
use crate::conversation::pipeline::SentKey;
use crate::conversation::record::{Durable, RECENT, Record};
use crate::domain::{ConversationId, InviteId, Message, SequenceId, Timestamp, UserId};
use crate::metrics::StoreMetrics;

/// The log of one conversation. Messages lie apart from the other records, so that a place is an index.
#[derive(Debug)]
struct Log {
    /// Everything but messages and read positions, in order.
    records: Vec<Record>,
    messages: Vec<Arc<Message>>,
    sent: HashMap<SentKey, SequenceId>,
    read_positions: BTreeMap<UserId, SequenceId>,
    /// Creation or newest message, and a number that grows with each, which breaks ties.
    active: (Timestamp, u64),
}

impl Log {
    /// Whether the log makes this user a participant: its last record about the user tells.
    fn has_member(&self, user: &UserId) -> bool {
        let says = self.records.iter().rev().find_map(|record| match record {
            Record::Joined(participant) if participant.id == *user => Some(true),
            Record::Left { user: left, .. } if left == user => Some(false),
            _ => None,
        });
        says == Some(true)
    }

    fn after(&self, after: SequenceId) -> &[Arc<Message>] {
        let start = usize::try_from(after.0).unwrap_or(usize::MAX);
        self.messages.get(start..).unwrap_or_default()
    }
}

#[derive(Debug, Default)]
struct Logs {
    by_id: HashMap<ConversationId, Log>,
    invites: HashMap<InviteId, ConversationId>,
    ordinal: u64,
}

impl Logs {
    fn append(&mut self, id: &ConversationId, records: Vec<Record>) -> Result<(), StoreError> {
        let creates = matches!(records.first(), Some(Record::Created { .. }));
        if creates == self.by_id.contains_key(id) {
            return Err(StoreError::Misfit(id.clone()));
        }
        let log = self.by_id.entry(id.clone()).or_insert_with(|| Log {
            records: Vec::new(),
            messages: Vec::new(),
            sent: HashMap::new(),
            read_positions: BTreeMap::new(),
            active: (Timestamp::from_millis(0), 0),
        });
        for record in records {
            match record {
                Record::Posted(message) => {
                    self.ordinal += 1;
                    log.active = (message.timestamp, self.ordinal);
                    if let Some(client_id) = message.client_id.clone() {
                        let sender = message.sender.clone();
                        log.sent.insert(SentKey { sender, client_id }, message.sequence);
                    }
                    log.messages.push(message);
                }
                Record::Read { user, up_to } => {
                    log.read_positions.insert(user, up_to);
                }
                record => {
                    if let Record::Created { at, .. } = record {
                        self.ordinal += 1;
                        log.active = (at, self.ordinal);
                    }
                    if let Record::Invited(invite) = &record {
                        self.invites.insert(invite.id.clone(), id.clone());
                    }
                    log.records.push(record);
                }
            }
        }
        Ok(())
    }

    fn load(&self, id: &ConversationId) -> Option<Durable> {
        let log = self.by_id.get(id)?;
        let mut state = Durable::replay(id.clone(), &log.records)?;
        let updated_at = state.updated_at;
        let first = log.messages.len().saturating_sub(RECENT);
        for message in log.messages.iter().skip(first) {
            state.fold(&Record::Posted(Arc::clone(message)));
        }
        state.updated_at = state.updated_at.max(updated_at);
        state.read_positions.clone_from(&log.read_positions);
        Some(state)
    }

    fn conversations_of(&self, user: &UserId, offset: usize, limit: usize) -> ConversationPage {
        let mut mine: Vec<_> = self.by_id.iter().filter(|(_, log)| log.has_member(user)).collect();
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
    fn append(&self, id: &ConversationId, records: Vec<Record>) -> StoreFuture<'_, ()> {
        let (start, count) = (Instant::now(), records.len());
        let appended = self.logs().append(id, records);
        match &appended {
            Ok(()) => self.metrics.committed(count, start.elapsed()),
            Err(_) => self.metrics.failed(),
        }
        ready(appended)
    }

    fn load(&self, id: &ConversationId) -> StoreFuture<'_, Option<Durable>> {
        ready(Ok(self.logs().load(id)))
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
}
