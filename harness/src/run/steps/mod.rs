//! Steps and controls.
//!
//! - [`identity`]: who the participants are, before the first step;
//! - [`step`]: a step, whatever it is; [`call`] and [`parallel`] say what is played, [`race`] and [`others`] what came of
//!   it;
//! - [`check`]: expressions that must hold; [`snapshot`]: taking one.

mod call;
mod check;
pub(crate) mod identity;
mod others;
mod parallel;
mod race;
mod snapshot;
pub(crate) mod step;
