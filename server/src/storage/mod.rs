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
mod columns;
mod error;
mod faulty;
mod memory;
mod open;
mod postgres;
mod settings;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use self::append::{Append, AppendId};
pub(crate) use self::error::StoreError;
pub(crate) use self::faulty::{FaultControls, FaultSettings, FaultyStore};
#[cfg(test)]
pub(crate) use self::memory::MemoryStore;
pub(crate) use self::open::open;
pub(crate) use self::store::{ConversationPage, ConversationSummary, LoadedConversation, PREVIEW_CHARS, Store};
#[cfg(test)]
pub(crate) use self::store::{LogStore, StoreFuture, StoreWrapper};
