//! What must hold of every delivery, whatever a scenario asks for: judged over the whole history after the
//! scenario's end, from nothing but the history and what the protocol declares about its streams.
//!
//! - `trace` finds what participants saw of one stream and sent to it (`sighting`), with its `connection`s and its
//!   `membership`; `origin` says who sent what was delivered;
//! - `order`, `gaps`, `reaches`, `members` and `acked` each judge their promises; `verdict` is what they say, with
//!   `evidence` in which `describe` puts entries into words;
//! - [`judge()`] is the entry point: every requested invariant, over every stream;
//! - `links` (what belongs together in a stream) and `pattern_uses` (patterns that found nothing) are for reports.

mod acked;
pub(crate) mod connection;
mod describe;
mod evidence;
mod gaps;
mod judge;
mod links;
mod lookup;
mod members;
mod membership;
mod order;
mod origin;
pub(crate) mod pattern_uses;
mod reaches;
mod seen;
pub(crate) mod sighting;
pub(crate) mod trace;
mod verdict;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod simulator;
#[cfg(test)]
mod tests;

pub use judge::judge;
pub(crate) use judge::judge_all;
pub(crate) use links::links;
pub(crate) use seen::all_seen;
pub use verdict::{EntryRef, Evidence, Judgement, Verdict};
