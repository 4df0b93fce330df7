//! Who takes part, and what a protocol file says of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json_path::JsonPath;

use super::action::{Http, OutgoingFrame};
use super::step::Step;
use super::stream::{Invariant, Stream};
use super::template::Template;
use crate::scenario::snapshot_rules::SnapshotRules;
use crate::source::{Position, Source};

/// A participant, as declared.
#[derive(Debug, Clone)]
pub struct ParticipantSpec {
    /// Its key.
    pub key: String,
    /// Where it is declared.
    pub at: Position,
    /// Its display name, where one is given.
    pub name: Option<String>,
    /// Its protocol.
    pub protocol: Arc<Protocol>,
    /// Templates that take the place of the protocol's identity.
    pub identity: IndexMap<String, Template>,
    /// Headers of its own.
    pub headers: Vec<(String, Template)>,
}

impl ParticipantSpec {
    /// A participant of which nothing is declared.
    pub(crate) fn bare(source: &Arc<Source>) -> Self {
        Self {
            key: String::new(),
            at: Position::default(),
            name: None,
            protocol: Arc::new(Protocol::bare(source)),
            identity: IndexMap::new(),
            headers: Vec::new(),
        }
    }
}

/// A protocol file.
#[derive(Debug)]
pub struct Protocol {
    /// The file.
    pub source: Arc<Source>,
    /// Its name.
    pub name: String,
    /// Which server of roundtable.toml speaks it.
    pub server: Option<String>,
    /// The values that make a participant's identity, such as `id` and `token`.
    pub identity: IndexMap<String, Template>,
    /// The steps by which a participant logs in.
    pub login: Vec<Step>,
    /// Headers of every request and handshake.
    pub headers: Vec<(String, Template)>,
    /// How the runner proves that nothing more is on its way.
    pub barrier: Option<Barrier>,
    /// Frames that fail a scenario.
    pub fails: Option<Template>,
    /// How the server may end a connection without a step that expects it.
    pub closes: Vec<Template>,
    /// What participants can do.
    pub verbs: IndexMap<String, Arc<Verb>>,
    /// The streams of deliveries that invariants judge.
    pub streams: Vec<Stream>,
    /// The invariants that every scenario must keep.
    pub invariants: Vec<Invariant>,
    /// The requests by which a snapshot reads each participant's view.
    pub state: Vec<(String, Http)>,
    /// How snapshots are normalised.
    pub snapshot: SnapshotRules,
    /// Where each thing is declared, in this file or an included one, by its kind and name: `stream messages`.
    pub places: BTreeMap<String, (Arc<Source>, Position)>,
    /// The files that it includes, those of included files too.
    pub includes: Vec<Arc<Source>>,
}

impl Protocol {
    /// The protocol of a scenario without `use`: built-in actions only.
    pub(crate) fn bare(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            name: String::new(),
            server: None,
            identity: IndexMap::new(),
            login: Vec::new(),
            headers: Vec::new(),
            barrier: None,
            fails: None,
            closes: Vec::new(),
            verbs: IndexMap::new(),
            streams: Vec::new(),
            invariants: Vec::new(),
            state: Vec::new(),
            snapshot: SnapshotRules::default(),
            places: BTreeMap::new(),
            includes: Vec::new(),
        }
    }
}

/// How the runner knows that everything caused so far has arrived.
#[derive(Debug, Clone)]
pub enum Barrier {
    /// A frame that the server answers behind all deliveries. `marker` is a value that stands once; where it is used,
    /// answers are told apart by it, else by their order.
    Echo {
        /// What is sent.
        send: OutgoingFrame,
        /// What comes back.
        receive: Template,
    },
    /// An action of another participant whose effect the watcher sees on the same stream.
    Marker {
        /// The action; `marker` is a value that is used once.
        action: Box<Step>,
        /// The frame that the watcher then gets.
        receive: Template,
        /// Other frames that the action causes; they are kept out of every inbox.
        hides: Vec<Template>,
    },
    /// A request that tells a position, which the watcher's deliveries must reach.
    Get {
        /// What is asked, as the watcher.
        get: Template,
        /// Where the answer has the position.
        offset: JsonPath,
        /// Which frames move the watcher's position.
        frame: Template,
        /// Where such a frame has its position.
        passed: JsonPath,
        /// Frames that answer each frame that is sent, one for one; without it nothing can be proven after a send.
        answers: Option<Template>,
    },
}

impl Barrier {
    /// Its word in a protocol file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Echo { .. } => "echo",
            Self::Marker { .. } => "marker",
            Self::Get { .. } => "get",
        }
    }
}

/// A verb of a protocol file.
#[derive(Debug)]
pub struct Verb {
    /// Its name.
    pub name: String,
    /// The file it stands in, which may be an included one.
    pub source: Arc<Source>,
    /// Where it stands there.
    pub at: Position,
    /// What it does, for people.
    pub doc: Option<String>,
    /// Its parameters, with their defaults.
    pub params: IndexMap<String, Option<Template>>,
    /// Whether a call gives its one argument as it is, not in a map.
    pub positional: bool,
    /// The captures that become the actor's own values (`ann.NAME`).
    pub gives: Vec<String>,
    /// The steps that a call plays.
    pub steps: Vec<Step>,
    /// The step whose answer `refused` and a race's outcomes judge.
    pub main: Option<usize>,
}
