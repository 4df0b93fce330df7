//! The trace viewer: one HTML file a scenario, with everything in it, which shows who saw what, and when.
//!
//! - `path`: where a trace stands;
//! - `data`: the scenario's events as the page wants them, each text once;
//! - `page`: the file: styles, data and scripts in one, from `harness/assets/trace`;
//! - `file`: writes the trace of one playing;
//! - `traces`: writes the traces of a run as scenarios end, and removes those of former runs.

mod data;
mod file;
mod page;
mod path;
#[cfg(test)]
mod tests;
pub(crate) mod traces;

pub use file::write;
pub use path::trace_path;
