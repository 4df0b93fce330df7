//! Time as values, so that the core never asks a clock.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use tokio::sync::watch;
use utoipa::ToSchema;

/// A moment in UTC with milliseconds. Shown as RFC 3339: `2026-01-15T10:30:00.123Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub(crate) struct Timestamp(i64);

impl Timestamp {
    /// Milliseconds since 1970.
    pub(crate) fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub(crate) fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment by the system's clock.
    pub(crate) fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// So much later.
    pub(crate) fn after(self, period: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(period.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long it is from an earlier moment to this one; nothing if that one is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{moment:.3}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The moment at which a command is handled: one reading of both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// For what is shown and stored.
    pub(crate) wall: Timestamp,
    /// For periods; never jumps.
    pub(crate) monotonic: Instant,
}

/// The server's clock: the system's, which a test may put forward to see what expires.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<watch::Sender<Duration>>);

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Duration::ZERO)))
    }
}

impl Clock {
    /// This moment.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now().after(*self.0.borrow())
    }

    /// This moment by both clocks.
    pub(crate) fn read(&self) -> Now {
        Now { wall: self.now(), monotonic: Instant::now() }
    }

    /// Goes so far ahead of the system's clock from now on.
    pub(crate) fn put_ahead(&self, by: Duration) {
        self.0.send_replace(by);
    }

    /// Waits for a moment.
    pub(crate) async fn until(&self, moment: Timestamp) {
        /// The system's clock may be set meanwhile, so it is asked again.
        const ASKED_AGAIN: Duration = Duration::from_secs(60);
        let mut ahead = self.0.subscribe();
        loop {
            let now = Timestamp::now().after(*ahead.borrow_and_update());
            if now >= moment {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(moment.since(now).min(ASKED_AGAIN)) => {}
                // The sender lives in `self`.
                _ = ahead.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_milliseconds_always() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        let moment = Timestamp::from_millis(1_768_473_000_123);
        assert_eq!(moment.to_string(), "2026-01-15T10:30:00.123Z");
    }
}
