//! Protocol files: everything that is special to a server.
//!
//! - `file`: the whole; `include`: what it takes from other files;
//! - `verb`, `parts`, `stream`, `rules`: verbs; identity, barrier and states; streams; how snapshots are normalised;
//! - `names`: names that nothing sets.

mod file;
mod include;
mod names;
mod parts;
mod rules;
mod stream;
mod verb;

pub(crate) use file::protocol;
pub(crate) use names::unset;
