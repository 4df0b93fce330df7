//! The outgoing side of a socket. The conversation fills it, and writes what it can straight to the connection; the
//! socket's own task goes on only where the connection takes no more, or where the log must be read.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use tokio::sync::Notify;

use super::permit::Permit;
use super::priority::Priority;
use super::queue::{NextWrite, OutboundLimits, Queue, Timing};
use super::recent::RecentFrames;
use crate::core::{CloseReason, Roster};
use crate::domain::SequenceId;
use crate::frame;
use crate::metrics::Metrics;
use crate::ws;

/// How many frames go into one write at most.
const FRAMES: usize = 64;
/// About how many bytes go into one write at most.
const BYTES: usize = 256 * 1024;

/// Takes bytes without waiting.
pub(crate) trait Transport: Send + Sync {
    /// Writes what can be written now.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where nothing can; any other error ends the connection.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
}

impl Transport for tokio::net::TcpStream {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write_vectored(slices)
    }
}

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

/// How a socket is, for its own task.
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
    /// The socket had better not cause more.
    pub(crate) is_full: bool,
    /// Bytes that the connection took so far.
    pub(crate) written: u64,
}

/// A frame on its way.
#[derive(Debug)]
struct Unsent {
    bytes: Bytes,
    timing: Timing,
    /// Given back when the connection took all of it.
    _permit: Permit,
}

#[derive(Default)]
struct State {
    queue: Queue,
    transport: Option<Arc<dyn Transport>>,
    unsent: VecDeque<Unsent>,
    /// Of the frames in `unsent`.
    unsent_bytes: usize,
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
    state: Mutex<State>,
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
        let state = Mutex::new(State { transport, ..State::default() });
        Self { state, work, limits, recent, metrics, max_faults_per_minute: limits.max_faults_per_minute }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
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

    /// Writes on: the connection takes bytes again.
    pub(crate) fn unblock(&self) {
        let mut state = self.lock();
        state.is_blocked = false;
        self.write(&mut state);
    }

    /// Writes a control frame, between the frames that wait.
    pub(crate) fn control(&self, frame: Bytes) {
        let mut state = self.lock();
        // Whoever takes nothing and asks for ever more gets no more.
        let is_too_much = state.is_blocked && state.unsent.len() >= 2 * FRAMES;
        if state.is_closing || is_too_much {
            return;
        }
        // What is half written comes first, and no control frame waits behind all the rest.
        let place = usize::from(!state.unsent.is_empty());
        state.unsent_bytes += frame.len();
        state.unsent.insert(place, Unsent { bytes: frame, timing: Timing::Untimed, _permit: None });
        if !state.is_blocked {
            self.write(&mut state);
        }
    }

    /// Answers the client's close: what still waits is dropped.
    pub(crate) fn answer_close(&self, code: Option<u16>) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.is_closing, true) {
            return;
        }
        state.unsent.truncate(1);
        state.need = None;
        let bytes = ws::close(code, "");
        state.unsent.push_back(Unsent { bytes, timing: Timing::Untimed, _permit: None });
        if !state.is_blocked {
            self.write(&mut state);
        }
    }

    /// Takes out what must be read from the log.
    pub(crate) fn take_need(&self) -> Option<Need> {
        let mut state = self.lock();
        let need = state.need.take();
        state.is_reading = need.is_some();
        need
    }

    /// The message at this place, read from the log.
    pub(crate) fn provide(&self, sequence: SequenceId, frame: Bytes) {
        let mut state = self.lock();
        state.is_reading = false;
        state.queue.passed(sequence);
        state.add(Unsent { bytes: frame, timing: Timing::Untimed, _permit: None });
        // Not written yet: the next one may be at hand, and both go in one write.
        self.refill(&mut state);
        if !state.is_blocked && (state.need.is_none() || state.is_heavy()) {
            self.write(&mut state);
        }
    }

    /// The page that a sync asked for.
    pub(crate) fn provide_page(&self, frame: Bytes, permit: Permit) {
        let mut state = self.lock();
        state.is_reading = false;
        state.add(Unsent { bytes: frame, timing: Timing::Untimed, _permit: permit });
        if !state.is_blocked {
            self.write(&mut state);
        }
    }

    /// The log cannot be read: the socket ends.
    pub(crate) fn abandon(&self, reason: CloseReason) {
        let mut state = self.lock();
        state.is_reading = false;
        state.need = None;
        if !std::mem::replace(&mut state.is_closing, true) {
            let (code, text) = frame::close_frame(reason);
            state.add(Unsent { bytes: ws::close(Some(code), text), timing: Timing::Untimed, _permit: None });
        }
        if !state.is_blocked {
            self.write(&mut state);
        }
    }

    /// Lets go of the connection and of everything that waits.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.transport = None;
        state.has_failed = true;
        state.unsent = VecDeque::new();
        state.need = None;
        state.queue = Queue::ended();
    }

    /// How it is.
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
    fn refill(&self, state: &mut State) {
        while state.need.is_none() && !state.is_reading && !state.is_closing && !state.is_heavy() {
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
                NextWrite::Frame(bytes, permit, timing) => state.add(Unsent { bytes, timing, _permit: permit }),
                NextWrite::FromLog(sequence) => state.need = Some(Need::Message(sequence)),
                NextWrite::Page { after, current, roster, permit } => {
                    state.need = Some(Need::Page { after, current, roster, permit });
                }
                NextWrite::Close(reason) => {
                    state.is_closing = true;
                    let (code, text) = frame::close_frame(reason);
                    state.add(Unsent { bytes: ws::close(Some(code), text), timing: Timing::Untimed, _permit: None });
                }
            }
        }
    }

    /// Writes until the connection takes no more or nothing is left.
    fn write(&self, state: &mut State) {
        let Some(transport) = state.transport.clone() else {
            return;
        };
        loop {
            self.refill(state);
            if state.unsent.is_empty() {
                break;
            }
            let mut slices = [IoSlice::new(&[]); FRAMES];
            let count = state.unsent.len().min(FRAMES);
            for (slice, unsent) in slices.iter_mut().zip(&state.unsent) {
                *slice = IoSlice::new(&unsent.bytes);
            }
            match transport.try_write(&slices[..count]) {
                Ok(taken) => self.taken(state, taken),
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

    /// The connection took so many bytes.
    fn taken(&self, state: &mut State, mut taken: usize) {
        state.written += taken as u64;
        state.unsent_bytes = state.unsent_bytes.saturating_sub(taken);
        let now = Instant::now();
        while let Some(first) = state.unsent.front_mut() {
            if taken < first.bytes.len() {
                first.bytes.advance(taken);
                return;
            }
            taken -= first.bytes.len();
            match first.timing {
                Timing::Untimed => {}
                Timing::FanOut(since) => {
                    self.metrics.fan_out.observe(now.saturating_duration_since(since).as_secs_f64());
                }
                Timing::Ack(received) => self.metrics.acked_on_socket(now.saturating_duration_since(received)),
            }
            state.unsent.pop_front();
        }
        // A burst must not pin its room.
        if state.unsent.capacity() > FRAMES {
            state.unsent.shrink_to_fit();
        }
    }
}

impl State {
    fn add(&mut self, unsent: Unsent) {
        self.unsent_bytes += unsent.bytes.len();
        self.unsent.push_back(unsent);
    }

    /// Whether a write is worth while.
    fn is_heavy(&self) -> bool {
        self.unsent.len() >= FRAMES || self.unsent_bytes >= BYTES
    }
}

#[cfg(test)]
mod tests;
