//! The durable log of conversations: the [`Store`] trait and its implementations.
//!
//! A store keeps records and answers questions about them; it takes no decisions. The owner of a conversation
//! is the only one that appends to it, one batch at a time, so a store needs no locking beyond its own.
//! Everything is asynchronous, may be slow, and may fail.
//!
//! `sqlite` and `postgres` have one writer each. It takes whatever waits, from all conversations, into one
//! transaction, and answers each append behind the commit: while one commit is under way the next batch gathers, so
//! that batches grow with the load and nobody waits for company when there is none. Reads use other connections.

mod append;
mod codes;
mod error;
mod faulty;
mod memory;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use append::{Append, AppendId, BatchLimits};
pub(crate) use error::{OpenError, StoreError};
pub use faulty::Gate;
pub(crate) use faulty::{FaultControls, FaultSettings, FaultyStore};
pub(crate) use memory::MemoryStore;
pub(crate) use sqlite::SqliteStore;

use crate::config::{Config, Durability, StoreChoice};
use crate::conversation::pipeline::SentKey;
use crate::conversation::record::Durable;
use crate::domain::{ConversationId, InviteId, Message, SequenceId, UserId};
use crate::metrics::StoreMetrics;

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
    fn load(&self, id: &ConversationId, recent: usize) -> StoreFuture<'_, Option<Durable>>;

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

/// What stores that are databases have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreSettings {
    /// What a commit waits for.
    pub(crate) durability: Durability,
    /// Connections that only read.
    pub(crate) readers: usize,
    /// How long the database may take for an answer.
    pub(crate) timeout: Duration,
    /// How much goes into one transaction.
    pub(crate) limits: BatchLimits,
}

impl From<&Config> for StoreSettings {
    fn from(config: &Config) -> Self {
        Self {
            durability: config.durability,
            readers: config.store_readers,
            timeout: Duration::from_millis(config.store_timeout_ms),
            limits: BatchLimits::of(config.store_batch),
        }
    }
}

/// Opens the store that the configuration names, and creates or migrates it where that is needed.
pub(crate) async fn open(config: &Config, metrics: StoreMetrics) -> Result<Arc<dyn Store>, OpenError> {
    let settings = StoreSettings::from(config);
    Ok(match config.store_choice() {
        StoreChoice::Memory => Arc::new(MemoryStore::new(metrics)),
        StoreChoice::Sqlite => Arc::new(SqliteStore::open(config.data.as_ref(), settings, metrics).await?),
        StoreChoice::Postgres => Arc::new(postgres::PostgresStore::open(&config.store, settings, metrics).await?),
    })
}
