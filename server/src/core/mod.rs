//! What a conversation decides, without I/O and without a clock.
//!
//! In reading order: [`command`] (what can be asked), [`rejection`] (why it is refused), [`event`] (what sockets are
//! told), [`decide`] (may a change happen, and what would be stored), [`state`] (who is connected, and `apply`: what
//! follows from what was stored, with [`typing`]) and [`pipeline`] (the order in which commands meet the store: what is in
//! [`waiting`] becomes a batch [`in_flight`], and [`step`] tells the task of the conversation what to do).
//!
//! `decide` says what would be stored, and `apply` says what is to be told, because that depends on who is connected
//! when the commit is there, not when it was asked for.

mod ai_jobs;
mod command;
mod decide;
mod event;
mod in_flight;
mod limits;
#[cfg(test)]
mod model;
mod pipeline;
mod rejection;
mod state;
mod step;
mod typing;
mod waiting;

pub(crate) use self::ai_jobs::AiJob;
pub(crate) use self::command::{Change, MessageDraft, Outcome, Signal};
pub(crate) use self::decide::Rules;
#[cfg(test)]
pub(crate) use self::decide::{Decision, decide};
pub(crate) use self::event::{Audience, CloseReason, Effect, Event, Fault, FaultKind, Roster, RosterEntry, StartAt};
pub(crate) use self::limits::{BATCH, Limits};
pub(crate) use self::pipeline::Pipeline;
pub(crate) use self::rejection::Rejection;
pub(crate) use self::state::{State, View};
pub(crate) use self::step::{AppendOutcome, Step};
pub(crate) use self::typing::TypingLimits;
