//! How often the others are told that somebody types.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Whether one user types, as far as the others were told.
#[derive(Debug, Clone, Default)]
pub(super) struct Typing {
    /// The others were told that it types, and not yet that it stopped.
    pub(super) active: bool,
    /// When they were last told that it types.
    began: Option<Instant>,
    /// When they were told of its latest stops, the oldest first.
    ends: VecDeque<Instant>,
    /// What is to be told, and from when on it may be.
    pub(super) pending: Option<(bool, Instant)>,
}

/// How often typing is relayed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TypingLimits {
    /// At most one `true` of a person in this period.
    pub(crate) interval: Duration,
    /// At most so many `false` of a person in a second.
    pub(crate) ends_per_second: usize,
}

impl Typing {
    /// When this may be told.
    pub(super) fn due(&self, typing: bool, limits: TypingLimits) -> Option<Instant> {
        const SECOND: Duration = Duration::from_secs(1);
        if typing {
            return self.began.map(|began| began + limits.interval);
        }
        let ends = self.ends.len().checked_sub(limits.ends_per_second)?;
        self.ends.get(ends).map(|end| *end + SECOND)
    }

    /// The others are told now.
    pub(super) fn tell(&mut self, typing: bool, limits: TypingLimits, now: Instant) {
        self.active = typing;
        self.pending = None;
        if typing {
            self.began = Some(now);
            return;
        }
        self.ends.push_back(now);
        while self.ends.len() > limits.ends_per_second {
            self.ends.pop_front();
        }
    }
}
