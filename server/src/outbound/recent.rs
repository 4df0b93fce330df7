//! The newest messages of a conversation as frames.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;

use crate::domain::SequenceId;

/// The newest messages of a conversation as frames, shared by all of its sockets.
#[derive(Debug, Default)]
pub(crate) struct RecentFrames {
    frames: Mutex<VecDeque<RecentFrame>>,
}

/// A message as a frame.
#[derive(Debug, Clone)]
pub(super) struct RecentFrame {
    sequence: SequenceId,
    pub(super) frame: Utf8Bytes,
    /// When it could be seen.
    pub(super) committed: Instant,
}

/// How many frames a [`RecentFrames`] keeps. Sockets that lag further behind read the store.
pub(super) const KEPT: usize = 256;

impl RecentFrames {
    fn lock(&self) -> MutexGuard<'_, VecDeque<RecentFrame>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the newest message.
    pub(crate) fn push(&self, sequence: SequenceId, frame: Utf8Bytes) {
        let mut frames = self.lock();
        frames.push_back(RecentFrame { sequence, frame, committed: Instant::now() });
        if frames.len() > KEPT {
            frames.pop_front();
        }
    }

    /// The message at a place, if it is recent.
    pub(super) fn get(&self, sequence: SequenceId) -> Option<RecentFrame> {
        let frames = self.lock();
        let index = usize::try_from(sequence.0.checked_sub(frames.front()?.sequence.0)?).ok()?;
        frames.get(index).cloned()
    }
}
