//! The newest messages of a conversation as frames.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use crate::domain::SequenceId;

/// The newest messages of a conversation as frames, shared by all of its sockets.
#[derive(Debug)]
pub(crate) struct RecentFrames {
    frames: Mutex<Frames>,
    /// The most bytes of them; one is kept at least.
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Frames {
    frames: VecDeque<RecentFrame>,
    bytes: usize,
}

/// A message as a frame.
#[derive(Debug, Clone)]
pub(super) struct RecentFrame {
    sequence: SequenceId,
    pub(super) frame: Bytes,
    /// When it could be seen.
    pub(super) committed: Instant,
}

/// How many frames are kept at most. Sockets that lag further behind read the store.
pub(super) const KEPT: usize = 256;

impl RecentFrames {
    /// Empty; keeps at most so many bytes.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { frames: Mutex::default(), most_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, Frames> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the newest message.
    pub(crate) fn push(&self, sequence: SequenceId, frame: Bytes, now: Instant) {
        let mut kept = self.lock();
        kept.bytes += frame.len();
        kept.frames.push_back(RecentFrame { sequence, frame, committed: now });
        while kept.frames.len() > KEPT || kept.bytes > self.most_bytes && kept.frames.len() > 1 {
            let oldest = kept.frames.pop_front();
            kept.bytes -= oldest.map_or(0, |oldest| oldest.frame.len());
        }
    }

    /// The message at a place, if it is recent.
    pub(super) fn get(&self, sequence: SequenceId) -> Option<RecentFrame> {
        let kept = self.lock();
        let index = usize::try_from(sequence.0.checked_sub(kept.frames.front()?.sequence.0)?).ok()?;
        kept.frames.get(index).cloned()
    }
}
