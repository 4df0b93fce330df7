//! The order in which commands meet the store. Pure: the task of the conversation does the I/O that [`Step`]s ask for.
//!
//! Changes wait in one list and go to the store in batches, one batch at a time. A batch is decided against a draft of
//! the state, so that its changes see one another; the real state takes the records in only when they are committed,
//! and only then is anything answered or told. A batch that fails leaves no trace: its changes are answered with an
//! error and no sequence id is used up. Signals of a socket (ping, typing, sync, faults) wait behind that socket's own
//! changes; connections, queries and other sockets' signals do not wait, they see what is committed.

mod answers;
mod commands;

use std::sync::Arc;

use super::ai_jobs::{AiJob, AiJobQueue};
use super::command::{Change, Outcome, Signal};
use super::decide::{Decision, decide};
use super::event::{Effect, Event, Fault};
use super::in_flight::{Appending, Found, InFlight};
use super::limits::Limits;
use super::rejection::Rejection;
use super::state::State;
use super::step::Step;
use super::waiting::{Waiting, WaitingList};
use crate::domain::{AiContext, Kind, Message, Now, SocketId, UserId};
use crate::log::{Record, SentKey};

/// The key under which the store knows a message that has a client's id.
fn key_of(change: &Change) -> Option<SentKey> {
    match change {
        Change::Post(draft) => {
            draft.client_id.clone().map(|client_id| SentKey { sender: draft.sender.clone(), client_id })
        }
        _ => None,
    }
}

/// Records that no such change has.
fn unexpected(records: &[Record]) -> Result<Outcome, Rejection> {
    debug_assert!(false, "unexpected records {records:?}");
    Err(Rejection::StorageUnavailable)
}

/// A conversation and everything that waits in it.
#[derive(Debug)]
pub(crate) struct Pipeline<T> {
    state: State,
    limits: Limits,
    waiting: WaitingList<T>,
    in_flight: Option<InFlight<T>>,
    jobs: AiJobQueue,
    draining: bool,
}

impl<T> Pipeline<T> {
    /// A conversation in which nothing waits.
    pub(crate) fn new(state: State, limits: Limits) -> Self {
        Self {
            state,
            limits,
            waiting: WaitingList::new(),
            in_flight: None,
            jobs: AiJobQueue::default(),
            draining: false,
        }
    }

    /// What is committed, and who is connected.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Messages that are accepted and not yet stored.
    pub(crate) fn pending(&self) -> usize {
        self.waiting.messages()
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

    /// Works on what waits until the store is needed or nothing is left.
    fn proceed(&mut self, now: Now, steps: &mut Vec<Step<T>>) {
        while self.in_flight.is_none() {
            let batch = self.waiting.take_changes(self.limits.batch);
            if !batch.is_empty() {
                // Hardly ever is a message sent again, and the store notices: only then is it asked which one.
                self.decide_batch(batch, None, now, steps);
                continue;
            }
            // No change comes next, so a signal does.
            let Some(Waiting::Signal(socket, signal, reply_to)) = self.waiting.take_next() else {
                return;
            };
            self.run(socket, signal, reply_to, now, steps);
        }
    }

    /// Decides the changes one after another, and has the store append what they come to. `found`: what the store knows
    /// of their messages, if it was asked.
    fn decide_batch(&mut self, batch: Vec<(Change, T)>, found: Option<Found>, now: Now, steps: &mut Vec<Step<T>>) {
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
            self.in_flight = Some(InFlight::Appending(Appending { batch: decided, was_looked_up }));
            steps.push(Step::Append(records));
        }
    }

    /// Asks the store for earlier attempts of a batch's messages.
    fn look_up(&mut self, batch: Vec<(Change, T)>, steps: &mut Vec<Step<T>>) {
        steps.push(Step::Lookup(batch.iter().filter_map(|(change, _)| key_of(change)).collect()));
        self.in_flight = Some(InFlight::LookingUp(batch));
    }

    /// The change's records, if any, are stored: take them in, tell, and answer.
    fn settle(&mut self, change: &Change, reply_to: T, decision: Decision, now: Now, steps: &mut Vec<Step<T>>) {
        self.waiting.finished(change);
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

    /// The batch is not stored, and everybody who waits for it is told.
    fn fail_batch(&mut self, batch: Vec<(Change, T)>, steps: &mut Vec<Step<T>>) {
        for (change, reply_to) in batch {
            self.fail(&change, reply_to, steps);
        }
    }

    fn fail(&mut self, change: &Change, reply_to: T, steps: &mut Vec<Step<T>>) {
        self.waiting.finished(change);
        steps.push(Step::Answer(reply_to, Err(Rejection::StorageUnavailable)));
    }

    /// It is unknown whether the batch is stored. Whoever waits is told that the store is unavailable, and may ask
    /// again: a message that was stored is recognised by its id.
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
        while let Some(waiting) = self.waiting.take_next() {
            match waiting {
                Waiting::Change(change, reply_to) => self.fail(&change, reply_to, steps),
                Waiting::Signal(socket, signal, reply_to) => self.run(socket, signal, reply_to, now, steps),
            }
        }
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
            self.jobs.push(AiJob { message: Arc::clone(message), context });
            self.make_room(steps);
        }
    }

    /// AI jobs give way to people: the oldest go first when jobs and messages together reach the limit.
    fn make_room(&mut self, steps: &mut Vec<Step<T>>) {
        let room = self.limits.queue_capacity.saturating_sub(self.waiting.messages());
        let dropped = self.jobs.shrink_to(room.min(self.limits.ai_capacity));
        steps.extend(dropped.into_iter().map(|job| Step::JobDropped(job.message)));
    }

    /// Handles a signal whose turn has come. Signals of a socket that is gone are forgotten.
    fn run(&mut self, socket: SocketId, signal: Signal, reply_to: T, now: Now, steps: &mut Vec<Step<T>>) {
        if self.state.user_of(socket).is_none() {
            return;
        }
        let current = self.state.stored().last_sequence;
        steps.push(match signal {
            Signal::Ping => Step::Reply(reply_to, socket, Event::Pong),
            Signal::Faulty(fault) => Step::Reply(reply_to, socket, Event::Fault(*fault)),
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
}
