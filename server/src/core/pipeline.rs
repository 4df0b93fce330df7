//! The order in which commands meet the store. Pure: the shell does the I/O that [`Step`]s ask for.
//!
//! Changes stand in one list and go to the store in batches, one batch in in_flight. A batch is decided against
//! a draft of the state, so that its changes see one another; the real state takes the records in only when
//! they are committed, and only then is anything answered or told. A batch that fails leaves no trace: its
//! changes are answered with an error and no sequence id is used up. Signals of a socket (ping, typing, sync,
//! faults) wait behind that socket's own changes; connections, queries and other sockets' signals do not
//! wait, they see what is committed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::command::{Change, Outcome, Signal};
use super::decide::{Decision, Rules, decide};
use super::event::{Audience, CloseReason, Effect, Event, Fault, StartAt};
use super::rejection::Rejection;
use super::state::{State, TypingLimits};
use crate::domain::{AiContext, Kind, Message, Now, SequenceId, SocketId, UserId};
use crate::log::{Record, SentKey};

/// The most changes that make sense in one batch. Below [`crate::log::RECENT`], so that a batch sees all of its
/// messages.
pub(crate) const BATCH: usize = 64;

/// The limits and periods of a conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// What decisions depend on.
    pub(crate) rules: Rules,
    /// The most messages that may wait for the store, the ones in in_flight included.
    pub(crate) queue_capacity: usize,
    /// The most changes in one append, at most [`BATCH`].
    pub(crate) batch: usize,
    /// The most AI jobs that may wait.
    pub(crate) ai_capacity: usize,
    /// The last so many messages greet a socket that names none.
    pub(crate) history: u64,
    /// How often typing is relayed.
    pub(crate) typing: TypingLimits,
}

/// What the shell has to do next, in this order. `T` is what it gave along with a command.
#[derive(Debug)]
pub(crate) enum Step<T> {
    /// Carry out an effect.
    Effect(Effect),
    /// Answer a change. For a message it comes before its [`Effect::Posted`].
    Answer(T, Result<Outcome, Rejection>),
    /// Answer a frame of a socket with one frame.
    Reply(T, SocketId, Event),
    /// Answer a sync of a socket with a page of the log ([`Effect::Page`]).
    ReplyPage(T, Effect),
    /// A message was sent before: ask the store for these, then call [`Pipeline::looked_up`].
    Lookup(Vec<SentKey>),
    /// Have the store append these, then call [`Pipeline::appended`].
    Append(Vec<Record>),
    /// Nobody heard whether the last append came through: find out, however long it takes, then call
    /// [`Pipeline::resolved`].
    Resolve,
    /// An AI job was given up to make room.
    JobDropped(Arc<Message>),
}

/// A message that an AI may answer, with what was said before it.
#[derive(Debug, Clone)]
pub(crate) struct AiJob {
    /// The message.
    pub(crate) message: Arc<Message>,
    /// As it was when the message got its place, however long the job waits.
    pub(crate) context: AiContext,
}

/// How an append ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendOutcome {
    /// The records are stored.
    Stored,
    /// Nothing was stored.
    Failed,
    /// Nothing was stored, because a message was sent before under its sender's id.
    SentBefore,
    /// The store was lost while it committed: the records may be stored.
    InDoubt,
}

#[derive(Debug)]
enum Waiting<T> {
    Change(Change, T),
    Signal(SocketId, Signal, T),
}

impl<T> Waiting<T> {
    fn socket(&self) -> Option<SocketId> {
        match self {
            Self::Change(change, _) => socket_of(change),
            Self::Signal(socket, ..) => Some(*socket),
        }
    }
}

fn socket_of(change: &Change) -> Option<SocketId> {
    match change {
        Change::Post(draft) => draft.socket,
        Change::Read { socket, .. } => Some(*socket),
        _ => None,
    }
}

fn key_of(change: &Change) -> Option<SentKey> {
    match change {
        Change::Post(draft) => {
            draft.client_id.clone().map(|client_id| SentKey { sender: draft.sender.clone(), client_id })
        }
        _ => None,
    }
}

#[derive(Debug)]
enum InFlight<T> {
    /// The store looks for earlier attempts of the batch's messages.
    LookingUp(Vec<(Change, T)>),
    /// The store appends what was decided.
    Appending {
        batch: Vec<(Change, T, Decision)>,
        /// Whether the store was asked for earlier attempts: then it can't say again that there are some.
        was_looked_up: bool,
    },
    /// The store was lost while it appended these: they are stored, or not. What asked for them has been answered with
    /// an error; nothing else is appended until it is known, because a sequence id may be taken.
    InDoubt(Vec<Record>),
}

/// Records that no such change has.
fn unexpected(records: &[Record]) -> Result<Outcome, Rejection> {
    debug_assert!(false, "unexpected records {records:?}");
    Err(Rejection::StorageUnavailable)
}

fn name_of<T>(in_flight: Option<&InFlight<T>>) -> &'static str {
    match in_flight {
        None => "nothing is in flight",
        Some(InFlight::LookingUp(_)) => "looking up",
        Some(InFlight::Appending { .. }) => "appending",
        Some(InFlight::InDoubt(_)) => "in doubt",
    }
}

/// A conversation and everything that waits in it.
#[derive(Debug)]
pub(crate) struct Pipeline<T> {
    state: State,
    limits: Limits,
    waiting: VecDeque<Waiting<T>>,
    in_flight: Option<InFlight<T>>,
    /// Messages waiting or in in_flight.
    messages: usize,
    /// How many of each socket's changes and signals wait or are in flight. Each signal asks for it, so it is counted and
    /// not looked for.
    of_sockets: HashMap<SocketId, usize>,
    jobs: VecDeque<AiJob>,
    draining: bool,
}

impl<T> Pipeline<T> {
    /// A conversation in which nothing waits.
    pub(crate) fn new(state: State, limits: Limits) -> Self {
        Self {
            state,
            limits,
            waiting: VecDeque::new(),
            in_flight: None,
            of_sockets: HashMap::new(),
            messages: 0,
            jobs: VecDeque::new(),
            draining: false,
        }
    }

    /// What is committed, and who is connected.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Messages that are accepted and not yet stored.
    pub(crate) fn pending(&self) -> usize {
        self.messages
    }

    /// Whether nobody waits for the store.
    pub(crate) fn is_idle(&self) -> bool {
        (self.in_flight.is_none() || self.is_in_doubt()) && self.waiting.is_empty()
    }

    /// Whether nothing would be lost if this were forgotten and read from the log again: nobody is connected, nothing
    /// waits or is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.in_flight.is_none() && self.waiting.is_empty() && self.jobs.is_empty() && self.state.has_no_sockets()
    }

    fn is_in_doubt(&self) -> bool {
        matches!(self.in_flight, Some(InFlight::InDoubt(_)))
    }

    /// Whether the conversation is being finished.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining
    }

    /// Takes no more changes from here on; what waits is still finished.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        self.jobs.clear();
    }

    /// The oldest human message that an AI has not been asked about.
    pub(crate) fn next_job(&mut self) -> Option<AiJob> {
        self.jobs.pop_front()
    }

    /// Gives up everything that waits, and says whom to tell.
    pub(crate) fn abandon(&mut self) -> Vec<T> {
        let mut abandoned: Vec<T> = match self.in_flight.take() {
            None | Some(InFlight::InDoubt(_)) => Vec::new(),
            Some(InFlight::LookingUp(batch)) => batch.into_iter().map(|(_, reply_to)| reply_to).collect(),
            Some(InFlight::Appending { batch, .. }) => batch.into_iter().map(|(_, reply_to, _)| reply_to).collect(),
        };
        let reply_to = |waiting| match waiting {
            Waiting::Change(_, reply_to) | Waiting::Signal(_, _, reply_to) => reply_to,
        };
        abandoned.extend(self.waiting.drain(..).map(reply_to));
        self.of_sockets.clear();
        self.messages = 0;
        abandoned
    }

    /// A change arrives, and nothing else is there.
    pub(crate) fn change(&mut self, change: Change, reply_to: T, now: Now) -> Vec<Step<T>> {
        let mut steps = self.queue(change, reply_to);
        self.proceed(now, &mut steps);
        steps
    }

    /// A change arrives together with others: all of them are queued before [`Pipeline::work`], so that they go to the
    /// store in one batch.
    pub(crate) fn queue(&mut self, change: Change, reply_to: T) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        if self.draining {
            steps.push(Step::Answer(reply_to, Err(Rejection::ShuttingDown)));
            return steps;
        }
        if self.is_in_doubt() {
            steps.push(Step::Answer(reply_to, Err(Rejection::StorageUnavailable)));
            return steps;
        }
        if matches!(change, Change::Post(_)) {
            if self.messages >= self.limits.queue_capacity {
                steps.push(Step::Answer(reply_to, Err(Rejection::QueueFull)));
                return steps;
            }
            self.messages += 1;
            self.make_room(&mut steps);
        }
        self.wait(Waiting::Change(change, reply_to));
        steps
    }

    /// Works on what was queued.
    pub(crate) fn work(&mut self, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        self.proceed(now, &mut steps);
        steps
    }

    /// A signal of a socket arrives.
    pub(crate) fn signal(&mut self, socket: SocketId, signal: Signal, reply_to: T, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        if self.has_waiting(socket) {
            self.wait(Waiting::Signal(socket, signal, reply_to));
        } else {
            self.run(socket, signal, reply_to, now, &mut steps);
        }
        steps
    }

    /// A socket opens; `None` if its user is no participant. Says from which message on it reads the log.
    pub(crate) fn connect(
        &mut self,
        socket: SocketId,
        user: &UserId,
        start: StartAt,
        now: Now,
    ) -> Option<(SequenceId, Vec<Step<T>>)> {
        let history = self.limits.history;
        let (start, effects) = self.state.connect(socket, user, start, history, now)?;
        Some((start, effects.into_iter().map(Step::Effect).collect()))
    }

    /// When [`Pipeline::tell_typing`] is to be called.
    pub(crate) fn typing_due(&self) -> Option<Instant> {
        self.state.typing_due()
    }

    /// Tells the typing whose time has come.
    pub(crate) fn tell_typing(&mut self, now: Now) -> Vec<Step<T>> {
        self.state.due_typing(self.limits.typing, now).into_iter().map(Step::Effect).collect()
    }

    /// A socket closed.
    pub(crate) fn disconnect(&mut self, socket: SocketId, now: Now) -> Vec<Step<T>> {
        let effects = self.state.disconnect(socket, now);
        effects.into_iter().map(Step::Effect).collect()
    }

    /// The server closes a socket.
    pub(crate) fn close_socket(&mut self, socket: SocketId, reason: CloseReason, now: Now) -> Vec<Step<T>> {
        let mut steps = vec![Step::Effect(Effect::Close(socket, reason))];
        steps.extend(self.disconnect(socket, now));
        steps
    }

    /// A piece of an AI's answer is there.
    pub(crate) fn tell_from_ai(
        &mut self,
        ai: &UserId,
        event: impl FnOnce(crate::domain::Participant) -> Event,
    ) -> Vec<Step<T>> {
        let participant = self.state.stored().members.get(ai).cloned();
        let tell = |participant| Step::Effect(Effect::Tell(Audience::Everyone, event(participant)));
        participant.map(tell).into_iter().collect()
    }

    /// The store answered [`Step::Lookup`]: what it has under each key, in the order of the keys. `None`: it failed.
    pub(crate) fn looked_up(&mut self, result: Option<Vec<Option<Arc<Message>>>>, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        match self.in_flight.take() {
            Some(InFlight::LookingUp(batch)) => match result {
                Some(found) => self.decide_batch(batch, Some(found), now, &mut steps),
                None => {
                    for (change, reply_to) in batch {
                        self.fail(&change, reply_to, &mut steps);
                    }
                }
            },
            in_flight => {
                debug_assert!(false, "an answer that nobody waits for: {}", name_of(in_flight.as_ref()));
                self.in_flight = in_flight;
            }
        }
        self.proceed(now, &mut steps);
        steps
    }

    /// The store answered [`Step::Append`].
    pub(crate) fn appended(&mut self, outcome: AppendOutcome, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        match self.in_flight.take() {
            Some(InFlight::Appending { batch, was_looked_up }) => match outcome {
                AppendOutcome::Stored => {
                    for (change, reply_to, decision) in batch {
                        self.settle(&change, reply_to, decision, now, &mut steps);
                    }
                }
                AppendOutcome::SentBefore if !was_looked_up => {
                    let batch: Vec<_> = batch.into_iter().map(|(change, reply_to, _)| (change, reply_to)).collect();
                    let keys = batch.iter().filter_map(|(change, _)| key_of(change)).collect();
                    self.in_flight = Some(InFlight::LookingUp(batch));
                    steps.push(Step::Lookup(keys));
                    return steps;
                }
                AppendOutcome::InDoubt => self.doubt(batch, now, &mut steps),
                AppendOutcome::Failed | AppendOutcome::SentBefore => {
                    for (change, reply_to, _) in batch {
                        self.fail(&change, reply_to, &mut steps);
                    }
                }
            },
            in_flight => {
                debug_assert!(false, "an answer that nobody waits for: {}", name_of(in_flight.as_ref()));
                self.in_flight = in_flight;
            }
        }
        self.proceed(now, &mut steps);
        steps
    }

    /// The store said at last whether the append of [`Step::Resolve`] is stored.
    pub(crate) fn resolved(&mut self, is_durable: bool, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        match self.in_flight.take() {
            Some(InFlight::InDoubt(records)) if is_durable => {
                for record in &records {
                    steps.extend(self.state.apply(record, now).into_iter().map(Step::Effect));
                    if let Record::Posted(message) = record {
                        self.ask_ai(message, &mut steps);
                    }
                }
            }
            Some(InFlight::InDoubt(_)) => {}
            in_flight => {
                debug_assert!(false, "an answer that nobody waits for: {}", name_of(in_flight.as_ref()));
                self.in_flight = in_flight;
            }
        }
        self.proceed(now, &mut steps);
        steps
    }

    /// Nobody knows how the batch ended. Whoever waits is told that the store is unavailable, and may ask again: a
    /// message that came through is recognised by its id.
    fn doubt(&mut self, batch: Vec<(Change, T, Decision)>, now: Now, steps: &mut Vec<Step<T>>) {
        let mut records = Vec::new();
        for (change, reply_to, decision) in batch {
            if let Decision::Commit(new) = decision {
                records.extend(new);
            }
            self.fail(&change, reply_to, steps);
        }
        self.in_flight = Some(InFlight::InDoubt(records));
        steps.push(Step::Resolve);
        while let Some(waiting) = self.waiting.pop_front() {
            match waiting {
                Waiting::Change(change, reply_to) => self.fail(&change, reply_to, steps),
                Waiting::Signal(socket, signal, reply_to) => {
                    self.waits_no_more(Some(socket));
                    self.run(socket, signal, reply_to, now, steps);
                }
            }
        }
    }

    /// Works on what waits until the store is needed or nothing is left.
    fn proceed(&mut self, now: Now, steps: &mut Vec<Step<T>>) {
        while self.in_flight.is_none() {
            let mut batch = Vec::new();
            while batch.len() < self.limits.batch
                && matches!(self.waiting.front(), Some(Waiting::Change(..)))
                && let Some(Waiting::Change(change, reply_to)) = self.waiting.pop_front()
            {
                batch.push((change, reply_to));
            }
            if !batch.is_empty() {
                // Hardly ever is a message sent again, and the store notices: only then is it asked which one.
                self.decide_batch(batch, None, now, steps);
                continue;
            }
            match self.waiting.pop_front() {
                Some(Waiting::Signal(socket, signal, reply_to)) => {
                    self.waits_no_more(Some(socket));
                    self.run(socket, signal, reply_to, now, steps);
                }
                _ => return,
            }
        }
    }

    fn decide_batch(
        &mut self,
        batch: Vec<(Change, T)>,
        found: Option<Vec<Option<Arc<Message>>>>,
        now: Now,
        steps: &mut Vec<Step<T>>,
    ) {
        let mut draft = self.state.stored().draft();
        let was_looked_up = found.is_some();
        let mut found = found.unwrap_or_default().into_iter();
        let mut records = Vec::new();
        let mut decided = Vec::with_capacity(batch.len());
        for (change, reply_to) in batch {
            let prior = key_of(&change).and_then(|_| found.next().flatten());
            let decision = decide(&draft, &change, prior.as_ref(), self.limits.rules, now.wall);
            if let Decision::Commit(new) = &decision {
                for record in new {
                    draft.fold(record);
                }
                records.extend(new.iter().cloned());
            }
            decided.push((change, reply_to, decision));
        }
        if records.is_empty() {
            for (change, reply_to, decision) in decided {
                self.settle(&change, reply_to, decision, now, steps);
            }
        } else {
            self.in_flight = Some(InFlight::Appending { batch: decided, was_looked_up });
            steps.push(Step::Append(records));
        }
    }

    /// The change's records, if any, are stored: take them in, tell, and answer.
    fn settle(&mut self, change: &Change, reply_to: T, decision: Decision, now: Now, steps: &mut Vec<Step<T>>) {
        self.waits_no_more(socket_of(change));
        if matches!(change, Change::Post(_)) {
            self.messages = self.messages.saturating_sub(1);
        }
        let records = match decision {
            Decision::Reject(rejection) => {
                steps.push(Step::Answer(reply_to, Err(rejection)));
                return;
            }
            Decision::Done(outcome) => {
                steps.push(Step::Answer(reply_to, Ok(outcome)));
                return;
            }
            Decision::Commit(records) => records,
        };
        let mut effects = Vec::new();
        for record in &records {
            effects.extend(self.state.apply(record, now));
            if let Record::Posted(message) = record {
                self.ask_ai(message, steps);
            }
        }
        let outcome = self.outcome(change, &records);
        let effects = effects.into_iter().map(Step::Effect);
        if matches!(change, Change::Post(_)) {
            steps.push(Step::Answer(reply_to, outcome));
            steps.extend(effects);
        } else {
            steps.extend(effects);
            steps.push(Step::Answer(reply_to, outcome));
        }
    }

    fn outcome(&self, change: &Change, records: &[Record]) -> Result<Outcome, Rejection> {
        let seen = |user: &UserId| {
            let view = self.state.view(user).ok_or(Rejection::NotFound)?;
            Ok(Outcome::View(Box::new(view)))
        };
        match change {
            Change::Post(_) => match records {
                [Record::Posted(message)] => Ok(Outcome::Posted { message: Arc::clone(message), duplicate: false }),
                other => unexpected(other),
            },
            Change::Join { by, .. } | Change::Edit { by, .. } => seen(by),
            Change::AcceptInvite { user, .. } => seen(user),
            Change::CreateInvite { .. } => match records {
                [Record::Invited(invite)] => Ok(Outcome::Invited(invite.clone())),
                other => unexpected(other),
            },
            Change::Leave { .. } | Change::Remove { .. } => {
                Ok(Outcome::Left { remaining: self.state.stored().members.len() })
            }
            Change::Read { .. } => Ok(Outcome::Done),
        }
    }

    fn fail(&mut self, change: &Change, reply_to: T, steps: &mut Vec<Step<T>>) {
        self.waits_no_more(socket_of(change));
        if matches!(change, Change::Post(_)) {
            self.messages = self.messages.saturating_sub(1);
        }
        steps.push(Step::Answer(reply_to, Err(Rejection::StorageUnavailable)));
    }

    fn wait(&mut self, waiting: Waiting<T>) {
        if let Some(socket) = waiting.socket() {
            *self.of_sockets.entry(socket).or_default() += 1;
        }
        self.waiting.push_back(waiting);
    }

    /// Something of this socket waits no longer.
    fn waits_no_more(&mut self, socket: Option<SocketId>) {
        if let Some(socket) = socket
            && let Some(count) = self.of_sockets.get_mut(&socket)
        {
            *count -= 1;
            if *count == 0 {
                self.of_sockets.remove(&socket);
            }
        }
    }

    fn has_waiting(&self, socket: SocketId) -> bool {
        self.of_sockets.contains_key(&socket)
    }

    /// Handles a signal whose turn has come. Signals of a socket that is gone are forgotten.
    fn run(&mut self, socket: SocketId, signal: Signal, reply_to: T, now: Now, steps: &mut Vec<Step<T>>) {
        if self.state.user_of(socket).is_none() {
            return;
        }
        let current = self.state.stored().last_sequence;
        steps.push(match signal {
            Signal::Ping => Step::Reply(reply_to, socket, Event::Pong),
            Signal::Faulty(fault) => Step::Reply(reply_to, socket, Event::Fault(fault)),
            Signal::Typing(typing) => {
                let effect = self.state.typing(socket, typing, self.limits.typing, now);
                steps.extend(effect.map(Step::Effect));
                return;
            }
            Signal::Sync(Some(after)) if after <= current => {
                let roster = self.state.roster();
                Step::ReplyPage(reply_to, Effect::Page { socket, after, current, roster })
            }
            Signal::Sync(_) => {
                let fault = Fault::impossible_sync(current);
                Step::Reply(reply_to, socket, Event::Fault(fault))
            }
        });
    }

    /// An AI participant sees every human message.
    fn ask_ai(&mut self, message: &Arc<Message>, steps: &mut Vec<Step<T>>) {
        let members = &self.state.stored().members;
        let kind_of_sender = members.get(&message.sender).map(|sender| sender.kind);
        let has_ai = members.values().any(|member| member.kind == Kind::Ai);
        if has_ai && kind_of_sender == Some(Kind::Human) && !self.draining {
            let stored = self.state.stored();
            let context = AiContext {
                human: stored.last_human.iter().cloned().collect(),
                last_answer: stored.last_answer.clone(),
            };
            self.jobs.push_back(AiJob { message: Arc::clone(message), context });
            self.make_room(steps);
        }
    }

    /// AI jobs give way to people: the oldest go first when jobs and messages together reach the limit.
    fn make_room(&mut self, steps: &mut Vec<Step<T>>) {
        while self.jobs.len() > self.limits.ai_capacity
            || (self.jobs.len() + self.messages > self.limits.queue_capacity)
        {
            let Some(dropped) = self.jobs.pop_front() else {
                return;
            };
            steps.push(Step::JobDropped(dropped.message));
        }
    }
}
