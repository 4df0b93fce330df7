//! Snapshots: what every participant of a scenario got to see, as a text that is the same however the
//! participants' entries interleaved, whatever ids the server gave and at whatever time it ran.
//!
//! In reading order: [`normalise()`] makes the text out of a history (`collect` lays out who got what, `names`
//! finds ids and gives them placeholders, `named` puts them into values, `tree` and `render` are the YAML that is written, `parse` reads it
//! back); [`store`] keeps it in files in insta's format; [`diff()`] tells how two texts differ, changes of shape
//! first (`shape`); [`changes`] tells what the differences mean.

pub mod changes;
mod coalesce;
mod collect;
mod diff;
mod named;
mod names;
mod normalise;
mod parse;
mod prepare;
pub(crate) mod render;
mod shape;
pub mod store;
pub(crate) mod tree;

#[cfg(test)]
mod tests;

pub use diff::diff;
pub use normalise::{Material, Normalised, StateAnswer, normalise};
