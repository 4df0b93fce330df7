//! The world of one scenario while it runs: who takes part, what is set, what has happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use reqwest::cookie::Jar;
use serde_json::{Map, Value, json};

use super::Desk;
use super::chance::{Chance, Mix};
use super::release::Racer;
use super::socket::Connection;
use super::stub::StubActor;
use crate::event::{Event, EventKind, EventSink, Failure, FailureKind, Instance, LoggedLine, Place, Raced};
use crate::pattern::Pattern;
use crate::record::{Entry, Member, Record, What};
use crate::scenario::error::Position;
use crate::scenario::model::{Checks, Outcome, ParticipantSpec, Row, Scenario, Step};
use crate::scenario::template::{RenderError, Scope, Template};
use crate::subject::Server;

/// Locks without regard to a panic elsewhere: what is behind the lock is valid at every moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// The default deadline of an expectation.
    pub default: Duration,
    /// How long the runner listens on after a missed deadline, to say late or never.
    pub late: Duration,
    /// What all deadlines are multiplied by.
    pub slow: f64,
}

impl Deadlines {
    /// A deadline of a file, or the default, scaled.
    pub(crate) fn of(&self, given: Option<Duration>) -> Duration {
        given.unwrap_or(self.default).mul_f64(self.slow)
    }

    /// How long is listened on behind a deadline, scaled.
    pub(crate) fn late(&self) -> Duration {
        self.late.mul_f64(self.slow)
    }
}

/// What races left open until they were run.
#[derive(Default)]
pub(crate) struct Roles {
    /// Those who ended under a named outcome, by their last race: their keys, and what snapshots call them
    /// instead, in the order of the outcomes.
    pub(crate) named: Vec<(String, String)>,
    /// The first race after which somebody has no such name.
    pub(crate) unnamed: Option<Place>,
}

/// One scenario under way.
pub(crate) struct World {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) instance: Arc<Instance>,
    pub(crate) row: Row,
    pub(crate) run: String,
    pub(crate) chance: Arc<Chance>,
    /// How much later than the first a racer may be released.
    pub(crate) jitter: Duration,
    pub(crate) began: Instant,
    pub(crate) deadlines: Deadlines,
    pub(crate) server: Arc<Server>,
    /// Made anew when the server is stopped, so that no connection of the old one is taken for the new.
    pub(crate) http: Mutex<reqwest::Client>,
    pub(crate) participants: IndexMap<String, Arc<Participant>>,
    /// Stubs are no participants: no group and no `all` means them, and barriers, snapshots and invariants leave them
    /// out.
    pub(crate) stubs: IndexMap<String, Arc<StubActor>>,
    /// Names that races gave, each with the keys of its participants.
    pub(crate) given: Mutex<BTreeMap<String, Vec<String>>>,
    /// What came of the races so far, for snapshots.
    pub(crate) roles: Mutex<Roles>,
    pub(crate) vars: Mutex<BTreeMap<String, Value>>,
    pub(crate) record: Mutex<Record>,
    /// Patterns of markers that are under way or were, each with the value that stands once.
    pub(crate) markers: Mutex<Vec<Marker>>,
    pub(crate) unproven: AtomicUsize,
    pub(crate) connections: AtomicUsize,
    pub(crate) steps: AtomicUsize,
    pub(crate) exchanges: AtomicUsize,
    pub(crate) sink: EventSink,
    /// Whether somebody listens to every step, request and frame.
    pub(crate) detail: bool,
    /// Lines of the server's log since the scenario's start; the version counts them.
    pub(crate) log: Arc<LogBook>,
    /// Where somebody says how it goes on.
    pub(crate) desk: Option<Arc<Desk>>,
    /// What is waited for now.
    pub(crate) progress: Arc<super::Progress>,
    /// The trace id of all requests, where they carry one.
    pub(crate) trace: Option<String>,
    pub(crate) secrets: Option<Arc<crate::secret::Secrets>>,
    pub(crate) snapshots: Mutex<Vec<super::Taken>>,
    /// Who was released when, a race each.
    pub(crate) races: Mutex<Vec<Raced>>,
}

/// Lines of the server's log.
pub(crate) struct LogBook {
    pub(crate) lines: Mutex<Vec<LoggedLine>>,
    /// For each line, whether no other scenario was under way.
    alone: Mutex<Vec<bool>>,
    /// What the lines' times count from.
    began: Mutex<Instant>,
    pub(crate) version: tokio::sync::watch::Sender<usize>,
    /// Whether other scenarios write here too.
    pub(crate) shared: std::sync::atomic::AtomicBool,
}

impl LogBook {
    /// An empty book, with what its lines' times count from.
    pub(crate) fn new(began: Instant) -> Self {
        Self {
            lines: Mutex::default(),
            alone: Mutex::default(),
            began: Mutex::new(began),
            version: tokio::sync::watch::Sender::default(),
            shared: false.into(),
        }
    }

    /// Which lines came while no other scenario was under way.
    pub(crate) fn alone(&self) -> Vec<bool> {
        lock(&self.alone).clone()
    }

    /// Counts from another moment on.
    pub(crate) fn begin(&self, began: Instant) {
        *lock(&self.began) = began;
    }

    /// Takes a line; `alone` says that no other scenario was under way on the server.
    pub(crate) fn push(&self, text: String, alone: bool) {
        let at = lock(&self.began).elapsed();
        lock(&self.lines).push(LoggedLine { at, text });
        lock(&self.alone).push(alone);
        self.version.send_modify(|version| *version += 1);
    }
}

/// A marker of a barrier, so that its frames stay out of every inbox.
pub(crate) struct Marker {
    pub(crate) value: String,
    pub(crate) receive: Pattern,
    pub(crate) hides: Vec<Pattern>,
}

/// Somebody who takes part.
pub(crate) struct Participant {
    pub(crate) spec: ParticipantSpec,
    pub(crate) vars: Mutex<BTreeMap<String, Value>>,
    pub(crate) jar: Jar,
    /// The names of connections that are being opened now.
    pub(crate) opening: Mutex<BTreeSet<String>>,
    /// All connections ever opened, oldest first.
    pub(crate) connections: Mutex<Vec<Arc<Connection>>>,
}

/// A name under which a connection is being opened, until this is dropped.
pub(crate) struct Opening {
    participant: Arc<Participant>,
    name: String,
}

impl Drop for Opening {
    fn drop(&mut self) {
        lock(&self.participant.opening).remove(&self.name);
    }
}

impl Participant {
    /// Takes a name for a connection that is to be opened; none where another step is opening one under it.
    pub(crate) fn open_as(self: &Arc<Self>, name: &str) -> Option<Opening> {
        let free = lock(&self.opening).insert(name.to_owned());
        free.then(|| Opening { participant: Arc::clone(self), name: name.to_owned() })
    }

    pub(crate) fn key(&self) -> &str {
        &self.spec.key
    }

    pub(crate) fn var(&self, name: &str) -> Option<Value> {
        lock(&self.vars).get(name).cloned()
    }

    /// Everything that is known of it, as templates see it.
    fn object(&self) -> Value {
        Value::Object(lock(&self.vars).clone().into_iter().collect())
    }

    /// The newest connection of each name.
    pub(crate) fn current(&self) -> Vec<Arc<Connection>> {
        let mut current: IndexMap<String, Arc<Connection>> = IndexMap::new();
        for connection in lock(&self.connections).iter() {
            current.insert(connection.name.clone(), Arc::clone(connection));
        }
        current.into_values().collect()
    }
}

impl World {
    pub(crate) fn at(&self) -> Duration {
        self.began.elapsed()
    }

    /// Tells what happens in detail, where somebody listens: a frame's text is not copied for nobody.
    pub(crate) fn tell(&self, kind: impl FnOnce() -> EventKind) {
        if self.detail {
            self.announce(kind());
        }
    }

    fn announce(&self, kind: EventKind) {
        (self.sink)(Event { scenario: Some(Arc::clone(&self.instance)), at: self.at(), kind });
    }

    /// Adds to the record; gives the index of the entry.
    pub(crate) fn note(&self, participant: &str, step: Option<usize>, what: What) -> usize {
        let at = self.at();
        let mut record = lock(&self.record);
        record.entries.push(Entry { at, participant: participant.to_owned(), step, what });
        record.entries.len() - 1
    }

    /// Who acts under a name.
    pub(crate) fn actors(&self, name: &str) -> Vec<Arc<Participant>> {
        if let Some(one) = self.participants.get(name) {
            return vec![Arc::clone(one)];
        }
        if let Some(stub) = self.stubs.get(name) {
            return vec![Arc::clone(&stub.actor)];
        }
        if name == "all" {
            return self.participants.values().cloned().collect();
        }
        let given = lock(&self.given);
        let keys = self.scenario.groups.get(name).or_else(|| given.get(name));
        keys.into_iter().flatten().filter_map(|key| self.participants.get(key).cloned()).collect()
    }

    /// Whether a name means several participants.
    pub(crate) fn is_group(&self, name: &str) -> bool {
        name == "all"
            || self.scenario.groups.contains_key(name)
            || lock(&self.given).get(name).is_some_and(|keys| keys.len() != 1)
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        self.participants
            .values()
            .map(|participant| {
                let text =
                    |name: &str| participant.var(name).as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
                Member {
                    key: participant.key().to_owned(),
                    id: text("id"),
                    name: text("name"),
                    captures: lock(&participant.vars).clone(),
                }
            })
            .collect()
    }

    fn group_value(&self, name: &str) -> Option<Value> {
        let actors = self.actors(name);
        if actors.is_empty() {
            return None;
        }
        let mut lists: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for actor in &actors {
            for (name, value) in lock(&actor.vars).iter() {
                lists.entry(name.clone()).or_default().push(value.clone());
            }
        }
        lists.retain(|_, list| list.len() == actors.len());
        Some(Value::Object(lists.into_iter().map(|(name, list)| (name, Value::Array(list))).collect()))
    }
}

/// What the main step of a verb has to show, where not the file's own checks.
#[derive(Clone)]
pub(crate) enum MainMode {
    /// Its own checks.
    Own,
    /// These, and the verb ends behind it.
    Refused(Arc<Checks>),
    /// None: the answer goes to the race.
    Observed(Arc<Racer>),
    /// Its own checks, at the instant of the race.
    Released(Arc<Racer>),
}

/// An answer to a request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) what: String,
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
    /// Its entry in the record; none for the answer of a handshake.
    pub(crate) entry: Option<usize>,
}

impl Answer {
    pub(crate) fn header_value(&self) -> Value {
        Value::Object(
            self.headers
                .iter()
                .map(|(name, value)| (name.clone(), Value::String(value.clone())))
                .collect::<Map<_, _>>(),
        )
    }
}

/// Tells that a step has ended.
pub(crate) struct StepEnd {
    world: Arc<World>,
    number: usize,
}

impl Drop for StepEnd {
    fn drop(&mut self) {
        self.world.tell(|| EventKind::StepFinished { number: self.number });
    }
}

/// Where the run stands: the names of this place, the actor, what a call handed in.
#[derive(Clone)]
pub(crate) struct Here {
    pub(crate) world: Arc<World>,
    pub(crate) locals: BTreeMap<String, Value>,
    pub(crate) me: Option<Arc<Participant>>,
    pub(crate) via: Option<String>,
    pub(crate) since: Option<String>,
    pub(crate) within: Option<Duration>,
    pub(crate) gives: Vec<String>,
    pub(crate) in_verb: bool,
    /// Whether several act in this step, so that captures belong to each of them.
    pub(crate) shared: bool,
    pub(crate) main: MainMode,
    /// Whether nobody is asked about steps here: others go on beside them.
    pub(crate) aside: bool,
    /// Whether what already came decides: nothing is awaited, and nothing is told of the steps here.
    pub(crate) at_once: bool,
    /// The running step's number.
    pub(crate) step: usize,
    /// The line of the scenario's own step.
    pub(crate) line: usize,
    pub(crate) depth: usize,
    /// Tells the end of the running step when the last of its places is gone.
    ending: Option<Arc<StepEnd>>,
    /// The step of the scenario file and those inside verbs, outermost first.
    pub(crate) trail: Vec<Place>,
}

impl Scope for Here {
    fn lookup(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.locals.get(name) {
            return Some(value.clone());
        }
        if name == "run" {
            return Some(json!(self.world.run));
        }
        if name == "participants" {
            let all = self.world.participants.iter().map(|(key, participant)| (key.clone(), participant.object()));
            return Some(Value::Object(all.collect()));
        }
        if let Some(participant) = self.one(name) {
            return Some(participant.object());
        }
        if let Some(value) = lock(&self.world.vars).get(name) {
            return Some(value.clone());
        }
        if let Some(value) = self.world.row.columns.get(name) {
            return Some(value.clone());
        }
        self.world.group_value(name)
    }

    fn attribute(&self, name: &str, attribute: &str) -> Option<Value> {
        if !self.is_record(name) {
            return match self.lookup(name)? {
                Value::Object(mut map) => map.remove(attribute),
                _ => None,
            };
        }
        if name == "participants" {
            return self.world.participants.get(attribute).map(|participant| participant.object());
        }
        match self.one(name) {
            Some(participant) => participant.var(attribute),
            // A group: the list of its members' values, where all have one.
            None => self
                .world
                .actors(name)
                .iter()
                .map(|actor| actor.var(attribute))
                .collect::<Option<Vec<_>>>()
                .map(Value::Array),
        }
    }

    fn is_record(&self, name: &str) -> bool {
        if self.locals.contains_key(name) {
            return false;
        }
        name == "participants"
            || self.one(name).is_some()
            || (!lock(&self.world.vars).contains_key(name) && !self.world.actors(name).is_empty())
    }

    fn uuid(&self, at: Position) -> Option<Value> {
        let spot = Mix::new(self.spot()).number(at.line as u64).number(at.column as u64).end();
        Some(json!(self.world.chance.uuid(spot)))
    }

    fn share(&self) -> Arc<dyn Scope> {
        Arc::new(self.clone())
    }
}

impl Here {
    /// What tells this place from others where chance is drawn: the steps that led here, and who acts.
    pub(crate) fn spot(&self) -> u64 {
        let mix = self.trail.iter().fold(Mix::new(0), |mix, place| {
            let file = place.file.file_name().unwrap_or_default().to_string_lossy();
            mix.text(&file).number(place.at.line as u64).number(place.at.column as u64)
        });
        mix.text(self.me.as_ref().map_or("", |me| me.key())).end()
    }

    /// The top of a scenario.
    pub(crate) fn top(world: Arc<World>) -> Self {
        Self {
            world,
            locals: BTreeMap::new(),
            me: None,
            via: None,
            since: None,
            within: None,
            gives: Vec::new(),
            in_verb: false,
            shared: false,
            main: MainMode::Own,
            aside: false,
            at_once: false,
            step: 0,
            line: 0,
            depth: 0,
            ending: None,
            trail: Vec::new(),
        }
    }

    /// The place of a step that begins here.
    pub(crate) fn enter(&self, step: &Step, actor: Option<&str>) -> Self {
        let number = self.world.steps.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.clone();
        let place = Place::new(&step.source, step.at);
        if inner.trail.last() != Some(&place) {
            inner.trail.push(place.clone());
        }
        if !self.in_verb {
            inner.line = step.at.line;
        }
        inner.step = number;
        {
            let mut record = lock(&self.world.record);
            let began = record.entries.len();
            record.step_began.insert(number, began);
        }
        if self.at_once {
            return inner;
        }
        self.world.tell(|| EventKind::StepStarted {
            number,
            parent: (self.depth > 0).then_some(self.step),
            depth: self.depth,
            place,
            actor: actor.map(str::to_owned),
        });
        inner.depth += 1;
        inner.ending = self.world.detail.then(|| Arc::new(StepEnd { world: Arc::clone(&self.world), number }));
        inner
    }

    /// The one participant that a name means: `me`, a key, or what a race gave to one.
    fn one(&self, name: &str) -> Option<Arc<Participant>> {
        if name == "me" {
            return self.me.clone();
        }
        if let Some(participant) = self.world.participants.get(name) {
            return Some(Arc::clone(participant));
        }
        if let Some(stub) = self.world.stubs.get(name) {
            return Some(Arc::clone(&stub.actor));
        }
        match lock(&self.world.given).get(name).map(Vec::as_slice) {
            Some([one]) => self.world.participants.get(one).cloned(),
            _ => None,
        }
    }

    /// Who acts.
    pub(crate) fn actor(&self) -> Result<&Arc<Participant>, Box<Failure>> {
        self.me.as_ref().ok_or_else(|| self.wrong("this step has no actor"))
    }

    /// A failure of this step.
    pub(crate) fn failure(&self, headline: impl Into<String>) -> Box<Failure> {
        self.placed(Failure::new(FailureKind::Expectation, headline))
    }

    /// A mistake of the scenario itself.
    pub(crate) fn wrong(&self, headline: impl Into<String>) -> Box<Failure> {
        self.placed(Failure::new(FailureKind::Scenario, headline))
    }

    fn placed(&self, failure: Failure) -> Box<Failure> {
        let mut failure = Box::new(failure);
        failure.place = self.trail.first().cloned();
        failure.inside = self.trail.iter().skip(1).cloned().collect();
        failure.participant = self.me.as_ref().map(|me| me.key().to_owned());
        failure.step = (self.depth > 0).then_some(self.step);
        failure
    }

    pub(crate) fn render(&self, template: &Template) -> Result<Value, Box<Failure>> {
        template.render(self).map_err(|error| self.unrendered(&error))
    }

    pub(crate) fn text(&self, template: &Template) -> Result<String, Box<Failure>> {
        template.render_text(self).map_err(|error| self.unrendered(&error))
    }

    pub(crate) fn unrendered(&self, error: &RenderError) -> Box<Failure> {
        self.wrong(error.message.clone())
    }

    pub(crate) fn pattern(&self, template: &Template) -> Result<Pattern, Box<Failure>> {
        let value = self.render(template)?;
        Pattern::compile(&value).map_err(|error| self.wrong(format!("not a pattern: {error}")))
    }

    pub(crate) fn patterns(&self, templates: &[Template]) -> Result<Vec<Pattern>, Box<Failure>> {
        templates.iter().map(|template| self.pattern(template)).collect()
    }

    /// Sets a captured name: of the actor always, of the verb it stands in, and of the scenario unless it is given
    /// to the actor or several act.
    pub(crate) fn capture(&mut self, name: &str, value: &Value) {
        if let Some(me) = &self.me {
            lock(&me.vars).insert(name.to_owned(), value.clone());
        }
        if self.in_verb {
            self.locals.insert(name.to_owned(), value.clone());
        }
        if !self.shared && !self.gives.iter().any(|given| given == name) {
            lock(&self.world.vars).insert(name.to_owned(), value.clone());
        }
    }

    /// The outcomes of a race: compares an answer with one of them.
    pub(crate) fn fits(&self, answer: &Answer, outcome: &Outcome) -> Result<Vec<String>, Box<Failure>> {
        super::http::differences(self, answer, &outcome.checks, false)
    }
}
