//! Scenario and protocol files: read into positioned nodes, lowered into the model, all errors told at once.

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
pub(crate) mod unused;
pub(crate) mod visit;
pub mod words;
pub mod yaml;
