//! What changed between two snapshots, told by its meaning: "bob is no longer in conversation.participants for
//! alice", not "line 34 is gone". The words come from the snapshot's own structure (whose block it is, what a state
//! or a stream is called, which kind a frame has), so nothing here knows what the server under test is about.
//!
//! - [`changes()`] is the entry point: all [`Change`]s from one text to another;
//! - `blocks` goes through the participants' blocks, `stream` compares deliveries in stream order, `value` the values
//!   inside;
//! - `finder` collects them; `members` says which members of an object came, went or have another name; `aspects` what holds of a new value
//!   that may hold in other snapshots too;
//! - `census` counts the objects at each place, so that a change can say "in 3 of 4";
//! - `place` says where something stands, `element_names` who or what an element of a list is.

mod aspects;
mod blocks;
mod census;
mod change;
mod compare;
mod element_names;
mod finder;
mod members;
mod place;
mod stream;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use aspects::Aspect;
pub use change::{Change, ChangeKind, Fingerprint};
pub use compare::changes;
pub(crate) use compare::{census, changes_knowing, renamed_fields, unreadable};
