//! The outgoing side of a socket. The conversation fills it, and writes what it can straight to the connection; the
//! socket's own task goes on only where the connection takes no more, or where the log must be read.

mod socket_task;

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::permit::Permit;
use super::priority::Priority;
use super::queue::{NextWrite, OutboundLimits, Queue, Timing};
use super::recent::RecentFrames;
use super::transport::Transport;
use super::unsent::{FRAMES, UnsentFrames};
use crate::core::{CloseReason, Roster};
use crate::domain::SequenceId;
use crate::frame;
use crate::metrics::Metrics;
use crate::ws;

/// What only the socket's own task can do next.
#[derive(Debug)]
pub(crate) enum Need {
    /// Read the message at this place from the log; see [`Outbound::provide`].
    Message(SequenceId),
    /// Read a page of the log in answer to a sync; see [`Outbound::provide_page`].
    Page {
        /// After this message.
        after: SequenceId,
        /// The newest message when it was asked for.
        current: SequenceId,
        /// The participants when it was asked for.
        roster: Roster,
        /// Given back when the page is written.
        permit: Permit,
    },
}

/// The state of the outgoing side, for the socket's own task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutboundStatus {
    /// The connection takes no more for now.
    pub(crate) is_blocked: bool,
    /// Something must be read from the log.
    pub(crate) has_need: bool,
    /// The close is written; nothing comes after it.
    pub(crate) is_closed: bool,
    /// The connection broke.
    pub(crate) has_failed: bool,
    /// The queue is full: no more frames of this socket are to be read.
    pub(crate) is_full: bool,
    /// Bytes that the connection took so far.
    pub(crate) written: u64,
}

#[derive(Default)]
struct OutboundState {
    queue: Queue,
    transport: Option<Arc<dyn Transport>>,
    unsent: UnsentFrames,
    need: Option<Need>,
    /// The page or message is being read.
    is_reading: bool,
    is_blocked: bool,
    /// The close stands in `unsent`, or was written.
    is_closing: bool,
    has_failed: bool,
    /// Something was added since the last flush.
    is_dirty: bool,
    written: u64,
    /// When the last faults were.
    faults: VecDeque<Instant>,
}

/// The outgoing side of a socket.
pub(crate) struct Outbound {
    state: Mutex<OutboundState>,
    /// Tells the socket's task that there is something to look at.
    work: Arc<Notify>,
    limits: OutboundLimits,
    recent: Arc<RecentFrames>,
    metrics: Arc<Metrics>,
    max_faults_per_minute: usize,
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Outbound {
    /// An empty queue over the recent messages of a conversation. `work` wakes the task of the socket.
    pub(crate) fn new(
        transport: Option<Arc<dyn Transport>>,
        recent: Arc<RecentFrames>,
        limits: OutboundLimits,
        metrics: Arc<Metrics>,
        work: Arc<Notify>,
    ) -> Self {
        let state = Mutex::new(OutboundState { transport, ..OutboundState::default() });
        Self { state, work, limits, recent, metrics, max_faults_per_minute: limits.max_faults_per_minute }
    }

    fn lock(&self) -> MutexGuard<'_, OutboundState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds something behind the messages up to `head`, which the socket may see now. True if it is the first since the
    /// last flush: whoever added it flushes when it is done.
    fn fill(&self, head: Option<SequenceId>, change: impl FnOnce(&mut Queue)) -> bool {
        let mut state = self.lock();
        if let Some(head) = head {
            state.queue.advance(head);
        }
        change(&mut state.queue);
        !std::mem::replace(&mut state.is_dirty, true)
    }

    /// The client knows all messages up to `cursor`; what follows up to `history` was said before it came.
    pub(crate) fn start(&self, cursor: SequenceId, history: SequenceId) {
        self.lock().queue.start(cursor, history);
    }

    /// The socket may see messages up to here.
    pub(crate) fn advance(&self, head: Option<SequenceId>) -> bool {
        self.fill(head, |_| {})
    }

    /// At this place the socket gets `frame` instead of the message. Comes before [`Outbound::advance`].
    pub(crate) fn ack(&self, head: Option<SequenceId>, sequence: SequenceId, frame: Bytes, permit: Permit) -> bool {
        self.fill(head, |queue| queue.ack(sequence, frame, permit))
    }

    /// Queues a frame behind everything that the socket may see now. `list` makes the list of participants that
    /// stands for frames of [`Priority::Roster`] when the queue is full.
    pub(crate) fn push(
        &self,
        head: Option<SequenceId>,
        frame: Bytes,
        priority: Priority,
        list: &dyn Fn() -> Bytes,
    ) -> bool {
        self.fill(head, |queue| queue.push(frame, priority, list, self.limits, &self.metrics))
    }

    /// Answers a frame of this socket.
    pub(crate) fn reply(&self, head: Option<SequenceId>, frame: Bytes, permit: Permit) -> bool {
        self.fill(head, |queue| queue.reply(frame, permit))
    }

    /// Queues a page of the log, read when its turn comes.
    pub(crate) fn push_page(
        &self,
        head: Option<SequenceId>,
        after: SequenceId,
        current: SequenceId,
        roster: Roster,
        permit: Permit,
    ) -> bool {
        self.fill(head, |queue| queue.page(after, current, roster, permit))
    }

    /// Closes the socket behind everything that was queued.
    pub(crate) fn close(&self, head: Option<SequenceId>, reason: CloseReason) -> bool {
        self.fill(head, |queue| queue.close(reason))
    }

    /// Counts a fault of the client; true if it is one too many.
    pub(crate) fn count_fault(&self, now: Instant) -> bool {
        const MINUTE: Duration = Duration::from_secs(60);
        let faults = &mut self.lock().faults;
        while faults.front().is_some_and(|time| now.saturating_duration_since(*time) > MINUTE) {
            faults.pop_front();
        }
        faults.push_back(now);
        faults.len() > self.max_faults_per_minute
    }

    /// Writes what can be written now, messages up to `head` included.
    pub(crate) fn flush(&self, head: Option<SequenceId>) {
        let mut state = self.lock();
        if let Some(head) = head {
            state.queue.advance(head);
        }
        state.is_dirty = false;
        if !state.is_blocked {
            self.write(&mut state);
        }
    }

    /// The state of this side now.
    pub(crate) fn status(&self) -> OutboundStatus {
        let state = self.lock();
        OutboundStatus {
            is_blocked: state.is_blocked,
            has_need: state.need.is_some(),
            is_closed: state.is_closing && state.unsent.is_empty(),
            has_failed: state.has_failed,
            is_full: state.queue.is_full(self.limits),
            written: state.written,
        }
    }

    /// What would be written next, in words.
    #[cfg(test)]
    pub(crate) fn poll(&self) -> Option<String> {
        Some(match self.lock().queue.next(&self.recent)? {
            NextWrite::Frame(frame, ..) => String::from_utf8_lossy(&frame).into_owned(),
            NextWrite::Page { after, current, .. } => format!("page {after} {current}"),
            NextWrite::Close(reason) => format!("closed {reason:?}"),
            NextWrite::FromLog(sequence) => panic!("message {sequence} is not among the recent ones"),
        })
    }

    /// Takes frames from the queue until a write is full, something must be read first, or nothing is left.
    fn refill(&self, state: &mut OutboundState) {
        while state.need.is_none() && !state.is_reading && !state.is_closing && !state.unsent.is_heavy() {
            let was_full = state.queue.is_full(self.limits);
            let lagged = state.queue.lags();
            let Some(next) = state.queue.next(&self.recent) else {
                return;
            };
            if state.queue.lags() && !lagged {
                self.metrics.slow_readers.inc();
            }
            if was_full && !state.queue.is_full(self.limits) {
                self.work.notify_one();
            }
            match next {
                NextWrite::Frame(bytes, permit, timing) => state.unsent.push(bytes, timing, permit),
                NextWrite::FromLog(sequence) => state.need = Some(Need::Message(sequence)),
                NextWrite::Page { after, current, roster, permit } => {
                    state.need = Some(Need::Page { after, current, roster, permit });
                }
                NextWrite::Close(reason) => {
                    state.is_closing = true;
                    let (code, text) = frame::close_frame(reason);
                    state.unsent.push(ws::close(Some(code), text), Timing::Untimed, None);
                }
            }
        }
    }

    /// Writes until the connection takes no more or nothing is left.
    fn write(&self, state: &mut OutboundState) {
        let Some(transport) = state.transport.clone() else {
            return;
        };
        loop {
            self.refill(state);
            if state.unsent.is_empty() {
                break;
            }
            let mut slices = [IoSlice::new(&[]); FRAMES];
            let count = state.unsent.fill(&mut slices);
            match transport.try_write(&slices[..count]) {
                Ok(taken) => {
                    state.written += taken as u64;
                    state.unsent.taken(taken, &self.metrics);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    state.is_blocked = true;
                    break;
                }
                Err(_) => {
                    state.has_failed = true;
                    state.transport = None;
                    state.unsent.clear();
                    break;
                }
            }
        }
        if state.is_blocked || state.need.is_some() || state.is_closing || state.has_failed {
            self.work.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
