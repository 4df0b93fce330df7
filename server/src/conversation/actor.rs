//! The task that owns a conversation: it takes commands one by one, does what the pipeline says, and is the only
//! one that holds the conversation's state.

mod ai;
mod messages;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::actor_message::{ActorMessage, ReplyTo};
use super::assistant::Assistant;
use super::cache::OwnerPermit;
use super::environment::Environment;
use super::fan_out::FanOut;
use super::handle::Counters;
use super::reads::PendingReads;
use super::store_requests::StoreRequests;
use crate::core::{CloseReason, Effect, Event, Outcome, Pipeline, Rejection, Step};
use crate::frame;
use crate::outbound::Permit;

/// Everything that the owner of a conversation holds.
pub(super) struct Actor {
    pub(super) pipeline: Pipeline<ReplyTo>,
    /// The open sockets.
    pub(super) fan_out: FanOut,
    /// What the store is asked.
    pub(super) requests: StoreRequests,
    /// For whoever looks from outside.
    pub(super) counters: Arc<Counters>,
    pub(super) assistant: Assistant,
    pub(super) reads: PendingReads,
    pub(super) environment: Environment,
    pub(super) mailbox: mpsc::UnboundedReceiver<ActorMessage>,
    /// What was taken out of the mailbox in this turn.
    pub(super) inbox: Vec<ActorMessage>,
    /// Unloaded after being quiet for so long.
    pub(super) idle_unload: Option<Duration>,
    /// When to be unloaded.
    pub(super) unload_at: Option<Instant>,
    /// Told when the drain is complete.
    pub(super) drained: Vec<oneshot::Sender<()>>,
    /// Dropped last, so that no second owner starts before this one is gone.
    pub(super) permit: OwnerPermit,
}

impl Actor {
    fn is_quiet(&self) -> bool {
        self.pipeline.is_quiet() && self.assistant.is_idle() && self.fan_out.is_empty() && self.drained.is_empty()
    }

    fn close_all(&mut self) {
        self.fan_out.close_all(CloseReason::Shutdown);
        for reply in self.drained.drain(..) {
            let _ = reply.send(());
        }
    }

    /// Carries out what the pipeline says.
    fn take(&mut self, steps: Vec<Step<ReplyTo>>) {
        for step in steps {
            match step {
                Step::Effect(effect) => self.carry_out(effect, None),
                Step::Answer(reply_to, result) => self.answer(reply_to, result),
                Step::Reply(reply_to, socket, event) => self.fan_out.reply(socket, &event, reply_to.into_permit()),
                Step::ReplyPage(reply_to, effect) => self.carry_out(effect, reply_to.into_permit()),
                Step::Lookup(keys) => self.requests.look_up(keys),
                Step::Append(records) => self.requests.append(records),
                Step::Resolve => self.requests.resolve(),
                Step::JobDropped(message) => {
                    self.environment.metrics.ai_job("dropped");
                    warn!(message = %message.id, "AI job dropped to make room");
                }
            }
        }
    }

    fn carry_out(&mut self, effect: Effect, permit: Permit) {
        match effect {
            Effect::Tell(audience, event) => {
                log_event(&event);
                let list = || Event::ParticipantList {
                    roster: self.pipeline.state().roster(),
                    at: self.environment.clock.now(),
                };
                self.fan_out.tell(&audience, &event, list);
            }
            Effect::Posted(message) => {
                debug!(sequence = %message.sequence, participant = %message.sender, "message committed");
                self.environment.metrics.message(message.kind);
                // Also one whose commit was in doubt.
                self.assistant.committed(&message.id);
                self.fan_out.post(&message);
            }
            Effect::Replay { socket, up_to } => self.fan_out.go_live(socket, up_to),
            Effect::Page { socket, after, current, roster } => {
                self.fan_out.queue(socket, |outbound, head| outbound.push_page(head, after, current, roster, permit));
            }
            Effect::Close(socket, reason) => {
                info!(%socket, ?reason, "closing");
                self.fan_out.close(socket, reason);
            }
        }
    }

    fn answer(&mut self, reply_to: ReplyTo, result: Result<Outcome, Rejection>) {
        if let Ok(Outcome::Posted { duplicate: true, .. }) = &result {
            self.environment.metrics.duplicates.inc();
        }
        match reply_to {
            // The request may have been given up meanwhile; the change stands all the same.
            ReplyTo::Request(reply) => {
                let _ = reply.send(result);
            }
            ReplyTo::Ai => self.assistant.stored(result),
            ReplyTo::StoredRead { socket, done, permit } => {
                // Whoever waited may have gone meanwhile.
                done.map(|done| done.send(()));
                if let Err(rejection) = result {
                    let fault = Event::Fault(frame::fault(&rejection, None));
                    self.fan_out.reply(socket, &fault, permit);
                }
            }
            ReplyTo::Socket { socket, message_id, permit } => match result {
                Ok(Outcome::Posted { message, duplicate }) => self.fan_out.ack(socket, &message, duplicate, permit),
                Ok(_) => {}
                Err(rejection) => {
                    debug!(%socket, error = %rejection, "frame refused");
                    let fault = Event::Fault(frame::fault(&rejection, message_id));
                    self.fan_out.reply(socket, &fault, permit);
                }
            },
        }
    }
}

/// However the task ends (it panicked, its log was changed by somebody else, the server goes down): what waits is
/// answered, and the sockets are closed, so that their clients come back and find the conversation read anew.
impl Drop for Actor {
    fn drop(&mut self) {
        self.mailbox.close();
        let mut waiting = self.pipeline.abandon();
        while let Ok(message) = self.mailbox.try_recv() {
            match message {
                ActorMessage::Change(_, reply_to) => waiting.push(reply_to),
                ActorMessage::Connect { reply, .. } => drop(reply.send(Err(CloseReason::ConversationLost))),
                // Dropped senders tell the rest.
                _ => {}
            }
        }
        for reply_to in waiting {
            match reply_to {
                ReplyTo::Request(reply) => drop(reply.send(Err(Rejection::StorageUnavailable))),
                ReplyTo::Socket { socket, message_id, permit } => {
                    let fault = Event::Fault(frame::fault(&Rejection::StorageUnavailable, message_id));
                    self.fan_out.reply(socket, &fault, permit);
                }
                ReplyTo::StoredRead { .. } | ReplyTo::Ai => {}
            }
        }
        self.fan_out.close_all(CloseReason::ConversationLost);
    }
}

/// One line for every change of what everybody shares.
fn log_event(event: &Event) {
    match event {
        Event::Joined { participant, count, .. } => {
            info!(participant = %participant.id, participants = count, "joined");
        }
        Event::Left { participant, count, .. } => {
            info!(participant = %participant.id, participants = count, "left");
        }
        Event::Updated { .. } => info!("edited"),
        Event::ModeChanged { mode, .. } => debug!(?mode, "mode changed"),
        _ => {}
    }
}
