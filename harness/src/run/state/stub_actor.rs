//! A stub as an actor of a scenario: its mailbox, and what happens to its requests.

use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use serde_json::Value;

use super::connection_log::ConnectionLog;
use super::frame::Frame;
use super::mailbox::{Mailbox, MailboxKind};
use super::participant::Participant;
use super::recorder::Recorder;
use crate::history::{Closing, ConnectionId, EntryKind, StubEntry};
use crate::lock::lock;
use crate::pattern::Pattern;
use crate::scenario::model::ParticipantSpec;
use crate::stub::{RenderedReply, RunningStub, RunningStubs, Stage, StubEvent, StubRequest};
use crate::text::millis;

/// A stub as an actor of a scenario.
pub(crate) struct StubActor {
    /// What steps and templates know it by; its mailbox holds the requests.
    pub(crate) actor: Arc<Participant>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) stub: Arc<RunningStub>,
    recorder: Arc<Recorder>,
    /// The requests, in the order of the inbox.
    asked: Mutex<Vec<Asked>>,
}

/// A request that came.
#[derive(Clone)]
struct Asked {
    request: Arc<StubRequest>,
    connection: ConnectionId,
    log: Arc<ConnectionLog>,
}

impl StubActor {
    /// The actors of a scenario that was begun with these stubs, by their names.
    pub(crate) fn all(
        stubs: &RunningStubs,
        bare: &ParticipantSpec,
        recorder: &Arc<Recorder>,
    ) -> IndexMap<String, Arc<Self>> {
        let actor_of = |stub: &Arc<RunningStub>| {
            let mailbox = Arc::new(Mailbox::new(&stub.name, "main", MailboxKind::Requests, None));
            let mut actor = Participant::new(ParticipantSpec { key: stub.name.clone(), ..bare.clone() });
            if let Value::Object(vars) = stub.object() {
                actor.vars = Mutex::new(vars.into_iter().collect());
            }
            actor.requests = Some(Arc::clone(&mailbox));
            let (stub, recorder) = (Arc::clone(stub), Arc::clone(recorder));
            let name = stub.name.clone();
            (name, Arc::new(Self { actor: Arc::new(actor), mailbox, stub, recorder, asked: Mutex::default() }))
        };
        stubs.iter().map(actor_of).collect()
    }

    /// From here on what happens to the stub belongs to the scenario, and what has happened too.
    pub(crate) fn attend(self: &Arc<Self>) {
        let actor = Arc::downgrade(self);
        self.stub.tell(Box::new(move |event| {
            let Some(actor) = actor.upgrade() else { return };
            match event {
                StubEvent::Asked(exchange) => actor.asked(exchange),
                StubEvent::Answered(exchange, given) => {
                    actor.mark_counted(&exchange);
                    actor.answered(&exchange, None, &given);
                }
                StubEvent::Ended(exchange, end) => actor.ended(&exchange, &end),
            }
        }));
    }

    fn asked(&self, exchange: Arc<StubRequest>) {
        let connection = self.recorder.next_connection();
        // The record and the inbox get the request under one lock, so that both have the same order.
        let mut inbox = lock(&self.mailbox.inbox);
        let value = Arc::clone(&exchange.request);
        let log = ConnectionLog::new(&self.recorder, self.name(), &exchange.number.to_string(), connection);
        let text = if log.is_detailed() { exchange.told_request().to_string() } else { String::new() };
        let what = EntryKind::Stub { connection, what: StubEntry::Asked(Arc::clone(&value)) };
        let entry = log.received(what, Some(inbox.frames.len() + 1), text);
        inbox.frames.push(Frame::new(log.at(), entry, value));
        lock(&self.asked).push(Asked { request: exchange, connection, log: Arc::new(log) });
        drop(inbox);
        self.mailbox.changed();
    }

    /// A request that was answered without a step is no surprise.
    fn mark_counted(&self, exchange: &StubRequest) {
        let mut inbox = lock(&self.mailbox.inbox);
        if let Some(frame) = self.place(exchange).and_then(|place| inbox.frames.get_mut(place)) {
            frame.counted = true;
        }
    }

    fn place(&self, exchange: &StubRequest) -> Option<usize> {
        lock(&self.asked).iter().position(|asked| asked.request.number == exchange.number)
    }

    pub(crate) fn name(&self) -> &str {
        self.actor.key()
    }

    /// The number of a request's connection.
    pub(crate) fn connection_of(&self, place: usize) -> Option<ConnectionId> {
        lock(&self.asked).get(place).map(|asked| asked.connection)
    }

    fn asked_by(&self, exchange: &StubRequest) -> Option<Asked> {
        lock(&self.asked).iter().find(|asked| asked.request.number == exchange.number).cloned()
    }

    pub(crate) fn answered(&self, exchange: &StubRequest, step: Option<usize>, given: &RenderedReply) {
        let value = given.value();
        let text = value.to_string();
        self.sent(exchange, step, StubEntry::Answered(value), text);
    }

    pub(crate) fn sent(&self, exchange: &StubRequest, step: Option<usize>, what: StubEntry, frame: String) {
        let Some(Asked { connection, log, .. }) = self.asked_by(exchange) else { return };
        log.sent(EntryKind::Stub { connection, what }, step, frame, false);
    }

    pub(crate) fn ended(&self, exchange: &StubRequest, end: &Closing) {
        let Some(Asked { connection, log, .. }) = self.asked_by(exchange) else { return };
        log.closed(EntryKind::Stub { connection, what: StubEntry::Ended(end.clone()) }, end);
        self.mailbox.changed();
    }

    /// Ends everything that is open, at the scenario's end.
    pub(crate) fn close(&self) {
        let asked = lock(&self.asked).clone();
        for Asked { request, .. } in asked {
            if let Some(end) = request.hang_up("the scenario ended") {
                self.ended(&request, &end);
            }
        }
    }

    /// The requests, each with the line of the step that received it.
    pub(crate) fn requests(&self) -> Vec<(Arc<StubRequest>, Option<usize>, std::time::Duration)> {
        let inbox = lock(&self.mailbox.inbox);
        let asked = lock(&self.asked);
        asked
            .iter()
            .zip(&inbox.frames)
            .map(|(asked, frame)| (Arc::clone(&asked.request), frame.taken_by, frame.at))
            .collect()
    }

    /// Whether there is a stream that the server left and of which no step has said the end; from here on one has.
    pub(crate) fn take_left(&self, to: Option<&Pattern>) -> bool {
        let requests = self.requests();
        let meant =
            requests.iter().filter(|(one, taken, _)| taken.is_some() && to.is_none_or(|to| to.matches(&one.request)));
        meant.rev().any(|(exchange, ..)| exchange.take_left())
    }

    /// Requests that nobody has answered, for a failure: each in a line.
    pub(crate) fn unanswered(&self) -> Vec<String> {
        let waiting = self.requests().into_iter().filter(|(exchange, ..)| exchange.stage() == Stage::Waiting);
        waiting
            .map(|(exchange, taken, at)| {
                let why = match taken {
                    Some(line) => format!("received in line {line}, never answered"),
                    None => "no step received it, and nobody answered".to_owned(),
                };
                format!("{} of {} at {}: {why}", exchange.what(), self.name(), millis(at))
            })
            .collect()
    }
}
