//! What waits to be written to one socket: a cursor in the conversation's log for messages, and a bounded queue
//! for all other frames.
//!
//! Each queued frame remembers the newest message at the time it was made, and is written when the cursor has
//! reached that message: so the order of messages and other frames is the conversation's order, however far
//! the socket lags behind. A socket can miss or repeat no message, because nothing but the cursor says which
//! one comes next.
//!
//! What the queue can hold is bounded. Answers to frames of the socket itself are bounded by the frames that may be
//! without outcome, and a full socket is not read. Everything else gives way when the queue is full: see [`Worth`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::conversation::event::{CloseReason, Seats};
use crate::domain::SequenceId;
use crate::metrics::Metrics;

/// The newest messages of a conversation as frames, shared by all of its sockets.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    frames: Mutex<VecDeque<Tailed>>,
}

#[derive(Debug, Clone)]
struct Tailed {
    place: SequenceId,
    frame: Utf8Bytes,
    since: Instant,
}

/// How many frames a [`Tail`] keeps. Sockets that lag further behind read the store.
const TAIL: usize = 256;

impl Tail {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Tailed>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the newest message.
    pub(crate) fn push(&self, place: SequenceId, frame: Utf8Bytes) {
        let mut frames = self.lock();
        frames.push_back(Tailed { place, frame, since: Instant::now() });
        if frames.len() > TAIL {
            frames.pop_front();
        }
    }

    fn get(&self, place: SequenceId) -> Option<Tailed> {
        let frames = self.lock();
        let index = usize::try_from(place.0.checked_sub(frames.front()?.place.0)?).ok()?;
        frames.get(index).cloned()
    }
}

/// What a frame is worth when the queue is full. The smallest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Worth {
    /// Typing: the next one tells the same.
    Passing,
    /// A piece of an AI's answer: the whole follows as a message.
    Piece,
    /// Who takes part and who is online: all of these together become one list.
    Seats,
    /// The mode, or the properties: only the newest counts.
    Mode,
    /// See [`Worth::Mode`].
    Properties,
    /// Anything else that the client relies on.
    Needed,
}

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
    Page { after: SequenceId, current: SequenceId, seats: Seats },
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
    worth: Worth,
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
pub(crate) enum Next {
    /// Write this frame.
    Frame(Utf8Bytes, Permit, Timing),
    /// Write the message at this place, which must be read from the store, and call [`Outbound::passed`].
    Logged(SequenceId),
    /// Write a page of the log.
    Page {
        /// After this message.
        after: SequenceId,
        /// The newest message when it was asked for.
        current: SequenceId,
        /// The participants when it was asked for.
        seats: Seats,
        /// Given back when the page is written.
        permit: Permit,
    },
    /// Close; nothing comes after it.
    Close(CloseReason),
}

#[derive(Debug, Default)]
struct Lanes {
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
    lanes: Mutex<Lanes>,
    filled: Notify,
    drained: Notify,
    limits: OutboundLimits,
    tail: Arc<Tail>,
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
    /// An empty queue over the messages of `tail`.
    pub(crate) fn new(tail: Arc<Tail>, limits: OutboundLimits, metrics: Arc<Metrics>) -> Self {
        Self { lanes: Mutex::default(), filled: Notify::new(), drained: Notify::new(), limits, tail, metrics }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill<T>(&self, change: impl FnOnce(&mut Lanes) -> T) -> T {
        let result = change(&mut self.lock());
        self.filled.notify_one();
        result
    }

    /// The client knows all messages up to `cursor`; what follows up to `history` was said before it came.
    pub(crate) fn start(&self, cursor: SequenceId, history: SequenceId) {
        self.fill(|lanes| (lanes.cursor, lanes.head, lanes.history) = (cursor, cursor, history));
    }

    /// The socket may see messages up to here.
    pub(crate) fn advance(&self, head: SequenceId) {
        self.fill(|lanes| {
            if !lanes.closed {
                lanes.head = lanes.head.max(head);
            }
        });
    }

    /// At this place the socket gets `frame` instead of the message. Comes before [`Outbound::advance`].
    pub(crate) fn ack(&self, place: SequenceId, frame: Utf8Bytes, permit: Permit) {
        self.fill(|lanes| {
            if !lanes.closed {
                lanes.acks.insert(place, (frame, permit));
            }
        });
    }

    /// Queues a frame behind everything that the socket may see now. `list` makes the list of participants that
    /// stands for frames of [`Worth::Seats`] when the queue is full.
    pub(crate) fn push(&self, frame: Utf8Bytes, worth: Worth, permit: Permit, list: &dyn Fn() -> Utf8Bytes) {
        let body = Body::Frame(frame);
        self.fill(|lanes| lanes.enqueue(body, worth, permit, list, self.limits, &self.metrics));
    }

    /// Queues the answer to a frame of this socket.
    pub(crate) fn reply(&self, frame: Utf8Bytes, permit: Permit) {
        self.fill(|lanes| lanes.add(Body::Frame(frame), Worth::Needed, permit));
    }

    /// Queues a page of the log, read when its turn comes.
    pub(crate) fn push_page(&self, after: SequenceId, current: SequenceId, seats: Seats, permit: Permit) {
        self.fill(|lanes| lanes.add(Body::Page { after, current, seats }, Worth::Needed, permit));
    }

    /// Closes the socket behind everything that was queued.
    pub(crate) fn close(&self, reason: CloseReason) {
        self.fill(|lanes| {
            lanes.add(Body::Close(reason), Worth::Needed, None);
            lanes.closed = true;
        });
    }

    /// The message at this place was written from the store.
    pub(crate) fn passed(&self, place: SequenceId) {
        self.fill(|lanes| lanes.cursor = lanes.cursor.max(place));
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
    pub(crate) fn poll(&self) -> Option<Next> {
        let mut lanes = self.lock();
        let was_full = lanes.is_full(self.limits);
        let lagged = lanes.lags;
        let next = lanes.next(&self.tail);
        if lanes.lags && !lagged {
            self.metrics.slow_readers.inc();
        }
        if was_full && !lanes.is_full(self.limits) {
            self.drained.notify_one();
        }
        next
    }

    /// What is to be written next. Cancel safe.
    pub(crate) async fn next(&self) -> Next {
        loop {
            let filled = self.filled.notified();
            if let Some(next) = self.poll() {
                return next;
            }
            filled.await;
        }
    }
}

impl Lanes {
    fn next(&mut self, tail: &Tail) -> Option<Next> {
        if let Some(first) = self.queue.front()
            && first.behind <= self.cursor
        {
            let Queued { body, permit, .. } = self.queue.pop_front()?;
            self.bytes = self.bytes.saturating_sub(body.bytes());
            return Some(match body {
                Body::Frame(frame) => Next::Frame(frame, permit, Timing::Untimed),
                Body::Page { after, current, seats } => Next::Page { after, current, seats, permit },
                Body::Close(reason) => Next::Close(reason),
            });
        }
        if self.cursor >= self.head {
            return None;
        }
        let place = self.cursor.next();
        if let Some((frame, permit)) = self.acks.remove(&place) {
            self.cursor = place;
            let timing = permit.as_ref().map_or(Timing::Untimed, |permit| Timing::Ack(permit.received));
            return Some(Next::Frame(frame, permit, timing));
        }
        let is_history = place <= self.history;
        let Some(Tailed { frame, since, .. }) = tail.get(place) else {
            self.lags = !is_history;
            return Some(Next::Logged(place));
        };
        self.lags = false;
        self.cursor = place;
        let timing = if is_history { Timing::Untimed } else { Timing::FanOut(since) };
        Some(Next::Frame(frame, None, timing))
    }

    fn is_full(&self, limits: OutboundLimits) -> bool {
        self.queue.len() >= limits.frames || self.bytes >= limits.bytes
    }

    /// Adds a frame whatever is there already.
    fn add(&mut self, body: Body, worth: Worth, permit: Permit) {
        if !self.closed {
            self.bytes += body.bytes();
            self.queue.push_back(Queued { behind: self.head, body, worth, permit });
        }
    }

    /// Adds a frame; when the queue is full, what is worth the least gives way.
    fn enqueue(
        &mut self,
        body: Body,
        worth: Worth,
        permit: Permit,
        list: &dyn Fn() -> Utf8Bytes,
        limits: OutboundLimits,
        metrics: &Metrics,
    ) {
        for passing in [Worth::Passing, Worth::Piece] {
            while self.is_full(limits) {
                let oldest = self.queue.iter().position(|queued| queued.worth == passing);
                if oldest.is_none() && worth != passing {
                    break;
                }
                metrics.shed(passing);
                match oldest.and_then(|index| self.queue.remove(index)) {
                    Some(queued) => self.bytes = self.bytes.saturating_sub(queued.body.bytes()),
                    None => return,
                }
            }
        }
        if self.is_full(limits) && (worth == Worth::Seats || self.has(Worth::Seats)) {
            // The list tells what all of them would have told, so it stands behind the last of them.
            self.forget(Worth::Seats, metrics);
            self.add(Body::Frame(list()), Worth::Seats, None);
            if worth == Worth::Seats {
                return;
            }
        }
        if self.is_full(limits) && matches!(worth, Worth::Mode | Worth::Properties) {
            self.forget(worth, metrics);
        }
        self.add(body, worth, permit);
    }

    fn has(&self, worth: Worth) -> bool {
        self.queue.iter().any(|queued| queued.worth == worth)
    }

    fn forget(&mut self, worth: Worth, metrics: &Metrics) {
        let bytes = &mut self.bytes;
        self.queue.retain(|queued| {
            let stays = queued.worth != worth;
            if !stays {
                *bytes = bytes.saturating_sub(queued.body.bytes());
                metrics.shed(worth);
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(next: Option<Next>) -> String {
        match next {
            None => "-".to_owned(),
            Some(Next::Frame(frame, ..)) => frame.to_string(),
            Some(Next::Logged(place)) => format!("log {place}"),
            Some(Next::Page { after, .. }) => format!("page {after}"),
            Some(Next::Close(reason)) => format!("{reason:?}"),
        }
    }

    fn drained(outbound: &Outbound) -> Vec<String> {
        let frames = std::iter::from_fn(|| outbound.poll());
        frames.map(|next| text(Some(next))).collect()
    }

    fn message(tail: &Tail, place: u64) {
        tail.push(SequenceId(place), format!("message {place}").into());
    }

    fn push(outbound: &Outbound, frame: &str, worth: Worth) {
        outbound.push(frame.to_owned().into(), worth, None, &|| "list".into());
    }

    fn outbound(tail: &Arc<Tail>, frames: usize, bytes: usize) -> Outbound {
        let metrics = Arc::new(Metrics::new().unwrap());
        Outbound::new(Arc::clone(tail), OutboundLimits { frames, bytes }, metrics)
    }

    #[test]
    fn frames_keep_their_place_between_messages() {
        let tail = Arc::new(Tail::default());
        let outbound = outbound(&tail, 10, 1000);
        outbound.start(SequenceId(0), SequenceId(0));
        push(&outbound, "hello", Worth::Needed);
        message(&tail, 1);
        outbound.advance(SequenceId(1));
        push(&outbound, "joined", Worth::Needed);
        message(&tail, 2);
        outbound.ack(SequenceId(2), "ack 2".into(), None);
        outbound.advance(SequenceId(2));
        push(&outbound, "pong", Worth::Needed);
        assert_eq!(drained(&outbound), ["hello", "message 1", "joined", "ack 2", "pong"]);
        assert_eq!(text(outbound.poll()), "-");
    }

    #[test]
    fn what_the_tail_no_longer_holds_is_read_from_the_log() {
        let tail = Arc::new(Tail::default());
        for place in 1..=(TAIL as u64 + 1) {
            message(&tail, place);
        }
        let outbound = outbound(&tail, 10, 1000);
        outbound.start(SequenceId(0), SequenceId(0));
        outbound.advance(SequenceId(2));
        assert_eq!(text(outbound.poll()), "log 1");
        outbound.passed(SequenceId(1));
        assert_eq!(text(outbound.poll()), "message 2");
    }

    #[test]
    fn a_full_queue_sheds_typing_then_pieces_then_makes_one_list_and_keeps_what_is_needed() {
        let outbound = outbound(&Arc::default(), 3, 1000);
        push(&outbound, "typing", Worth::Passing);
        push(&outbound, "piece", Worth::Piece);
        push(&outbound, "left", Worth::Seats);
        push(&outbound, "mode", Worth::Mode);
        push(&outbound, "typing again", Worth::Passing);
        push(&outbound, "piece again", Worth::Piece);
        push(&outbound, "renamed", Worth::Properties);
        push(&outbound, "online", Worth::Seats);
        push(&outbound, "mode again", Worth::Mode);
        push(&outbound, "renamed again", Worth::Properties);
        push(&outbound, "closing", Worth::Needed);
        outbound.reply("pong".into(), None);
        push(&outbound, "joined", Worth::Seats);
        assert_eq!(drained(&outbound), ["mode again", "renamed again", "closing", "pong", "list"]);
        let metrics = outbound.metrics.render();
        for shed in ["typing\"} 2", "ai_piece\"} 2", "mode\"} 1", "properties\"} 1"] {
            assert!(metrics.contains(shed), "{shed}: {metrics}");
        }
    }

    #[test]
    fn bytes_fill_a_queue_as_frames_do() {
        let outbound = outbound(&Arc::default(), 100, 10);
        push(&outbound, "0123456789", Worth::Needed);
        push(&outbound, "typing", Worth::Passing);
        assert_eq!(drained(&outbound), ["0123456789"]);
        push(&outbound, "typing", Worth::Passing);
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
        let tail = Arc::new(Tail::default());
        let outbound = outbound(&tail, 10, 1000);
        outbound.start(SequenceId(0), SequenceId(1));
        outbound.advance(SequenceId(3));
        for place in 1..=3 {
            assert_eq!(text(outbound.poll()), format!("log {place}"));
            outbound.passed(SequenceId(place));
            assert_eq!(outbound.metrics.slow_readers.get(), u64::from(place > 1), "at {place}");
        }
    }

    #[test]
    fn nothing_follows_a_close() {
        let tail = Arc::new(Tail::default());
        let outbound = outbound(&tail, 3, 1000);
        message(&tail, 1);
        outbound.advance(SequenceId(1));
        outbound.close(CloseReason::Left);
        message(&tail, 2);
        outbound.advance(SequenceId(2));
        push(&outbound, "late", Worth::Needed);
        assert_eq!(drained(&outbound), ["message 1", "Left"]);
    }
}
