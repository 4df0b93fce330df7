//! Follows the steps of a scenario as they will run, verbs included, and reports names that are used before they
//! are set, connections that can't be told apart, and snapshots that would race with a disconnect.
//!
//! - `check`: the whole walk; `state`: what is known where it stands;
//! - `steps`, `action`, `expr`: steps with the calls of verbs, other actions, the names in an expression;
//! - `rules`: what a protocol declares for all steps; `unused`: what nothing in the whole scenario uses.

mod action;
mod check;
mod expr;
mod rules;
mod state;
mod steps;
mod unused;

pub(super) use check::check;
pub(crate) use expr::captured_in;
