//! Which scenarios are played.
//!
//! - [`selection`]: by path, suite, part of a name, and tag;
//! - [`changed`]: those that a change of files may concern; [`last_run`]: those that failed before; [`shard`]: a part of them.

pub mod changed;
pub mod last_run;
pub mod selection;
pub mod shard;

pub use selection::{Selected, jobs_of, select};
