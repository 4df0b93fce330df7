//! What waits to be written to one socket: a cursor in the conversation's log for messages, and a bounded queue
//! for all other frames.
//!
//! Each queued frame remembers the newest message at the time it was made, and is written when the cursor has
//! reached that message: so the order of messages and other frames is the conversation's order, however far
//! the socket lags behind. A socket can miss or repeat no message, because nothing but the cursor says which
//! one comes next.
//!
//! What the queue can hold is bounded. Answers to frames of the socket itself are bounded by the frames that may be
//! without outcome, and a full socket is not read. Everything else gives way when the queue is full: see [`Priority`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::priority::Priority;
use super::recent::{RecentFrame, RecentFrames};
use crate::core::{CloseReason, Roster};
use crate::domain::SequenceId;
use crate::metrics::Metrics;

/// Held from reading a frame until its outcome is written or known to be none.
#[derive(Debug)]
pub(crate) struct FramePermit {
    /// Given back when this is dropped.
    _slot: OwnedSemaphorePermit,
    received: Instant,
}

impl FramePermit {
    /// For a frame that was read now.
    pub(crate) fn now(slot: OwnedSemaphorePermit) -> Self {
        Self { _slot: slot, received: Instant::now() }
    }
}

/// The permit of a frame, if it came from a socket.
pub(crate) type Permit = Option<FramePermit>;

#[derive(Debug)]
enum Body {
    Frame(Utf8Bytes),
    Page { after: SequenceId, current: SequenceId, roster: Roster },
    Close(CloseReason),
}

impl Body {
    fn bytes(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.len(),
            // Read when its turn comes.
            Self::Page { .. } | Self::Close(_) => 0,
        }
    }
}

#[derive(Debug)]
struct Queued {
    behind: SequenceId,
    body: Body,
    priority: Priority,
    permit: Permit,
}

/// What a frame tells about how fast the server is, once it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    /// Nothing.
    Untimed,
    /// A message that became visible then.
    FanOut(Instant),
    /// The outcome of a message that was read then.
    Ack(Instant),
}

/// What the writer does next.
#[derive(Debug)]
pub(crate) enum NextWrite {
    /// Write this frame.
    Frame(Utf8Bytes, Permit, Timing),
    /// Write the message at this sequence, which must be read from the store, and call [`Outbound::passed`].
    FromLog(SequenceId),
    /// Write a page of the log.
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
    /// Close; nothing comes after it.
    Close(CloseReason),
}

#[derive(Debug, Default)]
struct Pending {
    /// The last message that was written, or that the client knows.
    cursor: SequenceId,
    /// The newest message that this socket may see.
    head: SequenceId,
    /// What was there before the socket was: its history.
    history: SequenceId,
    /// It is served from the log since it did not keep up.
    lags: bool,
    /// The places at which this socket gets an ack instead of the message.
    acks: BTreeMap<SequenceId, (Utf8Bytes, Permit)>,
    queue: VecDeque<Queued>,
    /// Of the frames in the queue.
    bytes: usize,
    closed: bool,
}

/// The outgoing side of a socket, shared by the conversation (which fills it) and the writer (which empties it).
#[derive(Debug)]
pub(crate) struct Outbound {
    pending: Mutex<Pending>,
    filled: Notify,
    drained: Notify,
    limits: OutboundLimits,
    recent: Arc<RecentFrames>,
    metrics: Arc<Metrics>,
}

/// When a queue is full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutboundLimits {
    /// So many frames.
    pub(crate) frames: usize,
    /// So many bytes of frames.
    pub(crate) bytes: usize,
}

impl Outbound {
    /// An empty queue over the messages of `recent`.
    pub(crate) fn new(recent: Arc<RecentFrames>, limits: OutboundLimits, metrics: Arc<Metrics>) -> Self {
        Self { pending: Mutex::default(), filled: Notify::new(), drained: Notify::new(), limits, recent, metrics }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill<T>(&self, change: impl FnOnce(&mut Pending) -> T) -> T {
        let result = change(&mut self.lock());
        self.filled.notify_one();
        result
    }

    /// The client knows all messages up to `cursor`; what follows up to `history` was said before it came.
    pub(crate) fn start(&self, cursor: SequenceId, history: SequenceId) {
        self.fill(|pending| (pending.cursor, pending.head, pending.history) = (cursor, cursor, history));
    }

    /// The socket may see messages up to here.
    pub(crate) fn advance(&self, head: SequenceId) {
        self.fill(|pending| {
            if !pending.closed {
                pending.head = pending.head.max(head);
            }
        });
    }

    /// At this sequence the socket gets `frame` instead of the message. Comes before [`Outbound::advance`].
    pub(crate) fn ack(&self, sequence: SequenceId, frame: Utf8Bytes, permit: Permit) {
        self.fill(|pending| {
            if !pending.closed {
                pending.acks.insert(sequence, (frame, permit));
            }
        });
    }

    /// Queues a frame behind everything that the socket may see now. `list` makes the list of participants that
    /// stands for frames of [`Priority::Roster`] when the queue is full.
    pub(crate) fn push(&self, frame: Utf8Bytes, priority: Priority, permit: Permit, list: &dyn Fn() -> Utf8Bytes) {
        let body = Body::Frame(frame);
        self.fill(|pending| pending.enqueue(body, priority, permit, list, self.limits, &self.metrics));
    }

    /// Queues the answer to a frame of this socket.
    pub(crate) fn reply(&self, frame: Utf8Bytes, permit: Permit) {
        self.fill(|pending| pending.add(Body::Frame(frame), Priority::Required, permit));
    }

    /// Queues a page of the log, read when its turn comes.
    pub(crate) fn push_page(&self, after: SequenceId, current: SequenceId, roster: Roster, permit: Permit) {
        self.fill(|pending| pending.add(Body::Page { after, current, roster }, Priority::Required, permit));
    }

    /// Closes the socket behind everything that was queued.
    pub(crate) fn close(&self, reason: CloseReason) {
        self.fill(|pending| {
            pending.add(Body::Close(reason), Priority::Required, None);
            pending.closed = true;
        });
    }

    /// The message at this sequence was written from the store.
    pub(crate) fn passed(&self, sequence: SequenceId) {
        self.fill(|pending| pending.cursor = pending.cursor.max(sequence));
    }

    /// Waits until the queue is not full. A socket that does not take what it caused is not read.
    pub(crate) async fn room(&self) {
        loop {
            let drained = self.drained.notified();
            if !self.lock().is_full(self.limits) {
                return;
            }
            drained.await;
        }
    }

    /// What is to be written now, if anything.
    pub(crate) fn poll(&self) -> Option<NextWrite> {
        let mut pending = self.lock();
        let was_full = pending.is_full(self.limits);
        let lagged = pending.lags;
        let next = pending.next(&self.recent);
        if pending.lags && !lagged {
            self.metrics.slow_readers.inc();
        }
        if was_full && !pending.is_full(self.limits) {
            self.drained.notify_one();
        }
        next
    }

    /// What is to be written next. Cancel safe.
    pub(crate) async fn next(&self) -> NextWrite {
        loop {
            let filled = self.filled.notified();
            if let Some(next) = self.poll() {
                return next;
            }
            filled.await;
        }
    }
}

/// Counts a frame that was dropped.
fn shed(metrics: &Metrics, priority: Priority) {
    if let Some(label) = priority.label() {
        metrics.shed(label);
    }
}

impl Pending {
    fn next(&mut self, recent: &RecentFrames) -> Option<NextWrite> {
        if let Some(first) = self.queue.front()
            && first.behind <= self.cursor
        {
            let Queued { body, permit, .. } = self.queue.pop_front()?;
            self.bytes = self.bytes.saturating_sub(body.bytes());
            return Some(match body {
                Body::Frame(frame) => NextWrite::Frame(frame, permit, Timing::Untimed),
                Body::Page { after, current, roster } => NextWrite::Page { after, current, roster, permit },
                Body::Close(reason) => NextWrite::Close(reason),
            });
        }
        if self.cursor >= self.head {
            return None;
        }
        let sequence = self.cursor.next();
        if let Some((frame, permit)) = self.acks.remove(&sequence) {
            self.cursor = sequence;
            let timing = permit.as_ref().map_or(Timing::Untimed, |permit| Timing::Ack(permit.received));
            return Some(NextWrite::Frame(frame, permit, timing));
        }
        let is_history = sequence <= self.history;
        let Some(RecentFrame { frame, committed, .. }) = recent.get(sequence) else {
            self.lags = !is_history;
            return Some(NextWrite::FromLog(sequence));
        };
        self.lags = false;
        self.cursor = sequence;
        let timing = if is_history { Timing::Untimed } else { Timing::FanOut(committed) };
        Some(NextWrite::Frame(frame, None, timing))
    }

    fn is_full(&self, limits: OutboundLimits) -> bool {
        self.queue.len() >= limits.frames || self.bytes >= limits.bytes
    }

    /// Adds a frame whatever is there already.
    fn add(&mut self, body: Body, priority: Priority, permit: Permit) {
        if !self.closed {
            self.bytes += body.bytes();
            self.queue.push_back(Queued { behind: self.head, body, priority, permit });
        }
    }

    /// Adds a frame; when the queue is full, what is priority the least gives way.
    fn enqueue(
        &mut self,
        body: Body,
        priority: Priority,
        permit: Permit,
        list: &dyn Fn() -> Utf8Bytes,
        limits: OutboundLimits,
        metrics: &Metrics,
    ) {
        for passing in [Priority::Typing, Priority::AiChunk] {
            while self.is_full(limits) {
                let oldest = self.queue.iter().position(|queued| queued.priority == passing);
                if oldest.is_none() && priority != passing {
                    break;
                }
                shed(metrics, passing);
                match oldest.and_then(|index| self.queue.remove(index)) {
                    Some(queued) => self.bytes = self.bytes.saturating_sub(queued.body.bytes()),
                    None => return,
                }
            }
        }
        if self.is_full(limits) && (priority == Priority::Roster || self.has(Priority::Roster)) {
            // The list tells what all of them would have told, so it stands behind the last of them.
            self.forget(Priority::Roster, metrics);
            self.add(Body::Frame(list()), Priority::Roster, None);
            if priority == Priority::Roster {
                return;
            }
        }
        if self.is_full(limits) && matches!(priority, Priority::Mode | Priority::Properties) {
            self.forget(priority, metrics);
        }
        self.add(body, priority, permit);
    }

    fn has(&self, priority: Priority) -> bool {
        self.queue.iter().any(|queued| queued.priority == priority)
    }

    fn forget(&mut self, priority: Priority, metrics: &Metrics) {
        let bytes = &mut self.bytes;
        self.queue.retain(|queued| {
            let stays = queued.priority != priority;
            if !stays {
                *bytes = bytes.saturating_sub(queued.body.bytes());
                shed(metrics, priority);
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::recent::KEPT;

    fn text(next: Option<NextWrite>) -> String {
        match next {
            None => "-".to_owned(),
            Some(NextWrite::Frame(frame, ..)) => frame.to_string(),
            Some(NextWrite::FromLog(sequence)) => format!("log {sequence}"),
            Some(NextWrite::Page { after, .. }) => format!("page {after}"),
            Some(NextWrite::Close(reason)) => format!("{reason:?}"),
        }
    }

    fn drained(outbound: &Outbound) -> Vec<String> {
        let frames = std::iter::from_fn(|| outbound.poll());
        frames.map(|next| text(Some(next))).collect()
    }

    fn message(recent: &RecentFrames, sequence: u64) {
        recent.push(SequenceId(sequence), format!("message {sequence}").into());
    }

    fn push(outbound: &Outbound, frame: &str, priority: Priority) {
        outbound.push(frame.to_owned().into(), priority, None, &|| "list".into());
    }

    fn outbound(recent: &Arc<RecentFrames>, frames: usize, bytes: usize) -> Outbound {
        let metrics = Arc::new(Metrics::new().unwrap());
        Outbound::new(Arc::clone(recent), OutboundLimits { frames, bytes }, metrics)
    }

    #[test]
    fn frames_keep_their_place_between_messages() {
        let recent = Arc::new(RecentFrames::default());
        let outbound = outbound(&recent, 10, 1000);
        outbound.start(SequenceId(0), SequenceId(0));
        push(&outbound, "hello", Priority::Required);
        message(&recent, 1);
        outbound.advance(SequenceId(1));
        push(&outbound, "joined", Priority::Required);
        message(&recent, 2);
        outbound.ack(SequenceId(2), "ack 2".into(), None);
        outbound.advance(SequenceId(2));
        push(&outbound, "pong", Priority::Required);
        assert_eq!(drained(&outbound), ["hello", "message 1", "joined", "ack 2", "pong"]);
        assert_eq!(text(outbound.poll()), "-");
    }

    #[test]
    fn what_the_tail_no_longer_holds_is_read_from_the_log() {
        let recent = Arc::new(RecentFrames::default());
        for sequence in 1..=(KEPT as u64 + 1) {
            message(&recent, sequence);
        }
        let outbound = outbound(&recent, 10, 1000);
        outbound.start(SequenceId(0), SequenceId(0));
        outbound.advance(SequenceId(2));
        assert_eq!(text(outbound.poll()), "log 1");
        outbound.passed(SequenceId(1));
        assert_eq!(text(outbound.poll()), "message 2");
    }

    #[test]
    fn a_full_queue_sheds_typing_then_pieces_then_makes_one_list_and_keeps_what_is_needed() {
        let outbound = outbound(&Arc::default(), 3, 1000);
        push(&outbound, "typing", Priority::Typing);
        push(&outbound, "piece", Priority::AiChunk);
        push(&outbound, "left", Priority::Roster);
        push(&outbound, "mode", Priority::Mode);
        push(&outbound, "typing again", Priority::Typing);
        push(&outbound, "piece again", Priority::AiChunk);
        push(&outbound, "renamed", Priority::Properties);
        push(&outbound, "online", Priority::Roster);
        push(&outbound, "mode again", Priority::Mode);
        push(&outbound, "renamed again", Priority::Properties);
        push(&outbound, "closing", Priority::Required);
        outbound.reply("pong".into(), None);
        push(&outbound, "joined", Priority::Roster);
        assert_eq!(drained(&outbound), ["mode again", "renamed again", "closing", "pong", "list"]);
        let metrics = outbound.metrics.render();
        for shed in ["typing\"} 2", "ai_piece\"} 2", "mode\"} 1", "properties\"} 1"] {
            assert!(metrics.contains(shed), "{shed}: {metrics}");
        }
    }

    #[test]
    fn bytes_fill_a_queue_as_frames_do() {
        let outbound = outbound(&Arc::default(), 100, 10);
        push(&outbound, "0123456789", Priority::Required);
        push(&outbound, "typing", Priority::Typing);
        assert_eq!(drained(&outbound), ["0123456789"]);
        push(&outbound, "typing", Priority::Typing);
        assert_eq!(drained(&outbound), ["typing"]);
    }

    #[tokio::test]
    async fn a_full_socket_has_no_room_until_it_is_drained() {
        use futures_util::FutureExt;
        let outbound = outbound(&Arc::default(), 2, 1000);
        outbound.room().await;
        outbound.reply("pong".into(), None);
        outbound.reply("pong".into(), None);
        let mut room = Box::pin(outbound.room());
        assert!(room.as_mut().now_or_never().is_none());
        outbound.poll();
        room.await;
    }

    #[test]
    fn only_what_came_since_counts_as_slow() {
        let recent = Arc::new(RecentFrames::default());
        let outbound = outbound(&recent, 10, 1000);
        outbound.start(SequenceId(0), SequenceId(1));
        outbound.advance(SequenceId(3));
        for sequence in 1..=3 {
            assert_eq!(text(outbound.poll()), format!("log {sequence}"));
            outbound.passed(SequenceId(sequence));
            assert_eq!(outbound.metrics.slow_readers.get(), u64::from(sequence > 1), "at {sequence}");
        }
    }

    #[test]
    fn nothing_follows_a_close() {
        let recent = Arc::new(RecentFrames::default());
        let outbound = outbound(&recent, 3, 1000);
        message(&recent, 1);
        outbound.advance(SequenceId(1));
        outbound.close(CloseReason::Left);
        message(&recent, 2);
        outbound.advance(SequenceId(2));
        push(&outbound, "late", Priority::Required);
        assert_eq!(drained(&outbound), ["message 1", "Left"]);
    }
}
