//! What changed between two snapshots, told by its meaning: "bob is no longer in conversation.participants for
//! alice", not "line 34 is gone". The words come from the snapshot's own structure (whose block it is, what a state
//! or a stream is called, which kind a frame has), so nothing here knows what the server under test is about.
//!
//! [`changes()`] is the way in and gives each [`Change`]. `blocks` goes through the participants' blocks, `stream` compares deliveries in stream order, `value` the values
//! inside, `place` says where something stands and `element_names` who or what an element of a
//! list is.

mod blocks;
mod change;
mod compare;
mod element_names;
mod place;
mod stream;
mod value;

#[cfg(test)]
mod tests;

pub use change::{Change, ChangeKind, Fingerprint};
pub use compare::changes;
pub(crate) use compare::{census, unreadable};
