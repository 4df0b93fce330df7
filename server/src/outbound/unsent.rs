//! Frames on their way: taken from the queue, and not yet taken by the connection.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Instant;

use bytes::{Buf, Bytes};

use super::permit::Permit;
use super::queue::Timing;
use crate::metrics::Metrics;

/// How many frames go into one write at most.
pub(super) const FRAMES: usize = 64;
/// About how many bytes go into one write at most.
const BYTES: usize = 256 * 1024;

/// A frame on its way.
#[derive(Debug)]
struct Unsent {
    bytes: Bytes,
    timing: Timing,
    /// Given back when the connection took all of it.
    _permit: Permit,
}

/// Frames in the order in which they are written.
#[derive(Debug, Default)]
pub(super) struct UnsentFrames {
    frames: VecDeque<Unsent>,
    /// Of all of them.
    bytes: usize,
}

impl UnsentFrames {
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether a write is worth while.
    pub(super) fn is_heavy(&self) -> bool {
        self.frames.len() >= FRAMES || self.bytes >= BYTES
    }

    /// Adds a frame behind all others.
    pub(super) fn push(&mut self, bytes: Bytes, timing: Timing, permit: Permit) {
        self.bytes += bytes.len();
        self.frames.push_back(Unsent { bytes, timing, _permit: permit });
    }

    /// Adds a control frame: behind what may be half written, before all others.
    pub(super) fn push_control(&mut self, bytes: Bytes) {
        let place = usize::from(!self.frames.is_empty());
        self.bytes += bytes.len();
        self.frames.insert(place, Unsent { bytes, timing: Timing::Untimed, _permit: None });
    }

    /// Drops all but what may be half written.
    pub(super) fn keep_first(&mut self) {
        self.frames.truncate(1);
        self.bytes = self.frames.iter().map(|unsent| unsent.bytes.len()).sum();
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The bytes of the next write; says how many of the slices it filled.
    pub(super) fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>; FRAMES]) -> usize {
        for (slice, unsent) in slices.iter_mut().zip(&self.frames) {
            *slice = IoSlice::new(&unsent.bytes);
        }
        self.frames.len().min(FRAMES)
    }

    /// The connection took so many bytes.
    pub(super) fn taken(&mut self, mut taken: usize, metrics: &Metrics) {
        self.bytes = self.bytes.saturating_sub(taken);
        let now = Instant::now();
        while let Some(first) = self.frames.front_mut() {
            if taken < first.bytes.len() {
                first.bytes.advance(taken);
                return;
            }
            taken -= first.bytes.len();
            match first.timing {
                Timing::Untimed => {}
                Timing::FanOut(since) => {
                    metrics.fan_out.observe(now.saturating_duration_since(since).as_secs_f64());
                }
                Timing::Ack(received) => metrics.acked_on_socket(now.saturating_duration_since(received)),
            }
            self.frames.pop_front();
        }
        // A burst must not pin its room.
        if self.frames.capacity() > FRAMES {
            self.frames.shrink_to_fit();
        }
    }
}
