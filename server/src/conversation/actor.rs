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

use super::actor_message::{ActorMessage, Query, ReplyTo};
use super::assistant::{Assistant, AssistantEvent, StreamedChunk};
use super::cache::ConversationCache;
use super::environment::Environment;
use crate::core::{AppendOutcome, Audience, Change, CloseReason, Effect, Event, Outcome, Pipeline, Rejection, Step};
use crate::domain::{ConversationId, Message, Now, SocketId, UserId};
use crate::frame::{self, FrameEncoder};
use crate::outbound::{Outbound, Permit, Priority, RecentFrames};
use crate::storage::{Append, AppendId, Store, StoreError};

type StoreRequest = Pin<Box<dyn Future<Output = StoreAnswer> + Send>>;

/// What the store answered.
enum StoreAnswer {
    LookedUp(Result<Vec<Option<Arc<Message>>>, StoreError>),
    Appended(Result<(), StoreError>),
    Resolved(bool),
}

/// The first pause before the store is asked again how an append ended; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Everything that the owner of a conversation holds.
pub(super) struct Actor {
    pipeline: Pipeline<ReplyTo>,
    frames: FrameEncoder,
    store: Arc<dyn Store>,
    recent: Arc<RecentFrames>,
    /// Messages that are accepted and not yet stored, for whoever looks from outside.
    pending: Arc<AtomicUsize>,
    assistant: Assistant,
    environment: Environment,
    mailbox: mpsc::UnboundedReceiver<ActorMessage>,
    cache: Arc<ConversationCache>,
    /// Unloaded after being quiet for so long.
    idle_unload: Option<Duration>,
    /// Where the frames of each socket go, and whose it is. Steps are carried out after the state has moved on, so
    /// who hears a frame is asked here: a socket is out when the step that closes it is carried out, not before.
    outbounds: BTreeMap<SocketId, (UserId, Arc<Outbound>)>,
    /// What the store works on.
    request: Option<StoreRequest>,
    /// The latest append.
    append: Option<AppendId>,
    /// When to be unloaded.
    unload_at: Option<Instant>,
    /// Whoever waits for the end of the drain.
    drained: Vec<oneshot::Sender<()>>,
}

/// What the task wakes up for.
enum Wakeup {
    StoreAnswer(StoreAnswer),
    Assistant(AssistantEvent),
    Message(Option<ActorMessage>),
    Idle,
}

impl Actor {
    /// The owner of a conversation without sockets.
    #[expect(clippy::too_many_arguments, reason = "each part has one place to come from")]
    pub(super) fn new(
        pipeline: Pipeline<ReplyTo>,
        frames: FrameEncoder,
        store: Arc<dyn Store>,
        recent: Arc<RecentFrames>,
        pending: Arc<AtomicUsize>,
        assistant: Assistant,
        environment: Environment,
        mailbox: mpsc::UnboundedReceiver<ActorMessage>,
        cache: Arc<ConversationCache>,
        idle_unload: Option<Duration>,
    ) -> Self {
        Self {
            pipeline,
            frames,
            store,
            recent,
            pending,
            assistant,
            environment,
            mailbox,
            cache,
            idle_unload,
            outbounds: BTreeMap::new(),
            request: None,
            append: None,
            unload_at: None,
            drained: Vec::new(),
        }
    }

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
                Wakeup::Message(Some(message)) => self.message(message, now),
                Wakeup::Message(None) => return,
                Wakeup::Idle => {
                    if self.cache.remove_if_unused(self.frames.id(), &self.mailbox) {
                        debug!("unloaded");
                        return;
                    }
                }
            }
            self.start_next_job();
            self.pending.store(self.pipeline.pending(), Ordering::Relaxed);
            if self.pipeline.is_idle() && !self.drained.is_empty() {
                self.close_all();
            }
        }
    }

    async fn wait(&mut self) -> Wakeup {
        let Self { request, assistant, unload_at, mailbox, .. } = self;
        let idling = async {
            match *unload_at {
                Some(moment) => sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
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
            message = mailbox.recv() => Wakeup::Message(message),
            () = idling => Wakeup::Idle,
        }
    }

    /// Takes what the store said. True ends the task: the log is another one than this one knows.
    fn store_answered(&mut self, answer: StoreAnswer, now: Now) -> bool {
        let (steps, is_over) = match answer {
            StoreAnswer::LookedUp(result) => (self.pipeline.looked_up(result.ok(), now), false),
            StoreAnswer::Appended(result) => {
                if let Err(error) = &result {
                    warn!(%error, "commit failed");
                }
                let outcome = match &result {
                    Ok(()) => AppendOutcome::Stored,
                    Err(StoreError::InDoubt(_)) => AppendOutcome::InDoubt,
                    Err(_) => AppendOutcome::Failed,
                };
                let is_over = matches!(result, Err(StoreError::Conflict(_)));
                (self.pipeline.appended(outcome, now), is_over)
            }
            StoreAnswer::Resolved(is_durable) => {
                info!(is_durable, "the outcome of a commit is known");
                (self.pipeline.resolved(is_durable, now), false)
            }
        };
        self.take(steps);
        if is_over {
            self.close_after_conflict();
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
        if self.assistant.is_free()
            && let Some(message) = self.pipeline.next_job()
        {
            self.assistant.ask(message, self.pipeline.state().stored());
        }
    }

    fn is_quiet(&self) -> bool {
        self.pipeline.is_quiet() && self.assistant.is_idle() && self.outbounds.is_empty() && self.drained.is_empty()
    }

    /// The log is another one than this: it was changed behind the server's back. The next who asks for the
    /// conversation has it read anew.
    fn close_after_conflict(&self) {
        warn!("the log was changed by somebody else; reading it anew");
        for (_, outbound) in self.outbounds.values() {
            outbound.close(CloseReason::LogUnavailable);
        }
    }

    fn message(&mut self, message: ActorMessage, now: Now) {
        match message {
            ActorMessage::Change(change, reply_to) => {
                let steps = self.pipeline.change(change, reply_to, now);
                self.take(steps);
            }
            ActorMessage::Signal(socket, signal, permit) => {
                let reply_to = ReplyTo::Socket { socket, message_id: None, permit };
                let steps = self.pipeline.signal(socket, signal, reply_to, now);
                self.take(steps);
            }
            // Whoever asked may have gone meanwhile.
            ActorMessage::Query(Query::View(reader, reply)) => {
                let _ = reply.send(self.pipeline.state().view(&reader));
            }
            ActorMessage::Query(Query::NewestMessage(user, reply)) => {
                let stored = self.pipeline.state().stored();
                let newest = stored.members.contains_key(&user).then_some(stored.last_sequence);
                let _ = reply.send(newest);
            }
            ActorMessage::Connect { socket, user, after, outbound, reply } => {
                let refusal = if self.pipeline.is_draining() {
                    CloseReason::Shutdown
                } else if let Some((start, steps)) = self.pipeline.connect(socket, &user, after, now) {
                    info!(participant = %user, %socket, after = %start, "connected");
                    outbound.start(start, self.pipeline.state().stored().last_sequence);
                    self.outbounds.insert(socket, (user, outbound));
                    let _ = reply.send(Ok(()));
                    self.take(steps);
                    return;
                } else {
                    CloseReason::Left
                };
                let _ = reply.send(Err(refusal));
            }
            ActorMessage::Disconnect(socket) => {
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
                self.pipeline.drain();
                for (socket, (_, outbound)) in &self.outbounds {
                    let closing = Event::Closing { retry_after: self.environment.reconnect.of(*socket) };
                    outbound.reply(self.frames.encode(&closing), None);
                }
            }
            ActorMessage::CloseNow => self.close_all(),
        }
    }

    fn close_all(&mut self) {
        for (_, outbound) in self.outbounds.values() {
            outbound.close(CloseReason::Shutdown);
        }
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
                    let append = Append::new(self.frames.id().clone(), records);
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
                // Also one of which nobody heard that it is stored.
                self.assistant.committed(&message.id);
                self.recent.push(message.sequence, frame::message(self.frames.id(), &message));
                for (_, outbound) in self.outbounds.values() {
                    outbound.advance(message.sequence);
                }
            }
            Effect::Replay { socket, up_to } => {
                if let Some((_, outbound)) = self.outbounds.get(&socket) {
                    outbound.advance(up_to);
                }
            }
            Effect::Page { socket, after, current, roster } => {
                if let Some((_, outbound)) = self.outbounds.get(&socket) {
                    outbound.push_page(after, current, roster, permit);
                }
            }
            Effect::Close(socket, reason) => {
                info!(%socket, ?reason, "closing");
                if let Some((_, outbound)) = self.outbounds.remove(&socket) {
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
                let roster = self.pipeline.state().roster();
                self.frames.encode(&Event::ParticipantList { roster, at: self.environment.clock.now() })
            };
            Utf8Bytes::clone(list.get_or_init(make))
        };
        for (socket, (owner, outbound)) in &self.outbounds {
            let hears = match audience {
                Audience::Everyone => true,
                Audience::Others(user) => owner != user,
                Audience::Socket(only) => socket == only,
            };
            if hears {
                outbound.push(frame.clone(), Priority::of(event), None, &listed);
            }
        }
    }

    /// Answers a frame of a socket.
    fn reply(&self, socket: SocketId, event: &Event, permit: Permit) {
        if let Event::Fault(fault) = event {
            self.environment.metrics.refused_frame(frame::name_of(fault.kind).0);
        }
        if let Some((_, outbound)) = self.outbounds.get(&socket) {
            outbound.reply(self.frames.encode(event), permit);
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
            ReplyTo::Socket { socket, message_id, permit } => match result {
                Ok(Outcome::Posted { message, duplicate }) => {
                    let ack = frame::ack(&message, duplicate);
                    let Some((_, outbound)) = self.outbounds.get(&socket) else {
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
