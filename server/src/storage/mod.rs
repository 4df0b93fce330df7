//! The durable log of conversations: the [`Store`] trait and its implementations.
//!
//! A store keeps records and answers questions about them; it takes no decisions. The owner of a conversation
//! is the only one that appends to it, one batch at a time, so a store needs no locking beyond its own.
//! Everything is asynchronous, may be slow, and may fail.

mod faulty;
mod memory;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use faulty::Gate;
pub(crate) use faulty::{FaultControls, FaultSettings, FaultyStore};
pub(crate) use memory::MemoryStore;

use crate::conversation::pipeline::SentKey;
use crate::conversation::record::{Durable, Record};
use crate::domain::{ConversationId, InviteId, Message, SequenceId, UserId};

/// The answer of a store, some time later.
pub(crate) type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a store could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    /// A conversation was appended to that was never created, or created twice.
    #[error("the log of {0} does not fit the records")]
    Misfit(ConversationId),
    /// A fault that a test asked for.
    #[error("injected fault")]
    Injected,
}

/// One page of the conversations of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ConversationPage {
    /// Newest activity first.
    pub(crate) ids: Vec<ConversationId>,
    /// How many there are in all.
    pub(crate) total: usize,
}

/// The durable log of all conversations.
///
/// Which conversations a user is in is asked of the log, because the log is what makes somebody a participant;
/// a registry that kept its own index would be a second list that could drift.
pub(crate) trait Store: Send + Sync + 'static {
    /// Appends records to a conversation: all of them durably, or none.
    fn append(&self, id: &ConversationId, records: Vec<Record>) -> StoreFuture<'_, ()>;

    /// The state that the conversation's log amounts to; `None` if there is no such conversation.
    fn load(&self, id: &ConversationId) -> StoreFuture<'_, Option<Durable>>;

    /// At most `limit` messages after a place, ascending.
    fn messages_after(
        &self,
        id: &ConversationId,
        after: SequenceId,
        limit: usize,
    ) -> StoreFuture<'_, Vec<Arc<Message>>>;

    /// For each key the message that was stored under it, however long ago.
    fn find_sent(&self, id: &ConversationId, keys: Vec<SentKey>) -> StoreFuture<'_, Vec<Option<Arc<Message>>>>;

    /// How many messages after `after`, up to `up_to`, are not by this reader.
    fn count_by_others(
        &self,
        id: &ConversationId,
        reader: &UserId,
        after: SequenceId,
        up_to: SequenceId,
    ) -> StoreFuture<'_, u64>;

    /// The conversations that a user is a participant of, newest activity (creation or message) first.
    fn conversations_of(&self, user: &UserId, offset: usize, limit: usize) -> StoreFuture<'_, ConversationPage>;

    /// The conversation that an invite leads to, also when the invite is no longer good.
    fn conversation_of_invite(&self, invite: &InviteId) -> StoreFuture<'_, Option<ConversationId>>;

    /// Whether the store would take a commit now.
    fn check(&self) -> StoreFuture<'_, ()>;
}
