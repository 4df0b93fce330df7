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
use std::time::Instant;

use bytes::Bytes;

use super::permit::Permit;
use super::priority::Priority;
use super::recent::{RecentFrame, RecentFrames};
use crate::core::{CloseReason, Roster};
use crate::domain::SequenceId;
use crate::metrics::Metrics;

#[derive(Debug)]
enum Body {
    Frame(Bytes),
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
pub(super) enum Timing {
    /// Nothing.
    Untimed,
    /// A message that became visible then.
    FanOut(Instant),
    /// The outcome of a message that was read then.
    Ack(Instant),
}

/// What the writer does next.
#[derive(Debug)]
pub(super) enum NextWrite {
    /// Write this frame.
    Frame(Bytes, Permit, Timing),
    /// Write the message at this sequence, which must be read from the store, and call [`Queue::passed`].
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

/// What waits for one socket.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The last message that was written, or that the client knows.
    cursor: SequenceId,
    /// The newest message that this socket may see.
    head: SequenceId,
    /// What was there before the socket was: its history.
    history: SequenceId,
    /// It is served from the log since it did not keep up.
    lags: bool,
    /// The places at which this socket gets an ack instead of the message.
    acks: BTreeMap<SequenceId, (Bytes, Permit)>,
    queue: VecDeque<Queued>,
    /// Of the frames in the queue.
    bytes: usize,
    closed: bool,
}

/// When a queue is full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutboundLimits {
    /// So many frames.
    pub(crate) frames: usize,
    /// So many bytes of frames.
    pub(crate) bytes: usize,
    /// Beyond so many bytes of presence one list stands for it, also where the queue isn't full.
    pub(crate) presence_bytes: usize,
    /// And when a socket is closed for its faults.
    pub(crate) max_faults_per_minute: usize,
}

/// Counts a frame that was dropped.
fn shed(metrics: &Metrics, priority: Priority) {
    if let Some(label) = priority.label() {
        metrics.shed(label);
    }
}

impl Queue {
    /// A queue that ignores whatever is added.
    pub(super) fn ended() -> Self {
        Self { closed: true, ..Self::default() }
    }

    /// The client knows all messages up to `cursor`; what follows up to `history` was said before it came.
    pub(super) fn start(&mut self, cursor: SequenceId, history: SequenceId) {
        (self.cursor, self.head, self.history) = (cursor, cursor, history);
    }

    /// The socket may see messages up to here.
    pub(super) fn advance(&mut self, head: SequenceId) {
        if !self.closed {
            self.head = self.head.max(head);
        }
    }

    /// At this place the socket gets `frame` instead of the message. Comes before [`Queue::advance`].
    pub(super) fn ack(&mut self, sequence: SequenceId, frame: Bytes, permit: Permit) {
        if !self.closed {
            self.acks.insert(sequence, (frame, permit));
        }
    }

    /// Answers a frame of this socket.
    pub(super) fn reply(&mut self, frame: Bytes, permit: Permit) {
        self.add(Body::Frame(frame), Priority::Required, permit);
    }

    /// Queues a page of the log, read when its turn comes.
    pub(super) fn page(&mut self, after: SequenceId, current: SequenceId, roster: Roster, permit: Permit) {
        self.add(Body::Page { after, current, roster }, Priority::Required, permit);
    }

    /// Closes the socket behind everything that was queued.
    pub(super) fn close(&mut self, reason: CloseReason) {
        self.add(Body::Close(reason), Priority::Required, None);
        self.closed = true;
    }

    /// The message at this place was written from the store.
    pub(super) fn passed(&mut self, sequence: SequenceId) {
        self.cursor = self.cursor.max(sequence);
    }

    /// Whether it is served from the log since it did not keep up.
    pub(super) fn lags(&self) -> bool {
        self.lags
    }

    /// What is to be written now, if anything.
    pub(super) fn next(&mut self, recent: &RecentFrames) -> Option<NextWrite> {
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
            let timing = permit.as_ref().map_or(Timing::Untimed, |permit| Timing::Ack(permit.received()));
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

    /// Whether the queue is full, so that no more frames of the socket are to be read.
    pub(super) fn is_full(&self, limits: OutboundLimits) -> bool {
        self.queue.len() >= limits.frames || self.bytes >= limits.bytes
    }

    /// Adds a frame whatever is there already.
    fn add(&mut self, body: Body, priority: Priority, permit: Permit) {
        if !self.closed {
            self.bytes += body.bytes();
            self.queue.push_back(Queued { behind: self.head, body, priority, permit });
        }
    }

    /// Queues a frame behind everything that the socket may see now; when the queue is full, what matters least gives
    /// way. `list` makes the list of participants that stands for presence and membership.
    pub(super) fn push(
        &mut self,
        frame: Bytes,
        priority: Priority,
        list: &dyn Fn() -> Bytes,
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
        let is_membership = matches!(priority, Priority::Presence | Priority::Roster);
        if self.is_full(limits) && (is_membership || self.has(Priority::Presence) || self.has(Priority::Roster)) {
            // The list tells what all of them would have told, so it stands behind the last of them.
            let of_membership = [Priority::Presence, Priority::Roster, Priority::List];
            self.forget(&of_membership, |priority| shed(metrics, priority));
            self.add(Body::Frame(list()), Priority::List, None);
            if is_membership {
                return;
            }
        }
        if priority == Priority::Presence && self.is_burst(frame.len(), limits) {
            self.forget(&[Priority::Presence, Priority::List], |_| metrics.coalesced("presence"));
            self.add(Body::Frame(list()), Priority::List, None);
            return;
        }
        if self.is_full(limits) && matches!(priority, Priority::Mode | Priority::Properties) {
            self.forget(&[priority], |priority| shed(metrics, priority));
        }
        self.add(Body::Frame(frame), priority, None);
    }

    /// Whether a list is to stand for one more frame of presence and for those that wait. Each of them tells all
    /// participants, so that a crowd that arrives at once would cost the cube of its size.
    fn is_burst(&self, bytes: usize, limits: OutboundLimits) -> bool {
        let waiting = self.queue.iter().filter(|queued| queued.priority == Priority::Presence);
        let (mut count, mut sum) = (0, bytes);
        for queued in waiting {
            (count, sum) = (count + 1, sum + queued.body.bytes());
        }
        self.has(Priority::List) || (count > 0 && sum > limits.presence_bytes)
    }

    fn has(&self, priority: Priority) -> bool {
        self.queue.iter().any(|queued| queued.priority == priority)
    }

    /// Takes out the frames of these priorities, and tells the priority of each.
    fn forget(&mut self, priorities: &[Priority], forgotten: impl Fn(Priority)) {
        let bytes = &mut self.bytes;
        self.queue.retain(|queued| {
            let stays = !priorities.contains(&queued.priority);
            if !stays {
                *bytes = bytes.saturating_sub(queued.body.bytes());
                forgotten(queued.priority);
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests;
