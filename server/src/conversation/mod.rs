//! The task that owns a conversation, and how others reach it.
//!
//! In reading order: [`environment`] (what all conversations share), [`actor_message`] (what can be sent to the task),
//! [`actor`] (the task), [`fan_out`] (its open sockets), [`store_requests`] (what it asks of the store), [`assistant`] (its AI participant), [`handle`] (how the rest of the server talks to it),
//! [`cache`] (which conversations are in memory) and [`registry`] (how they get there).

mod actor;
mod actor_message;
mod assistant;
mod cache;
mod environment;
mod fan_out;
mod handle;
mod reads;
mod registry;
mod store_requests;
#[cfg(test)]
mod tests;

pub(crate) use self::assistant::Ai;
pub(crate) use self::environment::{Environment, Reconnect};
pub(crate) use self::handle::{ConversationHandle, ReadView};
pub(crate) use self::registry::{NewConversation, Registry};
