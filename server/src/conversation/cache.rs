//! The conversations in memory: one owner each, always.
//!
//! Types hold that rule. An owner needs an [`OwnerPermit`]; it comes from a [`LoadPermit`] alone, and there is one of
//! those for a conversation only while it has neither an owner nor another load. Both give the conversation free when
//! they are dropped, however that comes about: a load that fails or is cancelled leaves nothing behind, and neither does
//! an owner that ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::actor_message::ActorMessage;
use super::handle::ConversationHandle;
use crate::core::Rejection;
use crate::domain::ConversationId;

/// How a load ended, for those who wait for it.
type LoadResult = Option<Result<ConversationHandle, Rejection>>;

enum Entry {
    /// Somebody reads it from the log.
    Loading(watch::Receiver<LoadResult>),
    /// It has an owner. All other handles are clones of this one.
    Owned(ConversationHandle),
}

/// Where handles of conversations come from.
#[derive(Default)]
pub(super) struct ConversationCache {
    entries: Mutex<HashMap<ConversationId, Entry>>,
}

/// What is known of a conversation.
pub(super) enum Lookup {
    /// It is in memory.
    Found(ConversationHandle),
    /// Somebody loads it.
    Loading(Loading),
    /// Nobody does: whoever asked has to.
    Load(LoadPermit),
}

/// A load of somebody else.
pub(super) struct Loading(watch::Receiver<LoadResult>);

impl Loading {
    /// How it ends; `None` if it was given up.
    pub(super) async fn result(mut self) -> LoadResult {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

impl ConversationCache {
    fn entries(&self) -> MutexGuard<'_, HashMap<ConversationId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for a conversation.
    pub(super) fn look_up(self: &Arc<Self>, id: &ConversationId) -> Lookup {
        let mut entries = self.entries();
        match entries.get(id) {
            Some(Entry::Owned(handle)) => Lookup::Found(handle.clone()),
            Some(Entry::Loading(result)) => Lookup::Loading(Loading(result.clone())),
            None => {
                let (tell, result) = watch::channel(None);
                entries.insert(id.clone(), Entry::Loading(result));
                Lookup::Load(LoadPermit { cache: Arc::clone(self), id: id.clone(), tell, is_done: false })
            }
        }
    }

    /// Everything in memory.
    pub(super) fn all(&self) -> Vec<ConversationHandle> {
        let owned = |entry: &Entry| match entry {
            Entry::Owned(handle) => Some(handle.clone()),
            Entry::Loading(_) => None,
        };
        self.entries().values().filter_map(owned).collect()
    }

    /// How many in memory there are of which this holds.
    pub(super) fn count(&self, holds: impl Fn(&ConversationHandle) -> bool) -> usize {
        self.entries().values().filter(|entry| matches!(entry, Entry::Owned(handle) if holds(handle))).count()
    }

    /// Those in memory of which this holds.
    pub(super) fn filtered(&self, holds: impl Fn(&ConversationHandle) -> bool) -> Vec<ConversationHandle> {
        let wanted = |entry: &Entry| match entry {
            Entry::Owned(handle) if holds(handle) => Some(handle.clone()),
            _ => None,
        };
        self.entries().values().filter_map(wanted).collect()
    }
}

/// The right to load a conversation. Dropped without a result, the load was given up.
pub(super) struct LoadPermit {
    cache: Arc<ConversationCache>,
    id: ConversationId,
    tell: watch::Sender<LoadResult>,
    is_done: bool,
}

impl LoadPermit {
    /// The conversation is loaded; the permit is for the task that owns it from now on.
    pub(super) fn succeed(mut self, handle: &ConversationHandle) -> OwnerPermit {
        self.is_done = true;
        self.cache.entries().insert(self.id.clone(), Entry::Owned(handle.clone()));
        self.tell.send_replace(Some(Ok(handle.clone())));
        OwnerPermit { cache: Arc::clone(&self.cache), id: self.id.clone(), is_released: false }
    }

    /// It cannot be loaded; those who wait are told.
    pub(super) fn fail(mut self, rejection: Rejection) {
        self.is_done = true;
        self.cache.entries().remove(&self.id);
        self.tell.send_replace(Some(Err(rejection)));
    }
}

impl Drop for LoadPermit {
    fn drop(&mut self) {
        if !self.is_done {
            self.cache.entries().remove(&self.id);
        }
    }
}

/// Held by the task that owns a conversation, for as long as it does.
pub(super) struct OwnerPermit {
    cache: Arc<ConversationCache>,
    id: ConversationId,
    is_released: bool,
}

impl OwnerPermit {
    /// Takes the conversation out, unless a message lies in its mailbox or somebody could still send one.
    ///
    /// The lock makes this safe: a handle comes from a clone of another handle or from the cache. When the only handle is
    /// the one in the cache and the mailbox is empty, nobody has anything to send with, and nobody can get it; who comes
    /// next reads the log.
    pub(super) fn release_if_unused(&mut self, mailbox: &mpsc::UnboundedReceiver<ActorMessage>) -> bool {
        let mut entries = self.cache.entries();
        if mailbox.sender_strong_count() == 1 && mailbox.is_empty() {
            entries.remove(&self.id);
            self.is_released = true;
        }
        self.is_released
    }
}

impl Drop for OwnerPermit {
    fn drop(&mut self) {
        if !self.is_released {
            self.cache.entries().remove(&self.id);
        }
    }
}
