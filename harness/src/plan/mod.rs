//! What is played, and how: the same for the command line and for a Rust test.
//!
//! - [`job`]: a scenario with a row of its examples, once;
//! - [`settings`]: how all scenarios of a run are played; [`deadlines`], [`randomness`], [`snapshots`] and [`barrier_audit`] are its parts;
//! - [`limits`]: how many scenarios run at once, retries, and what ends a run early.

pub mod barrier_audit;
pub mod deadlines;
pub mod job;
pub mod limits;
pub mod randomness;
pub mod settings;
pub mod snapshots;

pub use barrier_audit::BarrierAudit;
pub use deadlines::Deadlines;
pub use job::{Job, label};
pub use limits::{RunLimits, default_jobs};
pub use randomness::Randomness;
pub use settings::PlaySettings;
pub use snapshots::{SnapshotOptions, under_ci};
