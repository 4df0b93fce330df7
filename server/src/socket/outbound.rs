//! What waits to be written to one socket: a cursor in the conversation's log for messages, and a bounded queue
//! for all other frames.
//!
//! Each queued frame remembers the newest message at the time it was made, and is written when the cursor has
//! reached that message: so the order of messages and other frames is the conversation's order, however far
//! the socket lags behind. A socket can miss or repeat no message, because nothing but the cursor says which
//! one comes next.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::conversation::event::{CloseReason, Seats};
use crate::domain::SequenceId;

/// The newest messages of a conversation as frames, shared by all of its sockets.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    frames: Mutex<VecDeque<(SequenceId, Utf8Bytes)>>,
}

/// How many frames a [`Tail`] keeps. Sockets that lag further behind read the store.
const TAIL: usize = 256;

impl Tail {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(SequenceId, Utf8Bytes)>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the newest message.
    pub(crate) fn push(&self, place: SequenceId, frame: Utf8Bytes) {
        let mut frames = self.lock();
        frames.push_back((place, frame));
        if frames.len() > TAIL {
            frames.pop_front();
        }
    }

    fn get(&self, place: SequenceId) -> Option<Utf8Bytes> {
        let frames = self.lock();
        let (first, _) = frames.front()?;
        let index = usize::try_from(place.0.checked_sub(first.0)?).ok()?;
        frames.get(index).map(|(_, frame)| frame.clone())
    }
}

/// What a frame is worth when the queue is full. The smallest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Worth {
    /// Typing and presence: the next one tells the same.
    Passing,
    /// A piece of an AI's answer: the whole follows as a message.
    Piece,
    /// Anything that the client relies on.
    Needed,
}

/// Held from reading a frame until its outcome is written or known to be none.
pub(crate) type Permit = Option<OwnedSemaphorePermit>;

#[derive(Debug)]
enum Body {
    Frame(Utf8Bytes),
    Page { after: SequenceId, current: SequenceId, seats: Seats },
    Close(CloseReason),
}

#[derive(Debug)]
struct Queued {
    behind: SequenceId,
    body: Body,
    worth: Worth,
    permit: Permit,
}

/// What the writer does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Write this frame.
    Frame(Utf8Bytes, Permit),
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
    /// The places at which this socket gets an ack instead of the message.
    acks: BTreeMap<SequenceId, (Utf8Bytes, Permit)>,
    queue: VecDeque<Queued>,
    closed: bool,
}

/// The outgoing side of a socket, shared by the conversation (which fills it) and the writer (which empties it).
#[derive(Debug)]
pub(crate) struct Outbound {
    lanes: Mutex<Lanes>,
    filled: Notify,
    capacity: usize,
    tail: Arc<Tail>,
}

impl Outbound {
    /// An empty queue over the messages of `tail`.
    pub(crate) fn new(tail: Arc<Tail>, capacity: usize) -> Self {
        Self { lanes: Mutex::default(), filled: Notify::new(), capacity, tail }
    }

    fn fill<T>(&self, change: impl FnOnce(&mut Lanes) -> T) -> T {
        let result = change(&mut self.lanes.lock().unwrap_or_else(PoisonError::into_inner));
        self.filled.notify_one();
        result
    }

    /// The client knows all messages up to here.
    pub(crate) fn start(&self, cursor: SequenceId) {
        self.fill(|lanes| (lanes.cursor, lanes.head) = (cursor, cursor));
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

    /// Queues a frame behind everything that the socket may see now. `false` if the queue overran and the
    /// socket is being closed for it.
    pub(crate) fn push(&self, frame: Utf8Bytes, worth: Worth, permit: Permit) -> bool {
        self.enqueue(Body::Frame(frame), worth, permit)
    }

    /// Queues a page of the log, read when its turn comes.
    pub(crate) fn push_page(&self, after: SequenceId, current: SequenceId, seats: Seats, permit: Permit) -> bool {
        self.enqueue(Body::Page { after, current, seats }, Worth::Needed, permit)
    }

    /// Closes the socket behind everything that was queued.
    pub(crate) fn close(&self, reason: CloseReason) {
        self.fill(|lanes| lanes.close(reason));
    }

    fn enqueue(&self, body: Body, worth: Worth, permit: Permit) -> bool {
        self.fill(|lanes| {
            if lanes.closed {
                return true;
            }
            if lanes.queue.len() >= self.capacity && !lanes.shed(worth) {
                if worth == Worth::Needed {
                    lanes.close(CloseReason::TooSlow);
                    return false;
                }
                return true;
            }
            let behind = lanes.head;
            lanes.queue.push_back(Queued { behind, body, worth, permit });
            true
        })
    }

    /// The message at this place was written from the store.
    pub(crate) fn passed(&self, place: SequenceId) {
        self.fill(|lanes| lanes.cursor = lanes.cursor.max(place));
    }

    /// What is to be written now, if anything.
    pub(crate) fn poll(&self) -> Option<Next> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.next(&self.tail)
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
            return Some(match body {
                Body::Frame(frame) => Next::Frame(frame, permit),
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
            return Some(Next::Frame(frame, permit));
        }
        let Some(frame) = tail.get(place) else {
            return Some(Next::Logged(place));
        };
        self.cursor = place;
        Some(Next::Frame(frame, None))
    }

    /// Makes room for a frame by dropping the oldest of the least worth, if that is worth no more than it.
    fn shed(&mut self, worth: Worth) -> bool {
        let least = self.queue.iter().map(|queued| queued.worth).min();
        let Some(least) = least.filter(|least| *least < Worth::Needed && *least <= worth) else {
            return false;
        };
        if let Some(index) = self.queue.iter().position(|queued| queued.worth == least) {
            self.queue.remove(index);
        }
        true
    }

    fn close(&mut self, reason: CloseReason) {
        if !std::mem::replace(&mut self.closed, true) {
            let behind = self.head;
            let body = Body::Close(reason);
            let worth = Worth::Needed;
            self.queue.push_back(Queued { behind, body, worth, permit: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(next: Option<Next>) -> String {
        match next {
            None => "-".to_owned(),
            Some(Next::Frame(frame, _)) => frame.to_string(),
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

    fn push(outbound: &Outbound, frame: &str, worth: Worth) -> bool {
        outbound.push(frame.to_owned().into(), worth, None)
    }

    #[test]
    fn frames_keep_their_place_between_messages() {
        let tail = Arc::new(Tail::default());
        let outbound = Outbound::new(Arc::clone(&tail), 10);
        outbound.start(SequenceId(0));
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
        let outbound = Outbound::new(Arc::clone(&tail), 10);
        outbound.start(SequenceId(0));
        outbound.advance(SequenceId(2));
        assert_eq!(text(outbound.poll()), "log 1");
        outbound.passed(SequenceId(1));
        assert_eq!(text(outbound.poll()), "message 2");
    }

    #[test]
    fn a_full_queue_sheds_typing_and_presence_then_pieces_then_closes() {
        let outbound = Outbound::new(Arc::default(), 3);
        push(&outbound, "typing", Worth::Passing);
        push(&outbound, "piece", Worth::Piece);
        push(&outbound, "left", Worth::Needed);
        assert!(push(&outbound, "joined", Worth::Needed));
        assert!(push(&outbound, "typing again", Worth::Passing), "dropped, not fatal");
        assert!(push(&outbound, "mode", Worth::Needed));
        assert!(!push(&outbound, "too much", Worth::Needed));
        assert_eq!(drained(&outbound), ["left", "joined", "mode", "TooSlow"]);
    }

    #[test]
    fn nothing_follows_a_close() {
        let tail = Arc::new(Tail::default());
        let outbound = Outbound::new(Arc::clone(&tail), 3);
        message(&tail, 1);
        outbound.advance(SequenceId(1));
        outbound.close(CloseReason::Left);
        message(&tail, 2);
        outbound.advance(SequenceId(2));
        push(&outbound, "late", Worth::Needed);
        assert_eq!(drained(&outbound), ["message 1", "Left"]);
    }
}
