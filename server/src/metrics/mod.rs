//! What the server counts and measures.

#[expect(clippy::module_inception, reason = "one file, and the folder is its layer")]
mod metrics;

pub(crate) use self::metrics::{Metrics, StoreMetrics};
