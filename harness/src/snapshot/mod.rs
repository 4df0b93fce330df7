//! Snapshots: what every participant of a scenario got to see, as a text that is the same however the
//! participants' entries interleaved, whatever ids the server gave and at whatever time it ran.
//!
//! - [`normalise()`] is the entry point: it turns a [`Material`] (the history and the protocol's snapshot rules) into a text;
//! - `collect` lays out who got what (`layout`), frame by frame: `frame_kind`, `coalesce` (streamed pieces as one),
//!   `deliveries`, `raced` (orders that differ between runs), `stream_ranks`, `prepare` (redactions, `times`), `json_pointer`;
//! - `placeholders` finds ids (`known_ids`) and other texts that differ (`literals`), and names ids by their `origins`;
//!   `substitute` puts the names into values;
//! - `tree` and `render` are the YAML that is written, `parse` reads it back;
//! - [`store`] keeps it in files in insta's format;
//! - [`diff_lines`] tells how two texts differ, changes of shape first (`shape`); [`changes`] tells what the differences
//!   mean.

pub mod changes;
mod coalesce;
mod collect;
mod deliveries;
mod diff;
mod frame_kind;
mod json_pointer;
mod known_ids;
mod layout;
mod literals;
mod material;
mod normalise;
mod origins;
mod parse;
mod placeholders;
mod prepare;
mod raced;
pub(crate) mod render;
mod shape;
pub mod store;
mod stream_ranks;
mod strings;
mod substitute;
mod times;
pub(crate) mod tree;

#[cfg(test)]
mod tests;

pub use diff::diff_lines;
pub use material::{Material, Normalised, StateAnswer};
pub use normalise::normalise;
