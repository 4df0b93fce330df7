//! The conversations in memory, and how one leaves without losing a letter.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OnceCell, mpsc};

use super::handle::Handle;
use super::letter::Letter;
use crate::domain::ConversationId;

/// A place on the shelf: empty while somebody reads the conversation from the log.
pub(super) type Place = Arc<OnceCell<Handle>>;

/// Where handles of conversations come from. There is one handle here for each conversation in memory; all others are
/// clones of it.
#[derive(Default)]
pub(super) struct Shelf {
    places: Mutex<HashMap<ConversationId, Place>>,
}

impl Shelf {
    fn places(&self) -> MutexGuard<'_, HashMap<ConversationId, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of a conversation, a new one where there is none.
    pub(super) fn place(&self, id: &ConversationId) -> Place {
        let mut places = self.places();
        // Should the owner of a conversation have ended, a new one reads the log.
        if places.get(id).and_then(|place| place.get()).is_some_and(Handle::is_gone) {
            places.remove(id);
        }
        Arc::clone(places.entry(id.clone()).or_default())
    }

    /// The conversation, if it is in memory.
    pub(super) fn get(&self, id: &ConversationId) -> Option<Handle> {
        self.places().get(id)?.get().filter(|handle| !handle.is_gone()).cloned()
    }

    /// Everything in memory.
    pub(super) fn all(&self) -> Vec<Handle> {
        self.places().values().filter_map(|place| place.get().cloned()).collect()
    }

    /// Removes a place that stayed empty.
    pub(super) fn forget_empty(&self, id: &ConversationId) {
        let mut places = self.places();
        if places.get(id).is_some_and(|place| !place.initialized()) {
            places.remove(id);
        }
    }

    /// Takes a conversation out for good, unless a letter lies in its mailbox or somebody could still send one.
    ///
    /// The lock makes this safe: a handle comes from a clone of another handle or from a place, and a place comes from
    /// here. When the only place is ours, the only handle is the one in it, and the mailbox is empty, then nobody has
    /// anything to send with, and nobody can get it until the place is gone; who comes next reads the log.
    pub(super) fn put_away(&self, id: &ConversationId, mailbox: &mpsc::UnboundedReceiver<Letter>) -> bool {
        let mut places = self.places();
        let is_alone = places.get(id).is_some_and(|place| Arc::strong_count(place) == 1)
            && mailbox.sender_strong_count() == 1
            && mailbox.is_empty();
        if is_alone {
            places.remove(id);
        }
        is_alone
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::conversation::event::CloseReason;
    use crate::domain::SocketId;
    use crate::metrics::Metrics;
    use crate::storage::MemoryStore;

    /// A conversation on a shelf.
    async fn shelved() -> (Shelf, ConversationId, UnboundedReceiver<Letter>) {
        let (shelf, id) = (Shelf::default(), ConversationId::from("conv"));
        let (mailbox, letters) = unbounded_channel();
        let store = Arc::new(MemoryStore::new(Metrics::new().unwrap().store()));
        let handle = Handle { id: id.clone(), mailbox, store, tail: Arc::default(), pending: Arc::default() };
        shelf.place(&id).get_or_init(|| async { handle }).await;
        (shelf, id, letters)
    }

    #[tokio::test]
    async fn nobody_loses_what_it_could_still_send() {
        let (shelf, id, mut letters) = shelved().await;
        let handle = shelf.get(&id).unwrap();
        assert!(!shelf.put_away(&id, &letters), "somebody has a handle");
        handle.hang_up(SocketId(1), CloseReason::Left);
        drop(handle);
        assert!(!shelf.put_away(&id, &letters), "a letter lies in the mailbox");
        letters.recv().await.unwrap();
        let place = shelf.place(&id);
        assert!(!shelf.put_away(&id, &letters), "somebody is about to get a handle");
        drop(place);
        assert!(shelf.put_away(&id, &letters));
        assert!(shelf.get(&id).is_none() && !shelf.place(&id).initialized(), "who comes next reads the log");
        assert!(!shelf.put_away(&id, &letters), "only once");
    }

    #[tokio::test]
    async fn an_owner_that_ended_is_replaced() {
        let (shelf, id, letters) = shelved().await;
        drop(letters);
        assert!(shelf.get(&id).is_none());
        assert!(!shelf.place(&id).initialized());
        shelf.forget_empty(&id);
        assert!(shelf.all().is_empty());
    }
}
