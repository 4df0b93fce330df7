//! Time as values, so that the core never asks a clock.

use std::fmt;
use std::time::Instant;

use serde::{Serialize, Serializer};

/// A moment in UTC with milliseconds. Shown as RFC 3339: `2026-01-15T10:30:00.123Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl Now {
    /// Reads the clocks.
    pub(crate) fn read() -> Self {
        Self { wall: Timestamp::now(), monotonic: Instant::now() }
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
