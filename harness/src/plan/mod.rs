//! What is played, and how: the same for the command line and for a Rust test.
//!
//! - [`job`]: a scenario with a row of its examples, once;
//! - [`settings`]: how all scenarios of a run are played; [`deadlines`], [`randomness`] and [`snapshots`] are its parts.

pub mod deadlines;
pub mod job;
pub mod randomness;
pub mod settings;
pub mod snapshots;

pub use deadlines::Deadlines;
pub use job::{Job, label};
pub use randomness::Randomness;
pub use settings::PlaySettings;
pub use snapshots::SnapshotOptions;
