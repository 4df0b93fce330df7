//! The order in which commands meet the store. Pure: the shell does the I/O that [`Step`]s ask for.
//!
//! Changes stand in one list and go to the store in batches, one batch in in_flight. A batch is decided against
//! a draft of the state, so that its changes see one another; the real state takes the records in only when
//! they are committed, and only then is anything answered or told. A batch that fails leaves no trace: its
//! changes are answered with an error and no sequence id is used up. Signals of a socket (ping, typing, sync,
//! faults) wait behind that socket's own changes; connections, queries and other sockets' signals do not
//! wait, they see what is committed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::command::{Change, Outcome, Signal};
use super::decide::{Decision, Rules, decide};
use super::event::{Audience, CloseReason, Effect, Event, Fault, FaultKind};
use super::rejection::Rejection;
use super::state::State;
use crate::domain::{Kind, Message, Now, SequenceId, SocketId, UserId};
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
    /// At most one "types" per sender in this period.
    pub(crate) typing_interval: Duration,
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
    /// Ask the store for these, then call [`Pipeline::looked_up`].
    Lookup(Vec<SentKey>),
    /// Have the store append these, then call [`Pipeline::appended`].
    Append(Vec<Record>),
    /// Nobody heard whether the last append came through: find out, however long it takes, then call
    /// [`Pipeline::resolved`].
    Resolve,
    /// An AI job was given up to make room.
    JobDropped(Arc<Message>),
}

/// How an append ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendOutcome {
    /// The records are stored.
    Stored,
    /// Nothing was stored.
    Failed,
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
    Appending(Vec<(Change, T, Decision)>),
    /// The store was lost while it appended these: they are stored, or not. What asked for them has been answered with
    /// an error; nothing else is appended until it is known, because a sequence id may be taken.
    InDoubt(Vec<Record>),
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
    jobs: VecDeque<Arc<Message>>,
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
    pub(crate) fn next_job(&mut self) -> Option<Arc<Message>> {
        self.jobs.pop_front()
    }

    /// A change arrives.
    pub(crate) fn change(&mut self, change: Change, reply_to: T, now: Now) -> Vec<Step<T>> {
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
        self.waiting.push_back(Waiting::Change(change, reply_to));
        self.proceed(now, &mut steps);
        steps
    }

    /// A signal of a socket arrives.
    pub(crate) fn signal(&mut self, socket: SocketId, signal: Signal, reply_to: T, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        if self.has_waiting(socket) {
            self.waiting.push_back(Waiting::Signal(socket, signal, reply_to));
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
        after: Option<SequenceId>,
        now: Now,
    ) -> Option<(SequenceId, Vec<Step<T>>)> {
        let history = self.limits.history;
        let (start, effects) = self.state.connect(socket, user, after, history, now)?;
        Some((start, effects.into_iter().map(Step::Effect).collect()))
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
                Some(found) => self.decide_batch(batch, found, now, &mut steps),
                None => {
                    for (change, reply_to) in batch {
                        self.fail(&change, reply_to, &mut steps);
                    }
                }
            },
            in_flight => self.in_flight = in_flight,
        }
        self.proceed(now, &mut steps);
        steps
    }

    /// The store answered [`Step::Append`].
    pub(crate) fn appended(&mut self, outcome: AppendOutcome, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        match self.in_flight.take() {
            Some(InFlight::Appending(batch)) => match outcome {
                AppendOutcome::Stored => {
                    for (change, reply_to, decision) in batch {
                        self.settle(&change, reply_to, decision, now, &mut steps);
                    }
                }
                AppendOutcome::InDoubt => self.doubt(batch, now, &mut steps),
                AppendOutcome::Failed => {
                    for (change, reply_to, _) in batch {
                        self.fail(&change, reply_to, &mut steps);
                    }
                }
            },
            in_flight => self.in_flight = in_flight,
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
            in_flight => self.in_flight = in_flight,
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
                Waiting::Signal(socket, signal, reply_to) => self.run(socket, signal, reply_to, now, steps),
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
                let keys: Vec<_> = batch.iter().filter_map(|(change, _)| key_of(change)).collect();
                if keys.is_empty() {
                    self.decide_batch(batch, Vec::new(), now, steps);
                } else {
                    self.in_flight = Some(InFlight::LookingUp(batch));
                    steps.push(Step::Lookup(keys));
                }
                continue;
            }
            match self.waiting.pop_front() {
                Some(Waiting::Signal(socket, signal, reply_to)) => {
                    self.run(socket, signal, reply_to, now, steps);
                }
                _ => return,
            }
        }
    }

    fn decide_batch(
        &mut self,
        batch: Vec<(Change, T)>,
        found: Vec<Option<Arc<Message>>>,
        now: Now,
        steps: &mut Vec<Step<T>>,
    ) {
        let mut draft = self.state.stored().clone();
        let mut found = found.into_iter();
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
            self.in_flight = Some(InFlight::Appending(decided));
            steps.push(Step::Append(records));
        }
    }

    /// The change's records, if any, are stored: take them in, tell, and answer.
    fn settle(&mut self, change: &Change, reply_to: T, decision: Decision, now: Now, steps: &mut Vec<Step<T>>) {
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
                _ => Ok(Outcome::Done),
            },
            Change::Join { by, .. } | Change::Edit { by, .. } => seen(by),
            Change::AcceptInvite { user, .. } => seen(user),
            Change::CreateInvite { .. } => match records {
                [Record::Invited(invite)] => Ok(Outcome::Invited(invite.clone())),
                _ => Ok(Outcome::Done),
            },
            Change::Leave { .. } | Change::Remove { .. } => {
                Ok(Outcome::Left { remaining: self.state.stored().members.len() })
            }
            Change::Read { .. } => Ok(Outcome::Done),
        }
    }

    fn fail(&mut self, change: &Change, reply_to: T, steps: &mut Vec<Step<T>>) {
        if matches!(change, Change::Post(_)) {
            self.messages = self.messages.saturating_sub(1);
        }
        steps.push(Step::Answer(reply_to, Err(Rejection::StorageUnavailable)));
    }

    fn has_waiting(&self, socket: SocketId) -> bool {
        let in_flight = match &self.in_flight {
            None | Some(InFlight::InDoubt(_)) => false,
            Some(InFlight::LookingUp(batch)) => batch.iter().any(|(change, _)| socket_of(change) == Some(socket)),
            Some(InFlight::Appending(batch)) => batch.iter().any(|(change, ..)| socket_of(change) == Some(socket)),
        };
        in_flight || self.waiting.iter().any(|waiting| waiting.socket() == Some(socket))
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
                let interval = self.limits.typing_interval;
                let effect = self.state.typing(socket, typing, interval, now);
                steps.extend(effect.map(Step::Effect));
                return;
            }
            Signal::Sync(Some(after)) if after <= current => {
                let roster = self.state.roster();
                Step::ReplyPage(reply_to, Effect::Page { socket, after, current, roster })
            }
            Signal::Sync(_) => {
                let fault = Fault {
                    kind: FaultKind::InvalidSync,
                    message: format!("last_sequence_id must be a number from 0 to {current}"),
                    message_id: None,
                    retry_after: None,
                };
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
            self.jobs.push_back(Arc::clone(message));
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
            steps.push(Step::JobDropped(dropped));
        }
    }
}
