//! The world of one scenario while it runs: who takes part, what is set, what has happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use reqwest::cookie::Jar;
use serde_json::Value;

use super::Desk;
use super::chance::Chance;
use super::socket::Connection;
use super::stub::StubActor;
use crate::event::{Event, EventKind, EventSink, Instance, LoggedLine, Place, Raced};
use crate::history::{Entry, EntryKind, History, Member};
use crate::pattern::Pattern;
use crate::plan::Deadlines;
use crate::scenario::model::{ParticipantSpec, Row, Scenario};
use crate::subject::Server;

/// Locks without regard to a panic elsewhere: what is behind the lock is valid at every moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What races left open until they were run.
#[derive(Default)]
pub(crate) struct Roles {
    /// Those who ended under a named outcome, by their last race: their keys, and what snapshots call them
    /// instead, in the order of the outcomes.
    pub(crate) named: Vec<(String, String)>,
    /// How many entries the record had when the first race with named outcomes began.
    pub(crate) began: Option<usize>,
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
    pub(crate) record: Mutex<History>,
    /// Patterns of markers that are under way or were, each with the value that stands once.
    pub(crate) markers: Mutex<Vec<Marker>>,
    pub(crate) unproven: AtomicUsize,
    pub(crate) connections: AtomicUsize,
    /// Whether the scenario is over: connections that are still open end with it.
    pub(crate) over: AtomicBool,
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
    pub(super) fn object(&self) -> Value {
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
    pub(crate) fn note(&self, participant: &str, step: Option<usize>, what: EntryKind) -> usize {
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

    pub(super) fn group_value(&self, name: &str) -> Option<Value> {
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
