//! Scenario and protocol files: parsed into nodes with positions, lowered into the model, all errors reported at once.

pub mod action;
pub mod error;
mod kinds;
pub(crate) mod limits;
pub mod load;
mod lower;
pub mod model;
pub mod node;
pub mod protocol;
mod scalar;
pub mod snapshot_rules;
pub mod step;
pub mod stream;
pub mod stub;
pub mod template;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod unused;
pub(crate) mod visit;
pub mod words;
pub mod yaml;
