//! A scenario as the runner plays it: what lowering makes of the files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value};
use serde_json_path::JsonPath;

use super::stream::{Invariant, SnapshotRules, Stream};
use super::template::{RenderError, Scope, Template};
use crate::config::ServerSettings;
use crate::source::{Position, Source};

pub use super::action::*;
pub use super::step::*;
pub use super::stub::{Stub, Stubs};

/// One scenario file.
#[derive(Debug)]
pub struct Scenario {
    /// The file.
    pub source: Arc<Source>,
    /// `suite/stem`, by which reports and snapshots know it.
    pub id: String,
    /// The folder under the scenarios' root, `""` at the root.
    pub suite: String,
    /// The title.
    pub title: String,
    /// Words for `--tag`.
    pub tags: Vec<String>,
    /// The protocol of its participants.
    pub protocol: Arc<Protocol>,
    /// Participants in file order, groups expanded.
    pub participants: IndexMap<String, ParticipantSpec>,
    /// Groups, each with its members' keys.
    pub groups: IndexMap<String, Vec<String>>,
    /// HTTP servers that the scenario plays itself, for the server under test to call.
    pub stubs: Stubs,
    /// The rows of `examples`; one empty row without any.
    pub rows: Vec<Row>,
    /// What it needs of its server.
    pub server: ServerNeeds,
    /// Whether frames that no step took fail it.
    pub strict: bool,
    /// Frames that may stay untaken under `strict`.
    pub ignore: Vec<Template>,
    /// The steps.
    pub steps: Vec<Step>,
    /// The steps that run at the end in any case.
    pub always: Vec<Step>,
    /// Why it is expected to fail.
    pub expect_failure: Option<String>,
    /// What may stay unknown or unproven in it, and why.
    pub exceptions: Exceptions,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Until when its failure doesn't count, and why.
    pub quarantine: Option<Quarantine>,
    /// How long all of it may take.
    pub timeout: Option<Duration>,
    /// How its snapshots are normalised: its protocol's rules with its own redactions.
    pub snapshot: SnapshotRules,
    /// The file that its table was read from.
    pub table: Option<std::path::PathBuf>,
    /// Whether a step acts on the server, so that it needs one of its own.
    pub acts_on_server: bool,
}

/// What may stay unknown or unproven in a scenario, where that is denied.
#[derive(Debug, Clone, Default)]
pub struct Exceptions {
    /// Invariants that may be unknown.
    pub unknown: IndexMap<Invariant, Exception>,
    /// Whether expectations of nothing may be unproven.
    pub unproven: Option<Exception>,
}

/// One exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The reason for it.
    pub reason: String,
    /// Where it stands in the scenario file.
    pub at: Position,
}

/// A scenario whose failure doesn't count for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// Where it is worked on.
    pub issue: String,
    /// The last day on which its failure doesn't count.
    pub until: jiff::civil::Date,
    /// Where it stands in the scenario file.
    pub at: Position,
}

impl Quarantine {
    /// Whether its last day lies before a day.
    pub fn is_over(&self, today: jiff::civil::Date) -> bool {
        self.until < today
    }
}

/// One row of `examples`.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// What stands behind `@` in names; empty without examples.
    pub name: String,
    /// The columns.
    pub columns: BTreeMap<String, Value>,
}

/// What a scenario needs of its server.
#[derive(Debug, Clone, Default)]
pub struct ServerNeeds {
    /// Keys of the server's own configuration.
    pub config: Option<Template>,
    /// Environment variables of the server's command.
    pub env: BTreeMap<String, Template>,
    /// More arguments of the server's command.
    pub args: Vec<Template>,
    /// Whether it needs a server of its own, because it would disturb others on a shared one.
    pub own: bool,
}

impl Scenario {
    /// Every file it was read from: its own, its table, the protocols of its participants and what those include.
    pub fn files(&self) -> Vec<std::path::PathBuf> {
        let protocols = std::iter::once(&self.protocol).chain(self.participants.values().map(|spec| &spec.protocol));
        let mut files = vec![self.source.path.clone()];
        files.extend(self.table.clone());
        for protocol in protocols {
            files.extend(std::iter::once(&protocol.source).chain(&protocol.includes).map(|source| source.path.clone()));
        }
        files.sort();
        files.dedup();
        files
    }
}

impl ServerNeeds {
    /// Whether it needs nothing special.
    pub fn is_empty(&self) -> bool {
        self.config.is_none() && self.env.is_empty() && self.args.is_empty() && !self.own
    }

    /// The templates in it.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.config.iter().chain(self.env.values()).chain(&self.args)
    }

    /// What the server is started with, where the scope has the stubs and the row's columns.
    ///
    /// # Errors
    /// The template that can't be rendered.
    pub fn settings(&self, scope: &dyn Scope) -> Result<ServerSettings, RenderError> {
        let config = match self.config.as_ref().map(|config| config.render(scope)).transpose()? {
            Some(Value::Object(config)) => config,
            _ => Map::new(),
        };
        let env = self.env.iter().map(|(name, value)| Ok((name.clone(), value.render_text(scope)?)));
        let args = self.args.iter().map(|arg| arg.render_text(scope));
        Ok(ServerSettings { config, env: env.collect::<Result<_, _>>()?, args: args.collect::<Result<_, _>>()? })
    }
}

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
        send: Outgoing,
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
