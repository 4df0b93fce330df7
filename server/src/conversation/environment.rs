//! What all conversations of a server share beside the store.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Clock, SocketId};
use crate::limits::Rates;
use crate::metrics::Metrics;

/// What all conversations of a server share beside the store.
#[derive(Clone)]
pub(crate) struct Environment {
    /// What time it is.
    pub(crate) clock: Clock,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// The most bytes of recent messages that a conversation keeps as frames.
    pub(crate) recent_bytes: usize,
    /// How long a read position may wait to be stored.
    pub(crate) read_interval: Duration,
    /// How often the AI may be asked.
    pub(crate) rates: Arc<Rates>,
    /// What `server_closing` tells.
    pub(crate) reconnect: Reconnect,
}

/// When the clients of a server that goes down are to come back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reconnect {
    /// Not before this.
    pub(crate) after: Duration,
    /// Spread over so much more, so that they do not all come at once.
    pub(crate) spread: Duration,
}

impl Reconnect {
    /// For one socket. Sockets are numbered, and multiples of the golden ratio lie evenly however many there are.
    pub(super) fn of(self, socket: SocketId) -> Duration {
        const GOLDEN: u128 = 0x9e37_79b9_7f4a_7c15;
        let share = u128::from(socket.0).wrapping_mul(GOLDEN) & u128::from(u64::MAX);
        let millis = (self.spread.as_millis().saturating_mul(share)) >> 64;
        self.after + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }
}
