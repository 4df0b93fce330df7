//! How many frames of a socket may be without outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::Notify;

/// Counts the frames of one socket that have no outcome yet.
#[derive(Debug)]
pub(crate) struct InFlightFrames {
    count: AtomicUsize,
    most: usize,
    /// Notified when there is room again.
    freed: Arc<Notify>,
}

impl InFlightFrames {
    /// No frame is without outcome yet. `freed` is notified when there is room again.
    pub(crate) fn new(most: usize, freed: Arc<Notify>) -> Self {
        Self { count: AtomicUsize::new(0), most, freed }
    }

    /// Whether no more may be read.
    pub(crate) fn is_full(&self) -> bool {
        self.count.load(Ordering::Acquire) >= self.most
    }

    /// A permit for a frame that was read now. Whoever takes one has looked whether there is room.
    pub(crate) fn take(self: &Arc<Self>, received: Instant) -> FramePermit {
        self.count.fetch_add(1, Ordering::AcqRel);
        FramePermit { frames: Arc::clone(self), received }
    }
}

/// Held from reading a frame until its outcome is written or known to be none.
#[derive(Debug)]
pub(crate) struct FramePermit {
    frames: Arc<InFlightFrames>,
    received: Instant,
}

impl FramePermit {
    /// When the frame was read.
    pub(super) fn received(&self) -> Instant {
        self.received
    }
}

impl Drop for FramePermit {
    fn drop(&mut self) {
        if self.frames.count.fetch_sub(1, Ordering::AcqRel) == self.frames.most {
            self.frames.freed.notify_one();
        }
    }
}

/// The permit of a frame, if it came from a socket.
pub(crate) type Permit = Option<FramePermit>;
