//! Conversations: the pure core and the task that owns it.
//!
//! In reading order: [`state`] (what is true, and the pure `decide` and `apply`), [`command`] (what can be
//! asked), [`event`] (what follows), [`pipeline`] (the order in which commands meet the store; still pure),
//! `actor` (the one task that owns a conversation), `handle` (how the rest of the server talks to it) and
//! `registry` (which conversations are in memory).

pub(crate) mod actor;
pub(crate) mod command;
pub(crate) mod decide;
pub(crate) mod event;
pub(crate) mod handle;
pub(crate) mod pipeline;
pub(crate) mod registry;
pub(crate) mod state;

#[cfg(test)]
mod model;
