//! The context of a step: the part of the scenario that it can use.
//!
//! - [`step_context`]: who acts, which names there are, what a call handed in; `step_place`: where
//!   the step stands; `scope`: the same to templates;
//! - [`ask`]: requests as a participant; [`wait`]: waiting so long, and what it means where it was in vain;
//! - [`outgoing`]: a frame as it goes out;
//! - [`connections`]: which connection a step means; [`captures`]: values from frames and answers;
//! - [`people`]: what one needs to go on by hand as one of the participants.

pub(crate) mod ask;
pub(crate) mod captures;
pub(crate) mod connections;
pub(crate) mod outgoing;
pub(crate) mod people;
mod scope;
pub(crate) mod step_context;
mod step_place;
pub(crate) mod wait;
