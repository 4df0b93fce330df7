//! How the scenarios of a run are played, for the command line and for `Suite`.

use std::time::Duration;

use super::{BarrierAudit, Deadlines, Randomness, SnapshotOptions};
use crate::config::Config;

/// How the scenarios of a run are played. The command line and [`Suite`](crate::Suite) begin with
/// [`of`](Self::of) and change what they were asked to.
#[derive(Debug, Clone)]
pub struct PlaySettings {
    /// How long things may take.
    pub deadlines: Deadlines,
    /// How long a scenario may take that says nothing about it.
    pub timeout: Duration,
    /// Where snapshots are kept; without it they are only taken.
    pub snapshots: Option<SnapshotOptions>,
    /// With it, a barrier follows every step and is tried as it says.
    pub barrier_audit: Option<BarrierAudit>,
    /// What generated values and races are made from.
    pub randomness: Randomness,
    /// Whether a scenario fails if one of its invariants is unknown and not excepted.
    pub deny_unknown: bool,
    /// Whether a scenario fails if one of its expectations of nothing is unproven and not excepted.
    pub deny_unproven: bool,
    /// Whether every step, request, frame and log line is an event too.
    pub detail: bool,
    /// Whether requests and handshakes carry a `traceparent`.
    pub traceparent: bool,
    /// The HTTP proxy on the way to servers that are not on loopback.
    pub proxy: Option<String>,
}

impl PlaySettings {
    /// As the configuration says, with a seed of its own and without snapshots.
    pub fn of(config: &Config) -> Self {
        Self {
            deadlines: Deadlines { default: config.deadline, late: config.late, slow: 1.0 },
            timeout: config.timeout,
            snapshots: None,
            barrier_audit: None,
            randomness: Randomness::any(),
            deny_unknown: config.deny_unknown,
            deny_unproven: config.deny_unproven,
            detail: false,
            traceparent: config.traceparent,
            proxy: config.proxy.clone(),
        }
    }
}
