//! The task that owns a conversation: it takes commands one by one, does what the pipeline says, and is the only
//! one that holds the conversation's state.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info, warn};

use super::actor_message::{ActorMessage, Query, ReplyTo};
use super::assistant::{Assistant, AssistantEvent, StreamedChunk};
use super::cache::OwnerPermit;
use super::environment::Environment;
use super::handle::Counters;
use super::reads::{DueRead, PendingReads};
use crate::core::{
    AppendOutcome, Audience, Change, CloseReason, Effect, Event, Fault, FaultKind, Outcome, Pipeline, Rejection,
    Signal, Step,
};
use crate::domain::{ConversationId, Message, Now, SequenceId, SocketId, UserId};
use crate::frame::{self, FrameEncoder};
use crate::outbound::{Outbound, Permit, Priority, RecentFrames};
use crate::storage::{Append, AppendId, Store, StoreError};

pub(super) type StoreRequest = Pin<Box<dyn Future<Output = StoreAnswer> + Send>>;

/// What the store answered.
pub(super) enum StoreAnswer {
    LookedUp(Result<Vec<Option<Arc<Message>>>, StoreError>),
    Appended(Result<(), StoreError>),
    Resolved(bool),
}

/// How many messages are worked on before their outcomes are written.
const MESSAGES_A_TURN: usize = 64;
/// The first pause before the store is asked again how an append ended; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Everything that the owner of a conversation holds.
pub(super) struct Actor {
    pub(super) pipeline: Pipeline<ReplyTo>,
    pub(super) frames: FrameEncoder,
    pub(super) store: Arc<dyn Store>,
    pub(super) recent: Arc<RecentFrames>,
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
    /// Where the frames of each socket go, and whose it is. Steps are carried out after the state has moved on, so
    /// who hears a frame is asked here: a socket is out when the step that closes it is carried out, not before.
    pub(super) outbounds: BTreeMap<SocketId, OpenSocket>,
    /// The newest message that sockets may see, and whether it is newer than at the last flush.
    pub(super) head: SequenceId,
    pub(super) has_new_head: bool,
    /// The sockets that have something to write since the last flush.
    pub(super) touched: Vec<Arc<Outbound>>,
    /// The sockets with one fault too many.
    pub(super) to_close: Vec<SocketId>,
    /// What the store works on.
    pub(super) request: Option<StoreRequest>,
    /// The latest append that is durable; the next one follows it.
    pub(super) last_append: AppendId,
    /// The append that the store works on, or of which nobody knows how it ended.
    pub(super) append: Option<AppendId>,
    /// When to be unloaded.
    pub(super) unload_at: Option<Instant>,
    /// Whoever waits for the end of the drain.
    pub(super) drained: Vec<oneshot::Sender<()>>,
    /// Given back last, when nothing of this owner is left.
    pub(super) permit: OwnerPermit,
}

/// A socket as the owner of its conversation knows it.
pub(super) struct OpenSocket {
    user: UserId,
    outbound: Arc<Outbound>,
    /// Whether it may see the newest messages: behind the first frames.
    is_live: bool,
}

/// What the task wakes up for.
enum Wakeup {
    StoreAnswer(StoreAnswer),
    Assistant(AssistantEvent),
    /// Messages lie in the inbox; none where every handle is gone.
    Messages(usize),
    ReadsDue,
    TypingDue,
    Idle,
}

impl Actor {
    /// Lives until it is put away, every handle is gone, or the log turns out to be another one than it knows.
    pub(super) async fn run(mut self) {
        loop {
            self.unload_at = self.idle_unload.filter(|_| self.is_quiet()).map(|period| Instant::now() + period);
            let wakeup = self.wait().await;
            let now = self.environment.clock.read();
            match wakeup {
                Wakeup::StoreAnswer(answer) => {
                    if self.store_answered(answer, now) {
                        return;
                    }
                }
                Wakeup::Assistant(event) => self.assistant_event(event, now),
                Wakeup::Messages(0) => return,
                Wakeup::Messages(_) => {
                    let mut inbox = std::mem::take(&mut self.inbox);
                    for message in inbox.drain(..) {
                        self.message(message, now);
                    }
                    self.inbox = inbox;
                    let steps = self.pipeline.work(now);
                    self.take(steps);
                }
                Wakeup::Idle => {
                    if self.permit.release_if_unused(&self.mailbox) {
                        debug!("unloaded");
                        return;
                    }
                }
                Wakeup::ReadsDue => self.store_reads(now),
                Wakeup::TypingDue => {
                    let steps = self.pipeline.tell_typing(now);
                    self.take(steps);
                }
            }
            for socket in std::mem::take(&mut self.to_close) {
                let steps = self.pipeline.close_socket(socket, CloseReason::TooManyFaults, now);
                self.take(steps);
            }
            self.start_next_job();
            self.flush();
            self.counters.pending.store(self.pipeline.pending(), Ordering::Relaxed);
            self.counters.unstored_reads.store(self.reads.len(), Ordering::Relaxed);
            if self.pipeline.is_idle() && !self.drained.is_empty() {
                self.close_all();
            }
        }
    }

    async fn wait(&mut self) -> Wakeup {
        let Self { request, assistant, unload_at, mailbox, inbox, reads, pipeline, .. } = self;
        let at = async |moment: Option<Instant>| match moment {
            Some(moment) => sleep_until(moment).await,
            None => std::future::pending().await,
        };
        let (idling, reading) = (at(*unload_at), at(reads.due()));
        let typing = at(pipeline.typing_due().map(Instant::from_std));
        let answering = async {
            match request.as_mut() {
                Some(request) => request.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            answer = answering => {
                self.request = None;
                Wakeup::StoreAnswer(answer)
            }
            event = assistant.next() => Wakeup::Assistant(event),
            count = mailbox.recv_many(inbox, MESSAGES_A_TURN) => Wakeup::Messages(count),
            () = reading => Wakeup::ReadsDue,
            () = typing => Wakeup::TypingDue,
            () = idling => Wakeup::Idle,
        }
    }

    /// Takes what the store said. True ends the task: the log is another one than this one knows.
    fn store_answered(&mut self, answer: StoreAnswer, now: Now) -> bool {
        let (steps, is_over) = match answer {
            StoreAnswer::LookedUp(result) => (self.pipeline.looked_up(result.ok(), now), false),
            StoreAnswer::Appended(result) => {
                if let Some(error) = result.as_ref().err().filter(|error| **error != StoreError::SentBefore) {
                    warn!(%error, "commit failed");
                }
                if result.is_ok() {
                    self.last_append = self.append.unwrap_or(self.last_append);
                }
                let outcome = match &result {
                    Ok(()) => AppendOutcome::Stored,
                    Err(StoreError::SentBefore) => AppendOutcome::SentBefore,
                    Err(StoreError::InDoubt(_)) => AppendOutcome::InDoubt,
                    Err(_) => AppendOutcome::Failed,
                };
                let is_over = matches!(result, Err(StoreError::Conflict(_)));
                (self.pipeline.appended(outcome, now), is_over)
            }
            StoreAnswer::Resolved(is_durable) => {
                info!(is_durable, "the outcome of a commit is known");
                if is_durable {
                    self.last_append = self.append.unwrap_or(self.last_append);
                }
                (self.pipeline.resolved(is_durable, now), false)
            }
        };
        self.take(steps);
        if is_over {
            warn!("the log was changed by somebody else; reading it anew");
        }
        is_over
    }

    fn assistant_event(&mut self, event: AssistantEvent, now: Now) {
        match event {
            AssistantEvent::Chunk(chunk) => self.tell_chunk(chunk),
            AssistantEvent::Finished(result) => {
                let Some(finished) = self.assistant.finish(result) else {
                    return;
                };
                self.environment.metrics.ai_job(finished.outcome);
                for chunk in finished.chunks {
                    self.tell_chunk(chunk);
                }
                self.store_answer(now);
            }
            AssistantEvent::RetryDue => self.store_answer(now),
        }
    }

    fn tell_chunk(&mut self, chunk: StreamedChunk) {
        let Some(ai) = self.assistant.id().cloned() else {
            return;
        };
        let StreamedChunk { response_to, chunk, last } = chunk;
        let event = |participant| Event::AiResponse { participant, response_to, chunk, last };
        let steps = self.pipeline.tell_from_ai(&ai, event);
        self.take(steps);
    }

    /// Hands over the AI's answer that is due.
    fn store_answer(&mut self, now: Now) {
        if let Some(draft) = self.assistant.take_due() {
            let steps = self.pipeline.change(Change::Post(draft), ReplyTo::Ai, now);
            self.take(steps);
        }
    }

    /// Asks the AI about the next message, if it is free.
    fn start_next_job(&mut self) {
        while self.assistant.is_free()
            && let Some(job) = self.pipeline.next_job()
        {
            match self.environment.rates.ai_job(&job.message.sender) {
                Ok(()) => self.assistant.ask(job, self.pipeline.state().stored()),
                Err(wait) => self.refuse_job(&job.message, wait),
            }
        }
    }

    /// The message stands, and whoever said it hears that the AI will not be asked about it.
    fn refuse_job(&mut self, message: &Message, wait: Duration) {
        self.environment.metrics.ai_job("refused");
        let fault = Event::Fault(Fault {
            kind: FaultKind::RateLimited,
            message: "the assistant is asked too often: it will not answer this message".to_owned(),
            message_id: message.client_id.clone(),
            retry_after: Some(wait),
        });
        let mine = self.outbounds.iter().filter(|(_, open)| open.user == message.sender);
        for socket in mine.map(|(socket, _)| *socket).collect::<Vec<_>>() {
            self.reply(socket, &fault, None);
        }
    }

    fn is_quiet(&self) -> bool {
        self.pipeline.is_quiet() && self.assistant.is_idle() && self.outbounds.is_empty() && self.drained.is_empty()
    }

    fn message(&mut self, message: ActorMessage, now: Now) {
        match message {
            ActorMessage::Change(Change::Read { user, socket, up_to }, ReplyTo::Socket { permit, .. }) => {
                let interval = self.environment.read_interval;
                if self.reads.add(user, socket, up_to, permit, Instant::now(), interval) {
                    self.environment.metrics.coalesced("read");
                }
            }
            ActorMessage::StoreRead(user, done) => {
                if let Some(read) = self.reads.take(&user) {
                    self.store_read(read, Some(done), now);
                }
            }
            ActorMessage::Change(change, reply_to) => {
                let steps = self.pipeline.queue(change, reply_to);
                self.take(steps);
            }
            ActorMessage::Signal(socket, signal, permit) => {
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
            // Whoever asked may have gone meanwhile.
            ActorMessage::Query(Query::View(reader, reply)) => {
                let mut view = self.pipeline.state().view(&reader);
                if let (Some(view), Some(up_to)) = (&mut view, self.reads.position(&reader)) {
                    view.has_read(up_to);
                }
                let _ = reply.send(view);
            }
            ActorMessage::Query(Query::NewestMessage(user, reply)) => {
                let stored = self.pipeline.state().stored();
                let newest = stored.members.contains_key(&user).then_some(stored.last_sequence);
                let _ = reply.send(newest);
            }
            ActorMessage::Connect { socket, user, start, outbound, reply } => {
                let refusal = if self.pipeline.is_draining() {
                    CloseReason::Shutdown
                } else if let Some((start, steps)) = self.pipeline.connect(socket, &user, start, now) {
                    info!(participant = %user, %socket, after = %start, "connected");
                    outbound.start(start, self.pipeline.state().stored().last_sequence);
                    self.outbounds.insert(socket, OpenSocket { user, outbound, is_live: false });
                    let _ = reply.send(Ok(()));
                    self.take(steps);
                    return;
                } else {
                    CloseReason::Left
                };
                let _ = reply.send(Err(refusal));
            }
            ActorMessage::Disconnect(socket) => {
                if let Some(read) = self.reads.take_of(socket) {
                    self.store_read(read, None, now);
                }
                self.log_disconnect(socket);
                self.outbounds.remove(&socket);
                let steps = self.pipeline.disconnect(socket, now);
                self.take(steps);
            }
            ActorMessage::CloseSocket(socket, reason) => {
                let steps = self.pipeline.close_socket(socket, reason, now);
                self.take(steps);
            }
            ActorMessage::Drain(reply) => {
                self.drained.push(reply);
                self.assistant.stop();
                // An answer that waits to be tried again has one more chance.
                self.store_answer(now);
                self.store_reads(now);
                self.pipeline.drain();
                let sockets: Vec<SocketId> = self.outbounds.keys().copied().collect();
                for socket in sockets {
                    let closing = Event::Closing { retry_after: self.environment.reconnect.of(socket) };
                    let frame = self.frames.encode(&closing);
                    self.fill(socket, |outbound, head| outbound.reply(head, frame, None));
                }
            }
            ActorMessage::CloseNow => self.close_all(),
        }
    }

    /// Stores the read positions that wait.
    fn store_reads(&mut self, now: Now) {
        for read in self.reads.take_all() {
            self.store_read(read, None, now);
        }
    }

    fn store_read(&mut self, read: DueRead, done: Option<oneshot::Sender<()>>, now: Now) {
        let DueRead { change, socket, permit } = read;
        let steps = self.pipeline.change(change, ReplyTo::StoredRead { socket, done, permit }, now);
        self.take(steps);
    }

    fn close_all(&mut self) {
        let sockets: Vec<SocketId> = self.outbounds.keys().copied().collect();
        for socket in sockets {
            self.fill(socket, |outbound, head| outbound.close(head, CloseReason::Shutdown));
        }
        self.flush();
        for reply in self.drained.drain(..) {
            let _ = reply.send(());
        }
    }

    fn log_disconnect(&self, socket: SocketId) {
        if let Some(user) = self.pipeline.state().user_of(socket) {
            info!(participant = %user, %socket, "disconnected");
        }
    }

    fn take(&mut self, steps: Vec<Step<ReplyTo>>) {
        for step in steps {
            match step {
                Step::Effect(effect) => self.carry_out(effect, None),
                Step::Answer(reply_to, result) => self.answer(reply_to, result),
                Step::Reply(reply_to, socket, event) => {
                    self.reply(socket, &event, reply_to.into_permit());
                }
                Step::ReplyPage(reply_to, effect) => self.carry_out(effect, reply_to.into_permit()),
                Step::Lookup(keys) => {
                    let (store, id) = (Arc::clone(&self.store), self.frames.id().clone());
                    let looking = async move { store.find_sent(&id, keys).await };
                    self.request = Some(Box::pin(async { StoreAnswer::LookedUp(looking.await) }));
                }
                Step::Append(records) => {
                    let store = Arc::clone(&self.store);
                    let append = Append::follow(self.frames.id().clone(), self.last_append, records);
                    self.append = Some(append.id);
                    self.request = Some(Box::pin(async move { StoreAnswer::Appended(store.append(append).await) }));
                }
                Step::Resolve => {
                    let (store, id) = (Arc::clone(&self.store), self.frames.id().clone());
                    if let Some(append) = self.append {
                        self.request =
                            Some(Box::pin(async move { StoreAnswer::Resolved(resolve(&*store, &id, append).await) }));
                    }
                }
                Step::JobDropped(message) => {
                    self.environment.metrics.ai_job("dropped");
                    warn!(message = %message.id, "AI job dropped to make room");
                }
            }
        }
    }

    /// Adds something to what waits for a socket, behind the newest message that it may see.
    fn fill(&mut self, socket: SocketId, add: impl FnOnce(&Outbound, Option<SequenceId>) -> bool) {
        if let Some(open) = self.outbounds.get(&socket)
            && add(&open.outbound, open.is_live.then_some(self.head))
        {
            self.touched.push(Arc::clone(&open.outbound));
        }
    }

    /// Writes what this turn produced, for each socket at once.
    fn flush(&mut self) {
        if std::mem::take(&mut self.has_new_head) {
            for open in self.outbounds.values().filter(|open| open.is_live) {
                open.outbound.flush(Some(self.head));
            }
        }
        for outbound in self.touched.drain(..) {
            outbound.flush(None);
        }
    }

    fn carry_out(&mut self, effect: Effect, permit: Permit) {
        match effect {
            Effect::Tell(audience, event) => {
                log_event(&event);
                let frame = self.frames.encode(&event);
                self.tell(&audience, &frame, &event);
            }
            Effect::Posted(message) => {
                debug!(sequence = %message.sequence, participant = %message.sender, "message committed");
                self.environment.metrics.message(message.kind);
                // Also one of which nobody heard that it is durable.
                self.assistant.committed(&message.id);
                let frame = frame::message(self.frames.id(), &message);
                self.recent.push(message.sequence, frame, std::time::Instant::now());
                (self.head, self.has_new_head) = (message.sequence, true);
            }
            Effect::Replay { socket, up_to } => {
                if let Some(open) = self.outbounds.get_mut(&socket) {
                    open.is_live = true;
                }
                debug_assert!(up_to <= self.head, "a socket sees what is committed");
                self.fill(socket, Outbound::advance);
            }
            Effect::Page { socket, after, current, roster } => {
                self.fill(socket, |outbound, head| outbound.push_page(head, after, current, roster, permit));
            }
            Effect::Close(socket, reason) => {
                info!(%socket, ?reason, "closing");
                self.fill(socket, |outbound, head| outbound.close(head, reason));
                self.outbounds.remove(&socket);
            }
        }
    }

    fn tell(&mut self, audience: &Audience, frame: &Bytes, event: &Event) {
        let list = OnceCell::new();
        // Everybody as it is now, for sockets that cannot be told one thing after the other.
        let listed = || {
            let make = || {
                let roster = self.pipeline.state().roster();
                self.frames.encode(&Event::ParticipantList { roster, at: self.environment.clock.now() })
            };
            Bytes::clone(list.get_or_init(make))
        };
        let priority = Priority::of(event);
        let mut faulty = None;
        for (socket, open) in &self.outbounds {
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
    fn reply(&mut self, socket: SocketId, event: &Event, permit: Permit) {
        let frame = self.frames.encode(event);
        self.fill(socket, |outbound, head| outbound.reply(head, frame, permit));
        if let Event::Fault(fault) = event {
            self.count_fault(socket, fault.kind);
        }
    }

    fn count_fault(&mut self, socket: SocketId, kind: FaultKind) {
        self.environment.metrics.refused_frame(frame::name_of(kind).0);
        let is_one_too_many = |open: &OpenSocket| open.outbound.count_fault(std::time::Instant::now());
        if frame::counts(kind) && self.outbounds.get(&socket).is_some_and(is_one_too_many) {
            self.to_close.push(socket);
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
                    self.reply(socket, &fault, permit);
                }
            }
            ReplyTo::Socket { socket, message_id, permit } => match result {
                Ok(Outcome::Posted { message, duplicate }) => {
                    let ack = frame::ack(&message, duplicate);
                    self.fill(socket, |outbound, head| match duplicate {
                        true => outbound.reply(head, ack, permit),
                        false => outbound.ack(head, message.sequence, ack, permit),
                    });
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
                    self.reply(socket, &fault, permit);
                }
                ReplyTo::StoredRead { .. } | ReplyTo::Ai => {}
            }
        }
        let sockets: Vec<SocketId> = self.outbounds.keys().copied().collect();
        for socket in sockets {
            self.fill(socket, |outbound, head| outbound.close(head, CloseReason::ConversationLost));
        }
        self.flush();
    }
}

/// Asks the store until it knows whether an append is stored.
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
