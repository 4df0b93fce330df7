//! What a store can be asked.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::append::{Append, AppendId};
use super::error::StoreError;
use crate::domain::{ConversationId, InviteId, Message, SequenceId, UserId};
use crate::log::{SentKey, StoredState};

/// The answer of a store, some time later.
pub(crate) type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

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
    /// Appends records to a conversation: all of them durably, or none. An answer that is given up changes nothing
    /// about the append.
    fn append(&self, append: Append) -> StoreFuture<'_, ()>;

    /// Whether this append, the latest of its conversation, is durable. Once it says no, it stays so.
    fn has_append(&self, conversation: &ConversationId, append: AppendId) -> StoreFuture<'_, bool>;

    /// The state that the conversation's log amounts to, with the newest `recent` messages; `None` if there is no
    /// such conversation.
    fn load(&self, id: &ConversationId, recent: usize) -> StoreFuture<'_, Option<StoredState>>;

    /// At most `limit` messages after a place, ascending.
    fn messages_after(
        &self,
        id: &ConversationId,
        after: SequenceId,
        limit: usize,
    ) -> StoreFuture<'_, Vec<Arc<Message>>>;

    /// For each key the message that was stored under it, however long ago.
    fn find_sent(&self, id: &ConversationId, keys: Vec<SentKey>) -> StoreFuture<'_, Vec<Option<Arc<Message>>>>;

    /// How many messages after `after`, up to `up_to`, are not by this reader. There must be a message at `up_to`,
    /// unless it is not behind `after`.
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

    /// Whether the store would take a commit now. A store that failed tries one.
    fn check(&self) -> StoreFuture<'_, ()>;

    /// Finishes what it was given and lets go of files and connections. Whatever comes later fails.
    fn close(&self) -> StoreFuture<'_, ()>;
}
