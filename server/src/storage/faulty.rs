//! A store that fails, waits or holds commits when a test says so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::append::{Append, AppendId};
use super::error::StoreError;
use super::store::{LoadedConversation, LogStore, Store, StoreFuture, StoreWrapper};
use crate::config::Gate;
use crate::domain::{ConversationId, Message, SequenceId};
use crate::log::SentKey;

/// The faults to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FaultSettings {
    /// Hold commits.
    pub(crate) gate: Gate,
    /// How many commits pass before any fails.
    pub(crate) pass_next: u64,
    /// How many of the next commits fail.
    pub(crate) fail_next: u64,
    /// Of how many of the commits after those the outcome gets lost: they happen, and nobody hears of it.
    pub(crate) doubt_next: u64,
    /// How long each commit takes besides.
    pub(crate) delay: Duration,
}

/// The handle by which a test changes the faults while the server runs.
#[derive(Debug)]
pub(crate) struct FaultControls {
    settings: Mutex<(FaultSettings, usize)>,
    gate: watch::Sender<Gate>,
}

impl FaultControls {
    /// Starts with these faults.
    pub(crate) fn new(settings: FaultSettings) -> Self {
        Self { gate: watch::Sender::new(settings.gate), settings: Mutex::new((settings, 0)) }
    }

    fn lock(&self) -> MutexGuard<'_, (FaultSettings, usize)> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults now, and how many commits wait at the gate.
    pub(crate) fn read(&self) -> (FaultSettings, usize) {
        *self.lock()
    }

    /// Changes the faults and says what they are then.
    pub(crate) fn change(&self, change: impl FnOnce(&mut FaultSettings)) -> (FaultSettings, usize) {
        let now = {
            let mut guard = self.lock();
            change(&mut guard.0);
            *guard
        };
        self.gate.send_replace(now.0.gate);
        now
    }

    /// Waits for the gate; `Ok(false)` says that the outcome of this commit is to get lost.
    async fn pass(&self) -> Result<bool, StoreError> {
        let waits = Waits::begin(self);
        let mut gate = self.gate.subscribe();
        // The sender lives in `self`, so waiting ends only with an open gate.
        let _ = gate.wait_for(|gate| *gate == Gate::Open).await;
        drop(waits);
        let (fails, doubtful, delay) = {
            let settings = &mut self.lock().0;
            let passes = settings.pass_next > 0;
            let fails = !passes && settings.fail_next > 0;
            let doubtful = !passes && !fails && settings.doubt_next > 0;
            settings.pass_next = settings.pass_next.saturating_sub(1);
            settings.fail_next = settings.fail_next.saturating_sub(u64::from(fails));
            settings.doubt_next = settings.doubt_next.saturating_sub(u64::from(doubtful));
            (fails, doubtful, settings.delay)
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if fails { Err(StoreError::Injected) } else { Ok(!doubtful) }
    }
}

/// Counts one commit as waiting while it lives.
struct Waits<'a>(&'a FaultControls);

impl<'a> Waits<'a> {
    fn begin(controls: &'a FaultControls) -> Self {
        controls.lock().1 += 1;
        Self(controls)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let mut guard = self.0.lock();
        guard.1 = guard.1.saturating_sub(1);
    }
}

/// Wraps a store; only commits are affected, reads pass.
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    controls: Arc<FaultControls>,
}

impl FaultyStore {
    /// Wraps `inner` under these controls.
    pub(crate) fn new(inner: Arc<dyn Store>, controls: Arc<FaultControls>) -> Self {
        Self { inner, controls }
    }
}

impl LogStore for FaultyStore {
    fn append(&self, append: Append) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let is_heard = self.controls.pass().await?;
            self.inner.append(append).await?;
            if is_heard { Ok(()) } else { Err(StoreError::InDoubt("injected fault".into())) }
        })
    }

    fn has_append(&self, conversation: &ConversationId, append: AppendId) -> StoreFuture<'_, bool> {
        let conversation = conversation.clone();
        Box::pin(async move {
            // Asking needs the database as much as a commit does.
            let mut gate = self.controls.gate.subscribe();
            let _ = gate.wait_for(|gate| *gate == Gate::Open).await;
            self.inner.has_append(&conversation, append).await
        })
    }

    fn load(&self, id: &ConversationId, recent: usize) -> StoreFuture<'_, Option<LoadedConversation>> {
        self.inner.load(id, recent)
    }

    fn messages_after(
        &self,
        id: &ConversationId,
        after: SequenceId,
        limit: usize,
        bytes: usize,
    ) -> StoreFuture<'_, Vec<Arc<Message>>> {
        self.inner.messages_after(id, after, limit, bytes)
    }

    fn find_sent(&self, id: &ConversationId, keys: Vec<SentKey>) -> StoreFuture<'_, Vec<Option<Arc<Message>>>> {
        self.inner.find_sent(id, keys)
    }
}

impl StoreWrapper for FaultyStore {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }
}

impl Store for FaultyStore {
    fn check(&self) -> StoreFuture<'_, ()> {
        let (settings, _) = self.controls.read();
        if settings.fail_next > 0 {
            return Box::pin(std::future::ready(Err(StoreError::Injected)));
        }
        self.inner.check()
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        self.inner.close()
    }
}
