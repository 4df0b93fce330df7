//! The order of the architecture, held against the sources of both crates: layers, and no circles.
//!
//! - [`tree`] and [`walk`]: modules, names, and every path that is written; [`ties`]: the files that paths lead to;
//! - [`graph`]: arrows and circles; [`table`]: tables of Markdown; [`rules`]: what must hold;
//! - `documents`: the files and items that ARCHITECTURE.md and CONTRIBUTING.md name.

mod graph;
pub(crate) mod rules;
mod table;
mod ties;
mod tree;
mod walk;

#[cfg(test)]
mod documents;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod tests;
