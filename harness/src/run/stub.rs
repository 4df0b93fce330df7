//! What stubs do in a scenario: their inboxes, and the answers that steps give.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::here::Here;
use super::inbox::Frame;
use super::socket::{Connection, from_now};
use super::world::{Participant, World, lock};
use crate::event::{EventKind, Failure, FailureKind, Nearest};
use crate::history::{Closing, ConnectionId, EntryKind, StubEntry};
use crate::pattern::{Difference, Pattern, describe, nearest};
use crate::scenario::model::ParticipantSpec;
use crate::scenario::stub::{Chunk, Framing, StubAction};
use crate::scenario::template::Template;
use crate::stub::{Exchange, Given, Stage, Started, Stub, Told, event, framed, given};
use crate::text::millis;

/// A stub as an actor of a scenario.
pub(crate) struct StubActor {
    /// What steps and templates know it by; it has one connection, whose inbox holds its requests.
    pub(crate) actor: Arc<Participant>,
    pub(crate) inbox: Arc<Connection>,
    stub: Arc<Stub>,
    /// Each request with the number of its connection, in the order of the inbox.
    asked: Mutex<Vec<(Arc<Exchange>, ConnectionId)>>,
}

impl StubActor {
    /// The actors of a scenario that was begun with these stubs, by their names. `next` gives numbers of connections.
    pub(super) fn all(
        stubs: &Started,
        bare: &ParticipantSpec,
        next: &std::sync::atomic::AtomicUsize,
    ) -> IndexMap<String, Arc<Self>> {
        let one = |stub: &Arc<Stub>| {
            let inbox = Connection::of_stub(ConnectionId(next.fetch_add(1, Ordering::Relaxed)), &stub.name);
            let vars = match stub.object() {
                Value::Object(vars) => vars.into_iter().collect(),
                _ => Default::default(),
            };
            let actor = Participant {
                spec: ParticipantSpec { key: stub.name.clone(), ..bare.clone() },
                vars: Mutex::new(vars),
                jar: reqwest::cookie::Jar::default(),
                opening: Mutex::default(),
                connections: Mutex::new(vec![Arc::clone(&inbox)]),
            };
            let made = Self { actor: Arc::new(actor), inbox, stub: Arc::clone(stub), asked: Mutex::default() };
            (stub.name.clone(), Arc::new(made))
        };
        stubs.iter().map(one).collect()
    }

    /// From here on what happens to the stub belongs to the scenario, and what has happened too.
    pub(super) fn attend(self: &Arc<Self>, world: &Arc<World>) {
        let (world, actor): (Weak<World>, Weak<Self>) = (Arc::downgrade(world), Arc::downgrade(self));
        self.stub.tell(Box::new(move |told| {
            let (Some(world), Some(actor)) = (world.upgrade(), actor.upgrade()) else { return };
            match told {
                Told::Asked(exchange) => actor.asked(&world, exchange),
                Told::Answered(exchange, given) => {
                    actor.mark_counted(&exchange);
                    actor.answered(&world, &exchange, None, &given);
                }
                Told::Ended(exchange, end) => actor.ended(&world, &exchange, end),
            }
        }));
    }

    fn asked(&self, world: &World, exchange: Arc<Exchange>) {
        let connection = ConnectionId(world.connections.fetch_add(1, Ordering::Relaxed));
        // The record and the inbox get the request under one lock, so that both have the same order.
        let mut inbox = lock(&self.inbox.inbox);
        let value = Arc::clone(&exchange.request);
        let entry = self.note(world, None, connection, StubEntry::Asked(Arc::clone(&value)));
        world.tell(|| EventKind::Received {
            participant: self.name().to_owned(),
            connection: exchange.number.to_string(),
            id: connection.0,
            entry,
            number: Some(inbox.frames.len() + 1),
            frame: exchange.shown().to_string(),
            barrier: false,
        });
        inbox.frames.push(Frame { at: world.at(), entry, value, taken_by: None, counted: false });
        lock(&self.asked).push((exchange, connection));
        drop(inbox);
        self.inbox.changed.send_modify(|version| *version += 1);
    }

    /// A request that was answered without a step is no surprise.
    fn mark_counted(&self, exchange: &Exchange) {
        let mut inbox = lock(&self.inbox.inbox);
        if let Some(frame) = self.place(exchange).and_then(|place| inbox.frames.get_mut(place)) {
            frame.counted = true;
        }
    }

    fn place(&self, exchange: &Exchange) -> Option<usize> {
        lock(&self.asked).iter().position(|(one, _)| one.number == exchange.number)
    }

    fn name(&self) -> &str {
        self.actor.key()
    }

    /// The number of a request's connection.
    pub(super) fn connection_of(&self, place: usize) -> Option<ConnectionId> {
        lock(&self.asked).get(place).map(|(_, connection)| *connection)
    }

    fn note(&self, world: &World, step: Option<usize>, connection: ConnectionId, what: StubEntry) -> usize {
        world.note(self.name(), step, EntryKind::Stub { connection, what })
    }

    fn answered(&self, world: &World, exchange: &Exchange, step: Option<usize>, given: &Given) {
        let value = given.value();
        let text = value.to_string();
        self.sent(world, exchange, step, StubEntry::Answered(value), text);
    }

    fn sent(&self, world: &World, exchange: &Exchange, step: Option<usize>, what: StubEntry, frame: String) {
        let Some(id) = self.place(exchange).and_then(|place| self.connection_of(place)) else { return };
        let entry = self.note(world, step, id, what);
        world.tell(|| EventKind::Sent {
            participant: self.name().to_owned(),
            connection: exchange.number.to_string(),
            id: id.0,
            step,
            entry,
            frame,
            barrier: false,
        });
    }

    fn ended(&self, world: &World, exchange: &Exchange, end: Closing) {
        let Some(id) = self.place(exchange).and_then(|place| self.connection_of(place)) else { return };
        let entry = self.note(world, None, id, StubEntry::Ended(end.clone()));
        world.tell(|| EventKind::Closed {
            participant: self.name().to_owned(),
            connection: exchange.number.to_string(),
            id: id.0,
            entry,
            end,
        });
        self.inbox.changed.send_modify(|version| *version += 1);
    }

    /// Ends everything that is open, at the scenario's end.
    pub(super) fn close(&self, world: &World) {
        let asked = lock(&self.asked).clone();
        for (exchange, _) in asked {
            if let Some(end) = exchange.hang_up("the scenario ended") {
                self.ended(world, &exchange, end);
            }
        }
    }

    /// The requests, each with the line of the step that received it.
    fn requests(&self) -> Vec<(Arc<Exchange>, Option<usize>, std::time::Duration)> {
        let inbox = lock(&self.inbox.inbox);
        let asked = lock(&self.asked);
        asked
            .iter()
            .zip(&inbox.frames)
            .map(|((exchange, _), frame)| (Arc::clone(exchange), frame.taken_by, frame.at))
            .collect()
    }

    /// Whether there is a stream that the server left and of which no step has said the end; from here on one has.
    fn take_left(&self, to: Option<&Pattern>) -> bool {
        let requests = self.requests();
        let meant =
            requests.iter().filter(|(one, taken, _)| taken.is_some() && to.is_none_or(|to| to.matches(&one.request)));
        meant.rev().any(|(exchange, ..)| exchange.take_left())
    }

    /// Requests that nobody has answered, for a failure: each in a line.
    pub(super) fn unanswered(&self) -> Vec<String> {
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

/// Which requests a step may mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Waiting,
    Streaming,
    Open,
    /// Open, or given up by the server.
    Given,
}

impl Fit {
    fn fits(self, stage: &Stage) -> bool {
        match stage {
            Stage::Waiting => self != Self::Streaming,
            Stage::Streaming(_) => self != Self::Waiting,
            Stage::Answered => false,
            Stage::Ended(end) => self == Self::Given && !end.by_participant,
        }
    }

    /// What there is none of.
    fn what(self) -> &'static str {
        match self {
            Self::Waiting => "unanswered request",
            Self::Streaming => "open stream",
            Self::Open | Self::Given => "open request",
        }
    }
}

impl Here {
    /// The stub that acts, where one does.
    pub(super) fn stub(&self) -> Option<&Arc<StubActor>> {
        self.world.stubs.get(self.me.as_ref()?.key())
    }

    /// Plays an action of a stub.
    pub(super) async fn act_as_stub(&self, action: &StubAction, to: Option<&Template>) -> Result<(), Box<Failure>> {
        let Some(stub) = self.stub() else { return Err(self.wrong("this step's actor is no stub")) };
        let to = to.map(|to| self.pattern(to)).transpose()?;
        let find = |fit| self.request(stub, to.as_ref(), fit);
        match action {
            StubAction::Reply(reply) => {
                let given = given(reply, self).map_err(|why| self.wrong(why))?;
                let exchange = find(Fit::Waiting)?;
                stub.answered(&self.world, &exchange, Some(self.step), &given);
                exchange.give(&given);
                self.written(stub, &exchange).await
            }
            StubAction::Chunk(chunk) => {
                let exchange = find(Fit::Streaming)?;
                let Stage::Streaming(framing) = exchange.stage() else {
                    return Err(self.wrong("the stream has ended"));
                };
                let piece = self.piece(chunk, framing)?;
                let shown = piece.trim_end().to_owned();
                stub.sent(&self.world, &exchange, Some(self.step), StubEntry::Sent(piece.clone()), shown);
                exchange.send(piece);
                self.written(stub, &exchange).await
            }
            StubAction::Finish => {
                // Whoever has left by then has missed nothing: many clients leave when they have what they want.
                let exchange = match find(Fit::Streaming) {
                    Ok(exchange) => exchange,
                    Err(_) if stub.take_left(to.as_ref()) => return Ok(()),
                    Err(failure) => return Err(failure),
                };
                exchange.finish();
                match self.written(stub, &exchange).await {
                    Err(_) if matches!(exchange.stage(), Stage::Ended(_)) => Ok(()),
                    written => written,
                }
            }
            StubAction::HangUp => {
                let exchange = find(Fit::Open)?;
                if let Some(end) = exchange.hang_up("hung up") {
                    stub.ended(&self.world, &exchange, end);
                }
                Ok(())
            }
            StubAction::Closed { pattern, within } => {
                let pattern = self.pattern(pattern)?;
                let exchange = find(Fit::Given)?;
                self.given_up(stub, &exchange, &pattern, *within).await
            }
            StubAction::Listening(on) => {
                let done = if *on { stub.stub.listen().await } else { stub.stub.stop_listening().await };
                done.map_err(|error| {
                    let mut failure = self.failure(format!("{}'s port: {error}", stub.name()));
                    failure.kind = FailureKind::Environment;
                    failure
                })
            }
        }
    }

    fn piece(&self, chunk: &Chunk, framing: Framing) -> Result<String, Box<Failure>> {
        match chunk {
            Chunk::Data(data) => Ok(framed(framing, &self.render(data)?)),
            Chunk::Text(text) => self.text(text),
            Chunk::Event(_) if framing != Framing::Events => {
                Err(self.wrong("`chunk_event` needs an answer that began with `stream: sse`"))
            }
            Chunk::Event(fields) => {
                let fields = fields.fields().map(|(name, value)| Ok((name, self.render(value)?)));
                Ok(event(&fields.collect::<Result<Vec<_>, Box<Failure>>>()?))
            }
        }
    }

    /// The earliest request that a step received and that fits.
    fn request(&self, stub: &StubActor, to: Option<&Pattern>, fit: Fit) -> Result<Arc<Exchange>, Box<Failure>> {
        let requests = stub.requests();
        let meant = |exchange: &Exchange| to.is_none_or(|to| to.matches(&exchange.request));
        let found = requests
            .iter()
            .find(|(exchange, taken, _)| taken.is_some() && meant(exchange) && fit.fits(&exchange.stage()));
        if let Some((exchange, ..)) = found {
            return Ok(Arc::clone(exchange));
        }
        let which = to.map(|to| format!(" that matches {}", describe(to))).unwrap_or_default();
        let mut failure = self.failure(format!("{} has no {}{which}", stub.name(), fit.what()));
        for (exchange, taken, at) in &requests {
            let stage = match exchange.stage() {
                Stage::Waiting => "not answered".to_owned(),
                Stage::Streaming(_) => "its answer has begun".to_owned(),
                Stage::Answered => "answered".to_owned(),
                Stage::Ended(end) => ended(&end),
            };
            let received = match taken {
                Some(line) => format!("received in line {line}"),
                None => "no step received it".to_owned(),
            };
            failure.details.push(format!("{} at {}: {received}, {stage}", exchange.what(), millis(*at)));
        }
        let unreceived = requests
            .iter()
            .any(|(exchange, taken, _)| taken.is_none() && meant(exchange) && fit.fits(&exchange.stage()));
        if requests.is_empty() {
            failure.details.push("nothing has been asked of it".to_owned());
        }
        let mut near = requests.iter().filter(|(exchange, ..)| fit.fits(&exchange.stage()));
        if unreceived || requests.is_empty() {
            let name = stub.name();
            failure
                .details
                .push(format!("receive a request before it is answered: `- {name}: {{ receive: {{ … }} }}`"));
        } else if let Some(to) = to
            && let Some(found) = nearest(to, near.clone().map(|(exchange, ..)| &*exchange.request))
            && let Some((exchange, ..)) = near.nth(found.index)
        {
            failure.nearest = Some(Nearest {
                what: exchange.what(),
                entry: None,
                whole: Some(exchange.request.to_string()),
                differences: to.differences(&exchange.request).iter().map(Difference::to_string).collect(),
            });
        } else if fit == Fit::Streaming && requests.iter().any(|(one, ..)| one.stage() == Stage::Waiting) {
            failure.details.push("begin its answer before: `reply: { stream: sse }`".to_owned());
        }
        Err(failure)
    }

    /// Waits until what was sent has left, so that no later step comes before it.
    async fn written(&self, stub: &StubActor, exchange: &Exchange) -> Result<(), Box<Failure>> {
        let limit = self.world.deadlines.of(self.within);
        let waits = self.waits(format!("the server to take an answer to {}", exchange.what()));
        let written = tokio::time::timeout(limit, exchange.written()).await;
        drop(waits);
        match written {
            Ok(true) => Ok(()),
            Ok(false) => {
                let how = match exchange.stage() {
                    Stage::Ended(end) => ended(&end),
                    _ => "its connection ended".to_owned(),
                };
                Err(self.failure(format!("{} could not answer {}: {how}", stub.name(), exchange.what())))
            }
            Err(_) => Err(self.failure(format!("the server took no answer to {} for {limit:?}", exchange.what()))),
        }
    }

    /// Waits until the server gives a request up.
    async fn given_up(
        &self,
        stub: &StubActor,
        exchange: &Exchange,
        pattern: &Pattern,
        within: Option<std::time::Duration>,
    ) -> Result<(), Box<Failure>> {
        let patience = self.world.deadlines.of(within.or(self.within));
        let _waits = self.waits(format!("the server to give up {}", exchange.what()));
        let over = async {
            let mut changes = exchange.changes();
            loop {
                if let Stage::Ended(end) = exchange.stage() {
                    return end;
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        // Longer than anybody listens: what it says then is not asked for.
        let long = from_now(patience + self.world.deadlines.late() + std::time::Duration::from_secs(1));
        let over = async { tokio::time::timeout_at(long, over).await.ok() };
        let missed = || format!("the server didn't give up {} of {} within {patience:?}", exchange.what(), stub.name());
        let Some(end) = self.patiently(patience, over, missed).await? else { return Ok(()) };
        exchange.take_left();
        let value = json!({ "code": end.code, "reason": end.reason });
        if end.by_participant {
            let how = format!("{} was {}: the server didn't give it up", exchange.what(), end.reason);
            return Err(self.failure(how));
        }
        match pattern.differences(&value).first() {
            None => Ok(()),
            Some(difference) => Err(self.failure(format!("{} {}: {difference}", exchange.what(), ended(&end)))),
        }
    }
}

/// How a request's connection ended, for people.
fn ended(end: &Closing) -> String {
    match (end.by_participant, end.reason.as_str()) {
        (true, reason) => reason.to_owned(),
        (false, "") => "the server gave it up".to_owned(),
        (false, reason) => format!("the server gave it up ({reason})"),
    }
}
