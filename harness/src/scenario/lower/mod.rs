//! Lowers nodes to the model; reports all errors of a file at once.
//!
//! - `fields`: maps, key by key, and what is unknown or of the wrong kind in them; `patterns`, `possible`: patterns with
//!   their errors, and those that can't hold or can't fail;
//! - `context`: what is known while steps are read; `step`, `snapshot`, `race`, `action`, `call`, `request`, `expect`, `stub`: steps
//!   and what they do; `modifiers`: what stands beside an action;
//! - `file` with `participants`, `one_server`, `server`, `table`, `redact`, `expected_failure`, `exceptions`: scenario files; `protocol`: protocol files;
//! - `names`: which names are set when.

mod action;
mod call;
mod context;
mod exceptions;
mod expect;
mod expected_failure;
mod fields;
mod file;
mod loaded;
mod modifiers;
mod names;
mod one_server;
mod participants;
mod patterns;
mod possible;
mod protocol;
mod race;
mod redact;
mod request;
mod server;
mod snapshot;
mod step;
mod stub;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use file::{id_of, scenario};
pub(crate) use loaded::Loaded;
pub(crate) use names::captured_in;
pub(crate) use protocol::{protocol, unset};
