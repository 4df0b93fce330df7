//! The open sockets of a conversation, and what they are told.
//!
//! A turn of the owner only queues; [`FanOut::flush`] at its end writes to each socket what the turn produced for it, at
//! once.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::core::{Audience, CloseReason, Event, FaultKind};
use crate::domain::{Message, SequenceId, SocketId, UserId};
use crate::frame::{self, FrameEncoder};
use crate::metrics::Metrics;
use crate::outbound::{Outbound, Permit, Priority, RecentFrames};

/// A socket as the owner of its conversation knows it.
struct OpenSocket {
    user: UserId,
    outbound: Arc<Outbound>,
    /// Whether it may see the newest messages: behind the first frames.
    is_live: bool,
}

/// The open sockets.
pub(super) struct FanOut {
    frames: FrameEncoder,
    recent: Arc<RecentFrames>,
    metrics: Arc<Metrics>,
    /// Where the frames of each socket go, and whose it is. Steps are carried out after the state has moved on, so
    /// who hears a frame is asked here: a socket is out when the step that closes it is carried out, not before.
    sockets: BTreeMap<SocketId, OpenSocket>,
    /// The newest message that sockets may see, and whether it is newer than at the last flush.
    head: SequenceId,
    has_new_head: bool,
    /// The sockets that have something to write since the last flush.
    touched: Vec<Arc<Outbound>>,
    /// The sockets with one fault too many.
    too_faulty: Vec<SocketId>,
}

impl FanOut {
    /// No sockets yet, in a conversation whose newest message is `head`.
    pub(super) fn new(
        frames: FrameEncoder,
        recent: Arc<RecentFrames>,
        metrics: Arc<Metrics>,
        head: SequenceId,
    ) -> Self {
        Self {
            frames,
            recent,
            metrics,
            sockets: BTreeMap::new(),
            head,
            has_new_head: false,
            touched: Vec::new(),
            too_faulty: Vec::new(),
        }
    }

    /// Whether no socket is open.
    pub(super) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// The open sockets.
    pub(super) fn ids(&self) -> Vec<SocketId> {
        self.sockets.keys().copied().collect()
    }

    /// The open sockets of this user.
    pub(super) fn ids_of(&self, user: &UserId) -> Vec<SocketId> {
        self.sockets.iter().filter(|(_, open)| open.user == *user).map(|(socket, _)| *socket).collect()
    }

    /// A socket opens. It sees no message before [`FanOut::go_live`].
    pub(super) fn open(&mut self, socket: SocketId, user: UserId, outbound: Arc<Outbound>) {
        self.sockets.insert(socket, OpenSocket { user, outbound, is_live: false });
    }

    /// A socket closed.
    pub(super) fn remove(&mut self, socket: SocketId) {
        self.sockets.remove(&socket);
    }

    /// Takes out the sockets that are to be closed for their faults.
    pub(super) fn take_too_faulty(&mut self) -> Vec<SocketId> {
        std::mem::take(&mut self.too_faulty)
    }

    /// A message is stored: every live socket may see it.
    pub(super) fn post(&mut self, message: &Message) {
        let frame = frame::message(self.frames.id(), message);
        self.recent.push(message.sequence, frame, std::time::Instant::now());
        (self.head, self.has_new_head) = (message.sequence, true);
    }

    /// A socket has its first frames: from here on it sees messages.
    pub(super) fn go_live(&mut self, socket: SocketId, up_to: SequenceId) {
        if let Some(open) = self.sockets.get_mut(&socket) {
            open.is_live = true;
        }
        debug_assert!(up_to <= self.head, "a socket sees what is committed");
        self.queue(socket, Outbound::advance);
    }

    /// Closes a socket behind everything that was said to it.
    pub(super) fn close(&mut self, socket: SocketId, reason: CloseReason) {
        self.queue(socket, |outbound, head| outbound.close(head, reason));
        self.sockets.remove(&socket);
    }

    /// Closes all sockets, and writes that at once. They stay until their tasks say that they are gone.
    pub(super) fn close_all(&mut self, reason: CloseReason) {
        for socket in self.ids() {
            self.queue(socket, |outbound, head| outbound.close(head, reason));
        }
        self.flush();
    }

    /// Queues something for a socket, behind the newest message that it may see.
    pub(super) fn queue(&mut self, socket: SocketId, add: impl FnOnce(&Outbound, Option<SequenceId>) -> bool) {
        if let Some(open) = self.sockets.get(&socket)
            && add(&open.outbound, open.is_live.then_some(self.head))
        {
            self.touched.push(Arc::clone(&open.outbound));
        }
    }

    /// Writes what this turn produced, for each socket at once.
    pub(super) fn flush(&mut self) {
        if std::mem::take(&mut self.has_new_head) {
            for open in self.sockets.values().filter(|open| open.is_live) {
                open.outbound.flush(Some(self.head));
            }
        }
        for outbound in self.touched.drain(..) {
            outbound.flush(None);
        }
    }

    /// Queues an event for everybody in the audience. `list` makes the list of participants as they are now, for sockets
    /// that cannot be told one thing after the other.
    pub(super) fn tell(&mut self, audience: &Audience, event: &Event, list: impl Fn() -> Event) {
        let frame = self.frames.encode(event);
        let encoded = OnceCell::new();
        let listed = || Bytes::clone(encoded.get_or_init(|| self.frames.encode(&list())));
        let priority = Priority::of(event);
        let mut faulty = None;
        for (socket, open) in &self.sockets {
            let hears = match audience {
                Audience::Everyone => true,
                Audience::Others(user) => open.user != *user,
                Audience::Socket(only) => socket == only,
            };
            if !hears {
                continue;
            }
            let head = open.is_live.then_some(self.head);
            if open.outbound.push(head, frame.clone(), priority, &listed) {
                self.touched.push(Arc::clone(&open.outbound));
            }
            if matches!(event, Event::Fault(_)) {
                faulty = Some(*socket);
            }
        }
        if let (Some(socket), Event::Fault(fault)) = (faulty, event) {
            self.count_fault(socket, fault.kind);
        }
    }

    /// Answers a frame of a socket.
    pub(super) fn reply(&mut self, socket: SocketId, event: &Event, permit: Permit) {
        let frame = self.frames.encode(event);
        self.queue(socket, |outbound, head| outbound.reply(head, frame, permit));
        if let Event::Fault(fault) = event {
            self.count_fault(socket, fault.kind);
        }
    }

    /// Acknowledges a socket's message, at the message's place in its stream.
    pub(super) fn ack(&mut self, socket: SocketId, message: &Message, duplicate: bool, permit: Permit) {
        let ack = frame::ack(message, duplicate);
        self.queue(socket, |outbound, head| match duplicate {
            true => outbound.reply(head, ack, permit),
            false => outbound.ack(head, message.sequence, ack, permit),
        });
    }

    fn count_fault(&mut self, socket: SocketId, kind: FaultKind) {
        self.metrics.refused_frame(frame::name_of(kind).0);
        let is_one_too_many = |open: &OpenSocket| open.outbound.count_fault(std::time::Instant::now());
        if frame::counts(kind) && self.sockets.get(&socket).is_some_and(is_one_too_many) {
            self.too_faulty.push(socket);
        }
    }
}
