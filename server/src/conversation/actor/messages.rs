//! What the owner of a conversation does with each message to it.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::info;

use super::Actor;
use crate::conversation::actor_message::{ActorMessage, Query, ReplyTo};
use crate::conversation::reads::DueRead;
use crate::core::{Change, CloseReason, Event, Signal, StartAt};
use crate::domain::{Now, SocketId, UserId};
use crate::outbound::{Outbound, Permit};

impl Actor {
    /// Takes one message of the mailbox.
    pub(super) fn message(&mut self, message: ActorMessage, now: Now) {
        match message {
            ActorMessage::Change(change, reply_to) => match (*change, reply_to) {
                (Change::Read { user, socket, up_to }, ReplyTo::Socket { permit, .. }) => {
                    let interval = self.environment.read_interval;
                    if self.reads.add(user, socket, up_to, permit, Instant::now(), interval) {
                        self.environment.metrics.coalesced("read");
                    }
                }
                (change, reply_to) => {
                    let steps = self.pipeline.queue(change, reply_to);
                    self.take(steps);
                }
            },
            ActorMessage::StoreRead(user, done) => {
                if let Some(read) = self.reads.take(&user) {
                    self.store_read(read, Some(done), now);
                }
            }
            ActorMessage::Signal(socket, signal, permit) => self.signal(socket, signal, permit, now),
            ActorMessage::Query(query) => self.query(query),
            ActorMessage::Connect { socket, user, start, outbound, reply } => {
                // The socket's task may have ended meanwhile.
                let _ = reply.send(self.connect(socket, user, start, outbound, now));
            }
            ActorMessage::Disconnect(socket) => self.disconnect(socket, now),
            ActorMessage::CloseSocket(socket, reason) => {
                let steps = self.pipeline.close_socket(socket, reason, now);
                self.take(steps);
            }
            ActorMessage::Drain(reply) => self.drain(reply, now),
            ActorMessage::CloseNow => self.close_all(),
        }
    }

    fn signal(&mut self, socket: SocketId, signal: Signal, permit: Permit, now: Now) {
        // What the socket said before comes first.
        if let Some(read) = self.reads.take_of(socket) {
            self.store_read(read, None, now);
        }
        let reply_to = ReplyTo::Socket { socket, message_id: None, permit };
        let is_typing = matches!(signal, Signal::Typing(_));
        let steps = self.pipeline.signal(socket, signal, reply_to, now);
        if is_typing && steps.is_empty() {
            self.environment.metrics.coalesced("typing");
        }
        self.take(steps);
    }

    /// Whoever asked may have gone meanwhile.
    fn query(&self, query: Query) {
        match query {
            Query::View(reader, reply) => {
                let mut view = self.pipeline.state().view(&reader);
                if let (Some(view), Some(up_to)) = (&mut view, self.reads.position(&reader)) {
                    view.has_read(up_to);
                }
                let _ = reply.send(view);
            }
            Query::NewestMessage(user, reply) => {
                let stored = self.pipeline.state().stored();
                let newest = stored.members.contains_key(&user).then_some(stored.last_sequence);
                let _ = reply.send(newest);
            }
        }
    }

    fn connect(
        &mut self,
        socket: SocketId,
        user: UserId,
        start: StartAt,
        outbound: Arc<Outbound>,
        now: Now,
    ) -> Result<(), CloseReason> {
        if self.pipeline.is_draining() {
            return Err(CloseReason::Shutdown);
        }
        let Some((start, steps)) = self.pipeline.connect(socket, &user, start, now) else {
            return Err(CloseReason::Left);
        };
        info!(participant = %user, %socket, after = %start, "connected");
        outbound.start(start, self.pipeline.state().stored().last_sequence);
        self.fan_out.open(socket, user, outbound);
        self.take(steps);
        Ok(())
    }

    fn disconnect(&mut self, socket: SocketId, now: Now) {
        if let Some(read) = self.reads.take_of(socket) {
            self.store_read(read, None, now);
        }
        if let Some(user) = self.pipeline.state().user_of(socket) {
            info!(participant = %user, %socket, "disconnected");
        }
        self.fan_out.remove(socket);
        let steps = self.pipeline.disconnect(socket, now);
        self.take(steps);
    }

    fn drain(&mut self, reply: oneshot::Sender<()>, now: Now) {
        self.drained.push(reply);
        self.assistant.stop();
        // An answer that waits to be tried again has one more chance.
        self.store_answer(now);
        self.store_reads(now);
        self.pipeline.drain();
        for socket in self.fan_out.ids() {
            let closing = Event::Closing { retry_after: self.environment.reconnect.of(socket) };
            self.fan_out.reply(socket, &closing, None);
        }
    }

    /// Stores the read positions that wait.
    pub(super) fn store_reads(&mut self, now: Now) {
        for read in self.reads.take_all() {
            self.store_read(read, None, now);
        }
    }

    fn store_read(&mut self, read: DueRead, done: Option<oneshot::Sender<()>>, now: Now) {
        let DueRead { change, socket, permit } = read;
        let steps = self.pipeline.change(change, ReplyTo::StoredRead { socket, done, permit }, now);
        self.take(steps);
    }
}
