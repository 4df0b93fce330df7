//! The interactive debugger: a user at a terminal controls how a scenario continues.
//!
//! - [`debugger`]: stops before steps and at failures; `look`: shows the state; `by_hand`: sends frames and requests.

mod by_hand;
pub(crate) mod debugger;
mod look;
