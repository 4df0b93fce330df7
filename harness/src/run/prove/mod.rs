//! What must hold, and how it is known.
//!
//! - [`expect`]: waiting for frames; `wanted`: what for, and why it was missed (pure);
//! - `absence`: nothing, or so many and no more; [`barriers`] prove it, in the order of `barrier` (pure),
//!   by `echo`, `marker` and `position`, each of which waits for an `arrival`;
//! - [`endings`]: the end of a connection;
//! - at the scenario's end: [`leftovers`], [`promises`] (with `readback` and `stream_patterns`), [`unjudged`] and
//!   [`snapshots`].

pub(crate) mod absence;
mod arrival;
mod barrier;
pub(crate) mod barriers;
mod echo;
pub(crate) mod endings;
pub(crate) mod expect;
pub(crate) mod leftovers;
mod marker;
mod position;
pub(crate) mod promises;
mod readback;
pub(crate) mod snapshots;
mod stream_patterns;
pub(crate) mod unjudged;
mod wanted;
