//! What must hold of every delivery, whatever a scenario asks for: judged over the whole record after the
//! scenario's end, from nothing but the record and what the protocol declares about its streams.
//!
//! In reading order: `verdict` is what a judgement says; `trace` finds the deliveries, acks and sendings of
//! one stream in the record; `order`, `gaps`, `reaches`, `members` and `acked` each judge their promise;
//! [`judge()`] is the way in.

mod acked;
pub(crate) mod connection;
mod gaps;
mod judge;
mod links;
mod members;
mod order;
mod reaches;
pub(crate) mod trace;
pub(crate) mod uses;
mod verdict;
mod words;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod simulator;
#[cfg(test)]
mod tests;

pub use judge::judge;
pub(crate) use judge::judge_all;
pub(crate) use links::links;
pub use verdict::{Evidence, Mention, Outcome, Verdict};
