//! Playing one scenario.
//!
//! - `play`: the recipe; `session`: what all scenarios of a run share; `begin`: what one holds before its first step;
//!   `limit`: how long it may take; `judge`: what is judged behind its last step; `result`, with `outcome`: how it ends;
//! - `desk`: the interactive debugger at a terminal;
//! - `steps`: steps and controls; `acts`: what actors do; `prove`: what must hold, and how it is known;
//! - `context`: what a step sees of its scenario; `state`: what the scenario holds.
//!
//! Each uses only those below it.

mod acts;
mod begin;
mod context;
mod desk;
mod judge;
mod limit;
mod outcome;
mod play;
mod prove;
mod result;
mod session;
mod state;
mod steps;
#[cfg(test)]
mod testing;

pub(crate) use begin::digits;
pub use desk::debugger::Desk;
pub(crate) use play::{no_server, play};
pub use session::Session;
pub(crate) use session::Watch;
pub(crate) use state::log_book::LogBook;
pub(crate) use state::progress::Progress;
