//! The task that owns a conversation: it takes commands one by one, does what the pipeline says, and is the only
//! one that holds the conversation's state.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info, warn};

pub(crate) use self::asking::Ai;
use self::asking::{Asked, Unsaid};
use super::command::{Outcome, Rejection};
use super::event::{AiChunk, Audience, CloseReason, Effect, Event};
use super::handle::Admission;
use super::letter::{Letter, Query, Ticket};
use super::pipeline::{Pipeline, Step};
use super::shelf::Shelf;
use crate::ai::AiError;
use crate::domain::{Clock, ConversationId, Message, Now, SocketId, UserId};
use crate::metrics::Metrics;
use crate::socket::frame::{self, Wire};
use crate::socket::outbound::{Outbound, Permit, Tail};
use crate::storage::{Append, AppendId, Store, StoreError};

mod asking;

type Flight = Pin<Box<dyn Future<Output = Landed> + Send>>;

/// What the store answered.
enum Landed {
    LookedUp(Result<Vec<Option<Arc<Message>>>, StoreError>),
    Appended(Result<(), StoreError>),
    Resolved(bool),
}

/// The first pause before the store is asked again how an append ended, or given an answer of an AI again; each next one
/// is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What all conversations of a server share beside the store.
#[derive(Clone)]
pub(crate) struct Ambient {
    /// What time it is.
    pub(crate) clock: Clock,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// What `server_closing` tells.
    pub(crate) reconnect: Reconnect,
}

/// When the clients of a server that goes down are to come back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reconnect {
    /// Not before this.
    pub(crate) after: Duration,
    /// Spread over so much more, so that they do not all come at once.
    pub(crate) spread: Duration,
}

impl Reconnect {
    /// For one socket. Sockets are numbered, and multiples of the golden ratio lie evenly however many there are.
    fn of(self, socket: SocketId) -> Duration {
        const GOLDEN: u128 = 0x9e37_79b9_7f4a_7c15;
        let share = u128::from(socket.0).wrapping_mul(GOLDEN) & u128::from(u64::MAX);
        let millis = (self.spread.as_millis().saturating_mul(share)) >> 64;
        self.after + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }
}

/// Everything that the owner of a conversation holds.
pub(crate) struct Actor {
    pub(super) pipeline: Pipeline<Ticket>,
    pub(super) wire: Wire,
    pub(super) store: Arc<dyn Store>,
    pub(super) tail: Arc<Tail>,
    pub(super) pending: Arc<AtomicUsize>,
    pub(super) ai: Option<Ai>,
    pub(super) ambient: Ambient,
    pub(super) mailbox: mpsc::UnboundedReceiver<Letter>,
    pub(super) shelf: Arc<Shelf>,
    /// Put away after being quiet for so long.
    pub(super) idle_unload: Option<Duration>,
    pub(super) live: Live,
}

/// What runs beside the pipeline.
#[derive(Default)]
pub(super) struct Live {
    /// Where the frames of each socket go, and whose it is. Steps are carried out after the state has moved on, so
    /// who hears a frame is asked here: a socket is out when the step that closes it is carried out, not before.
    outbounds: BTreeMap<SocketId, (UserId, Arc<Outbound>)>,
    flight: Option<Flight>,
    /// The latest append.
    append: Option<AppendId>,
    /// When to be put away.
    leaves: Option<Instant>,
    asked: Option<Asked>,
    /// The answer that is not stored yet.
    unsaid: Option<Unsaid>,
    drained: Vec<oneshot::Sender<()>>,
}

enum Woken {
    Landed(Landed),
    Piece(AiChunk),
    Answered(Result<Option<String>, AiError>),
    SayAgain,
    Letter(Option<Letter>),
    Idle,
}

impl Actor {
    /// Lives until it is put away, every handle is gone, or the log turns out to be another one than it knows.
    pub(crate) async fn run(mut self) {
        loop {
            self.live.leaves = self.idle_unload.filter(|_| self.is_quiet()).map(|period| Instant::now() + period);
            let woken = self.wait().await;
            let now = self.ambient.clock.read();
            match woken {
                Woken::Landed(landed) => {
                    let steps = match landed {
                        Landed::LookedUp(result) => self.pipeline.looked_up(result, now),
                        Landed::Appended(result) => {
                            if let Err(error) = &result {
                                warn!(%error, "commit failed");
                            }
                            let is_strange = matches!(result, Err(StoreError::Misfit(_)));
                            let steps = self.pipeline.appended(&result, now);
                            if is_strange {
                                self.take(steps);
                                self.give_up();
                                return;
                            }
                            steps
                        }
                        Landed::Resolved(is_durable) => {
                            info!(is_durable, "the outcome of a commit is known");
                            self.pipeline.resolved(is_durable, now)
                        }
                    };
                    self.take(steps);
                }
                Woken::Piece(chunk) => self.piece(chunk),
                Woken::Answered(result) => self.answered(result, now),
                Woken::SayAgain => self.say_again(now),
                Woken::Letter(Some(letter)) => self.letter(letter, now),
                Woken::Letter(None) => return,
                Woken::Idle => {
                    if self.shelf.put_away(self.wire.id(), &self.mailbox) {
                        debug!("put away");
                        return;
                    }
                }
            }
            self.ask_ai();
            self.pending.store(self.pipeline.pending(), Ordering::Relaxed);
            if self.pipeline.is_idle() && !self.live.drained.is_empty() {
                self.close_all();
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let Live { flight, asked, leaves, unsaid, .. } = &mut self.live;
        let at = async |moment: Option<Instant>| match moment {
            Some(moment) => sleep_until(moment).await,
            None => std::future::pending().await,
        };
        let idling = at(*leaves);
        let trying = at(unsaid.as_ref().and_then(|unsaid| unsaid.again));
        let landing = async {
            match flight.as_mut() {
                Some(flight) => flight.await,
                None => std::future::pending().await,
            }
        };
        let hearing = async {
            match asked.as_mut() {
                Some(Asked { job, pieces, .. }) => tokio::select! {
                    biased;
                    Some(piece) = pieces.recv() => Woken::Piece(piece),
                    result = job => Woken::Answered(result),
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            landed = landing => {
                self.live.flight = None;
                Woken::Landed(landed)
            }
            woken = hearing => woken,
            () = trying => Woken::SayAgain,
            letter = self.mailbox.recv() => Woken::Letter(letter),
            () = idling => Woken::Idle,
        }
    }

    fn is_quiet(&self) -> bool {
        self.pipeline.is_quiet()
            && self.live.asked.is_none()
            && self.live.unsaid.is_none()
            && self.live.outbounds.is_empty()
            && self.live.drained.is_empty()
    }

    /// The log is another one than this: it was changed behind the server's back. The next who asks for the
    /// conversation has it read anew.
    fn give_up(&self) {
        warn!("the log was changed by somebody else; reading it anew");
        for (_, outbound) in self.live.outbounds.values() {
            outbound.close(CloseReason::LogUnavailable);
        }
    }

    fn letter(&mut self, letter: Letter, now: Now) {
        match letter {
            Letter::Change(change, ticket) => {
                let steps = self.pipeline.change(change, ticket, now);
                self.take(steps);
            }
            Letter::Signal(socket, signal, permit) => {
                let ticket = Ticket::Socket { socket, message_id: None, permit };
                let steps = self.pipeline.signal(socket, signal, ticket, now);
                self.take(steps);
            }
            // Whoever asked may have gone meanwhile.
            Letter::Query(Query::View(reader, reply)) => {
                let _ = reply.send(self.pipeline.state().view(&reader));
            }
            Letter::Query(Query::Admit(user, reply)) => {
                let durable = self.pipeline.state().durable();
                let current = durable.last_sequence;
                let admitted = durable.members.contains_key(&user);
                let _ = reply.send(admitted.then_some(Admission { current }));
            }
            Letter::Connect { socket, user, after, outbound, reply } => {
                let refusal = if self.pipeline.is_draining() {
                    CloseReason::Shutdown
                } else if let Some((start, steps)) = self.pipeline.connect(socket, &user, after, now) {
                    info!(participant = %user, %socket, after = %start, "connected");
                    outbound.start(start, self.pipeline.state().durable().last_sequence);
                    self.live.outbounds.insert(socket, (user, outbound));
                    let _ = reply.send(Ok(()));
                    self.take(steps);
                    return;
                } else {
                    CloseReason::Left
                };
                let _ = reply.send(Err(refusal));
            }
            Letter::Disconnect(socket) => {
                self.log_disconnect(socket);
                self.live.outbounds.remove(&socket);
                let steps = self.pipeline.disconnect(socket, now);
                self.take(steps);
            }
            Letter::HangUp(socket, reason) => {
                let steps = self.pipeline.hang_up(socket, reason, now);
                self.take(steps);
            }
            Letter::Drain(reply) => {
                self.live.drained.push(reply);
                self.live.asked = None;
                // An answer that waits to be tried again has one more chance.
                self.say_again(now);
                self.pipeline.drain();
                for (socket, (_, outbound)) in &self.live.outbounds {
                    let closing = Event::Closing { retry_after: self.ambient.reconnect.of(*socket) };
                    outbound.reply(self.wire.encode(&closing), None);
                }
            }
            Letter::Cut => self.close_all(),
        }
    }

    fn close_all(&mut self) {
        for (_, outbound) in self.live.outbounds.values() {
            outbound.close(CloseReason::Shutdown);
        }
        for reply in self.live.drained.drain(..) {
            let _ = reply.send(());
        }
    }

    fn log_disconnect(&self, socket: SocketId) {
        if let Some(user) = self.pipeline.state().user_of(socket) {
            info!(participant = %user, %socket, "disconnected");
        }
    }

    fn take(&mut self, steps: Vec<Step<Ticket>>) {
        for step in steps {
            match step {
                Step::Effect(effect) => self.carry_out(effect, None),
                Step::Answer(ticket, result) => self.answer(ticket, result),
                Step::Reply(ticket, socket, event) => {
                    self.reply(socket, &event, ticket.into_permit());
                }
                Step::ReplyPage(ticket, effect) => self.carry_out(effect, ticket.into_permit()),
                Step::Lookup(keys) => {
                    let (store, id) = (Arc::clone(&self.store), self.wire.id().clone());
                    let looking = async move { store.find_sent(&id, keys).await };
                    self.live.flight = Some(Box::pin(async { Landed::LookedUp(looking.await) }));
                }
                Step::Append(records) => {
                    let store = Arc::clone(&self.store);
                    let append = Append::new(self.wire.id().clone(), records);
                    self.live.append = Some(append.id);
                    self.live.flight = Some(Box::pin(async move { Landed::Appended(store.append(append).await) }));
                }
                Step::Resolve => {
                    let (store, id) = (Arc::clone(&self.store), self.wire.id().clone());
                    if let Some(append) = self.live.append {
                        self.live.flight =
                            Some(Box::pin(async move { Landed::Resolved(resolve(&*store, &id, append).await) }));
                    }
                }
                Step::JobDropped(message) => {
                    self.ambient.metrics.ai_job("dropped");
                    warn!(message = %message.id, "AI job dropped to make room");
                }
            }
        }
    }

    fn carry_out(&mut self, effect: Effect, permit: Permit) {
        match effect {
            Effect::Tell(audience, event) => {
                log_event(&event);
                let frame = self.wire.encode(&event);
                self.tell(&audience, &frame, &event);
            }
            Effect::Posted(message) => {
                debug!(sequence = %message.sequence, participant = %message.sender, "message committed");
                self.ambient.metrics.message(message.kind);
                // Also one of which nobody heard that it is durable.
                self.live.unsaid.take_if(|unsaid| unsaid.draft.id == message.id);
                self.tail.push(message.sequence, frame::message(self.wire.id(), &message));
                for (_, outbound) in self.live.outbounds.values() {
                    outbound.advance(message.sequence);
                }
            }
            Effect::Replay { socket, up_to } => {
                if let Some((_, outbound)) = self.live.outbounds.get(&socket) {
                    outbound.advance(up_to);
                }
            }
            Effect::Page { socket, after, current, seats } => {
                if let Some((_, outbound)) = self.live.outbounds.get(&socket) {
                    outbound.push_page(after, current, seats, permit);
                }
            }
            Effect::Close(socket, reason) => {
                info!(%socket, ?reason, "closing");
                if let Some((_, outbound)) = self.live.outbounds.remove(&socket) {
                    outbound.close(reason);
                }
            }
        }
    }

    fn tell(&self, audience: &Audience, frame: &Utf8Bytes, event: &Event) {
        let list = OnceCell::new();
        // Everybody as it is now, for sockets that cannot be told one thing after the other.
        let listed = || {
            let make = || {
                let seats = self.pipeline.state().seats();
                self.wire.encode(&Event::ParticipantList { seats, at: self.ambient.clock.now() })
            };
            Utf8Bytes::clone(list.get_or_init(make))
        };
        for (socket, (owner, outbound)) in &self.live.outbounds {
            let hears = match audience {
                Audience::Everyone => true,
                Audience::Others(user) => owner != user,
                Audience::Socket(only) => socket == only,
            };
            if hears {
                outbound.push(frame.clone(), frame::worth(event), None, &listed);
            }
        }
    }

    /// Answers a frame of a socket.
    fn reply(&self, socket: SocketId, event: &Event, permit: Permit) {
        if let Event::Fault(fault) = event {
            self.ambient.metrics.refused_frame(frame::name_of(fault.kind).0);
        }
        if let Some((_, outbound)) = self.live.outbounds.get(&socket) {
            outbound.reply(self.wire.encode(event), permit);
        }
    }

    fn answer(&mut self, ticket: Ticket, result: Result<Outcome, Rejection>) {
        if let Ok(Outcome::Said { duplicate: true, .. }) = &result {
            self.ambient.metrics.duplicates.inc();
        }
        match ticket {
            // The request may have been given up meanwhile; the change stands all the same.
            Ticket::Request(reply) => {
                let _ = reply.send(result);
            }
            Ticket::Ai => self.said(result),
            Ticket::Socket { socket, message_id, permit } => match result {
                Ok(Outcome::Said { message, duplicate }) => {
                    let ack = frame::ack(&message, duplicate);
                    let Some((_, outbound)) = self.live.outbounds.get(&socket) else {
                        return;
                    };
                    if duplicate {
                        outbound.reply(ack, permit);
                    } else {
                        outbound.ack(message.sequence, ack, permit);
                    }
                }
                Ok(_) => {}
                Err(rejection) => {
                    debug!(%socket, error = %rejection, "frame refused");
                    let fault = Event::Fault(frame::fault(&rejection, message_id));
                    self.reply(socket, &fault, permit);
                }
            },
        }
    }
}

/// Asks the store until it knows whether an append is durable.
async fn resolve(store: &dyn Store, id: &ConversationId, append: AppendId) -> bool {
    let mut pause = FIRST_PAUSE;
    loop {
        match store.has_append(id, append).await {
            Ok(is_durable) => return is_durable,
            Err(error) => debug!(%error, "the outcome of a commit is still unknown"),
        }
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
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
