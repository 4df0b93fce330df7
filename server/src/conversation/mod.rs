//! Conversations: the pure core and the task that owns it.
//!
//! In reading order: [`record`] (the log, and the state that it amounts to), [`command`] (what can be asked),
//! [`event`] (what follows), [`decide`] (may a change happen, and what would be stored; pure), [`state`] (who is
//! connected, and `apply`: what follows from what was stored; pure), [`pipeline`] (the order in which commands meet
//! the store; still pure), [`letter`] and [`actor`] (the one task that owns a
//! conversation, and what can be sent to it), [`handle`] (how the rest of the server
//! talks to it), [`shelf`] (which conversations are in memory) and [`registry`] (how they get there).
//!
//! `decide` says what would be stored, and `apply` says what is to be told, because that depends on who is connected
//! when the commit is there, not when it was asked for.

pub(crate) mod actor;
pub(crate) mod command;
pub(crate) mod decide;
pub(crate) mod event;
pub(crate) mod handle;
pub(crate) mod letter;
pub(crate) mod pipeline;
pub(crate) mod record;
pub(crate) mod registry;
mod shelf;
pub(crate) mod state;

#[cfg(test)]
mod model;
