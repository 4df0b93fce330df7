//! How long things may take.

use std::time::Duration;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// The default deadline of an expectation.
    pub default: Duration,
    /// How long the runner listens on after a missed deadline, to say late or never.
    pub late: Duration,
    /// What all deadlines are multiplied by.
    pub slow: f64,
}

impl Deadlines {
    /// A deadline of a file, or the default, scaled.
    pub(crate) fn of(&self, given: Option<Duration>) -> Duration {
        given.unwrap_or(self.default).mul_f64(self.slow)
    }

    /// How long is listened on behind a deadline, scaled.
    pub(crate) fn late(&self) -> Duration {
        self.late.mul_f64(self.slow)
    }
}
