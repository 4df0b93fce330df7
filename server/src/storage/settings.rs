//! What stores that are databases have in common.

use std::time::Duration;

use super::append::BatchLimits;
use crate::config::{Config, Durability};

/// What stores that are databases have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreSettings {
    /// What a commit waits for.
    pub(crate) durability: Durability,
    /// Connections that only read.
    pub(crate) readers: usize,
    /// How long the database may take for an answer.
    pub(crate) timeout: Duration,
    /// How much goes into one transaction.
    pub(crate) limits: BatchLimits,
}

impl From<&Config> for StoreSettings {
    fn from(config: &Config) -> Self {
        Self {
            durability: config.durability,
            readers: config.store_readers,
            timeout: Duration::from_millis(config.store_timeout_ms),
            limits: BatchLimits::of(config.store_batch),
        }
    }
}
