//! The conversations in memory, and how one is unloaded without losing a message that was sent to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OnceCell, mpsc};

use super::actor_message::ActorMessage;
use super::handle::ConversationHandle;
use crate::domain::ConversationId;

/// The entry of one conversation: empty while somebody reads the conversation from the log.
pub(super) type CacheSlot = Arc<OnceCell<ConversationHandle>>;

/// The conversations in memory. There is one handle here for each conversation in memory; all others are
/// clones of it.
#[derive(Default)]
pub(super) struct ConversationCache {
    slots: Mutex<HashMap<ConversationId, CacheSlot>>,
}

impl ConversationCache {
    fn slots(&self) -> MutexGuard<'_, HashMap<ConversationId, CacheSlot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slot of a conversation, a new one where there is none.
    pub(super) fn slot(&self, id: &ConversationId) -> CacheSlot {
        let mut slots = self.slots();
        // Should the owner of a conversation have ended, a new one reads the log.
        if slots.get(id).and_then(|slot| slot.get()).is_some_and(ConversationHandle::is_gone) {
            slots.remove(id);
        }
        Arc::clone(slots.entry(id.clone()).or_default())
    }

    /// The conversation, if it is in memory.
    pub(super) fn get(&self, id: &ConversationId) -> Option<ConversationHandle> {
        self.slots().get(id)?.get().filter(|handle| !handle.is_gone()).cloned()
    }

    /// Everything in memory.
    pub(super) fn all(&self) -> Vec<ConversationHandle> {
        self.slots().values().filter_map(|slot| slot.get().cloned()).collect()
    }

    /// Removes a slot that stayed empty.
    pub(super) fn remove_if_empty(&self, id: &ConversationId) {
        let mut slots = self.slots();
        if slots.get(id).is_some_and(|slot| !slot.initialized()) {
            slots.remove(id);
        }
    }

    /// Takes a conversation out for good, unless a message lies in its mailbox or somebody could still send one.
    ///
    /// The lock makes this safe: a handle comes from a clone of another handle or from a slot, and a slot comes from
    /// here. When the only slot is ours, the only handle is the one in it, and the mailbox is empty, then nobody has
    /// anything to send with, and nobody can get it until the slot is gone; who comes next reads the log.
    pub(super) fn remove_if_unused(
        &self,
        id: &ConversationId,
        mailbox: &mpsc::UnboundedReceiver<ActorMessage>,
    ) -> bool {
        let mut slots = self.slots();
        let is_alone = slots.get(id).is_some_and(|slot| Arc::strong_count(slot) == 1)
            && mailbox.sender_strong_count() == 1
            && mailbox.is_empty();
        if is_alone {
            slots.remove(id);
        }
        is_alone
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::core::CloseReason;
    use crate::domain::SocketId;
    use crate::metrics::Metrics;
    use crate::storage::MemoryStore;

    /// A conversation in a cache.
    async fn cached() -> (ConversationCache, ConversationId, UnboundedReceiver<ActorMessage>) {
        let (cache, id) = (ConversationCache::default(), ConversationId::from("conv"));
        let (mailbox, messages) = unbounded_channel();
        let store = Arc::new(MemoryStore::new(Metrics::new().unwrap().store()));
        let handle =
            ConversationHandle { id: id.clone(), mailbox, store, recent: Arc::default(), pending: Arc::default() };
        cache.slot(&id).get_or_init(|| async { handle }).await;
        (cache, id, messages)
    }

    #[tokio::test]
    async fn nobody_loses_what_it_could_still_send() {
        let (cache, id, mut messages) = cached().await;
        let handle = cache.get(&id).unwrap();
        assert!(!cache.remove_if_unused(&id, &messages), "somebody has a handle");
        handle.close_socket(SocketId(1), CloseReason::Left);
        drop(handle);
        assert!(!cache.remove_if_unused(&id, &messages), "a message lies in the mailbox");
        messages.recv().await.unwrap();
        let slot = cache.slot(&id);
        assert!(!cache.remove_if_unused(&id, &messages), "somebody is about to get a handle");
        drop(slot);
        assert!(cache.remove_if_unused(&id, &messages));
        assert!(cache.get(&id).is_none() && !cache.slot(&id).initialized(), "who comes next reads the log");
        assert!(!cache.remove_if_unused(&id, &messages), "only once");
    }

    #[tokio::test]
    async fn an_owner_that_ended_is_replaced() {
        let (cache, id, messages) = cached().await;
        drop(messages);
        assert!(cache.get(&id).is_none());
        assert!(!cache.slot(&id).initialized());
        cache.remove_if_empty(&id);
        assert!(cache.all().is_empty());
    }
}
