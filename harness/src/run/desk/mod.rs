//! Somebody sits at a terminal and says how a scenario goes on.
//!
//! - [`debugger`]: stopping before steps and at failures; `look`: what is shown then; `by_hand`: what is done.

mod by_hand;
pub(crate) mod debugger;
mod look;
