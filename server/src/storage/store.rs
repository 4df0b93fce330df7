//! What a store can be asked.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::append::{Append, AppendId};
use super::error::StoreError;
use crate::domain::{ConversationId, InviteId, Message, SequenceId, Timestamp, UserId};
use crate::log::{SentKey, StoredState};

/// The answer of a store, some time later.
pub(crate) type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Waits for an answer; a store that is gone before it answers is closed.
pub(super) fn answered<'a, T: Send + 'a>(answer: oneshot::Receiver<Result<T, StoreError>>) -> StoreFuture<'a, T> {
    Box::pin(async { answer.await.unwrap_or_else(|_| Err(StoreError::failed("the store is closed"))) })
}

/// A conversation as its log has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoadedConversation {
    /// The state that the log amounts to.
    pub(crate) state: StoredState,
    /// The latest append; the next one follows it.
    pub(crate) last_append: AppendId,
}

/// What a list says about a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConversationSummary {
    /// Which one.
    pub(crate) id: ConversationId,
    /// Its title.
    pub(crate) title: String,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// How many take part.
    pub(crate) participants: usize,
    /// Messages of others behind the reader's position.
    pub(crate) unread: u64,
    /// When the newest message was said, and how it begins.
    pub(crate) newest: Option<(Timestamp, String)>,
}

/// One page of the conversations of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ConversationPage {
    /// Newest activity first.
    pub(crate) conversations: Vec<ConversationSummary>,
    /// How many there are in all.
    pub(crate) total: usize,
}

/// At most so many characters of the newest message stand in a list.
pub(crate) const PREVIEW_CHARS: usize = 100;

/// The log of each conversation: what its owner reads and writes.
pub(crate) trait LogStore: Send + Sync + 'static {
    /// Appends records to a conversation: all of them durably, or none. An append whose predecessor is not the latest
    /// one there is refused with [`StoreError::Conflict`]. An answer that is given up changes nothing about the append.
    fn append(&self, append: Append) -> StoreFuture<'_, ()>;

    /// Whether this append, the latest of its conversation, is durable. Once it says no, it stays so.
    fn has_append(&self, conversation: &ConversationId, append: AppendId) -> StoreFuture<'_, bool>;

    /// The conversation as its log has it, with the newest `recent` messages; `None` if there is no such conversation.
    fn load(&self, id: &ConversationId, recent: usize) -> StoreFuture<'_, Option<LoadedConversation>>;

    /// At most `limit` messages after a place, ascending; fewer where they have more than `bytes` bytes, but at least
    /// one.
    fn messages_after(
        &self,
        id: &ConversationId,
        after: SequenceId,
        limit: usize,
        bytes: usize,
    ) -> StoreFuture<'_, Vec<Arc<Message>>>;

    /// For each key the message that was stored under it, however long ago.
    fn find_sent(&self, id: &ConversationId, keys: Vec<SentKey>) -> StoreFuture<'_, Vec<Option<Arc<Message>>>>;
}

/// Questions over the logs, which no send waits for.
///
/// Which conversations a user is in is asked of the log, because the log is what makes somebody a participant;
/// a registry that kept its own index would be a second list that could drift.
pub(crate) trait LogQueries: Send + Sync + 'static {
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

    /// How many conversations a user takes part in by its own doing: those that others made it a participant of don't
    /// count.
    fn count_own(&self, user: &UserId) -> StoreFuture<'_, usize>;

    /// The conversation that an invite leads to, also when the invite is no longer good.
    fn conversation_of_invite(&self, invite: &InviteId) -> StoreFuture<'_, Option<ConversationId>>;
}

/// A store around another, which passes on the questions over the logs as they are.
pub(crate) trait StoreWrapper: Send + Sync + 'static {
    /// The store inside.
    fn inner(&self) -> &dyn Store;
}

impl<W: StoreWrapper> LogQueries for W {
    fn count_by_others(
        &self,
        id: &ConversationId,
        reader: &UserId,
        after: SequenceId,
        up_to: SequenceId,
    ) -> StoreFuture<'_, u64> {
        self.inner().count_by_others(id, reader, after, up_to)
    }

    fn conversations_of(&self, user: &UserId, offset: usize, limit: usize) -> StoreFuture<'_, ConversationPage> {
        self.inner().conversations_of(user, offset, limit)
    }

    fn count_own(&self, user: &UserId) -> StoreFuture<'_, usize> {
        self.inner().count_own(user)
    }

    fn conversation_of_invite(&self, invite: &InviteId) -> StoreFuture<'_, Option<ConversationId>> {
        self.inner().conversation_of_invite(invite)
    }
}

/// The durable log of all conversations.
pub(crate) trait Store: LogStore + LogQueries {
    /// Whether the store would take a commit now. A store that failed tries one.
    fn check(&self) -> StoreFuture<'_, ()>;

    /// Finishes what it was given and lets go of files and connections. Whatever comes later fails.
    fn close(&self) -> StoreFuture<'_, ()>;
}
