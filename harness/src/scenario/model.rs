//! A scenario as the runner plays it: what lowering makes of the files.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::stream::Invariant;
use super::template::{RenderError, Scope, Template};
use crate::config::ServerSettings;
use crate::scenario::snapshot_rules::SnapshotRules;
use crate::source::{Position, Source};

pub use super::action::*;
pub use super::protocol::*;
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
    /// The failure that it is known to have.
    pub expect_failure: Option<ExpectedFailure>,
    /// What may stay unknown or unproven in it, and why.
    pub exceptions: Exceptions,
    /// The owner: a person or team.
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

/// Exceptions of a scenario, where the configuration forbids unknown or unproven results.
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

/// The failure that a scenario is known to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFailure {
    /// Why it fails.
    pub why: String,
    /// Which failure it is; none where any is taken for it, as the older form says.
    pub mark: Option<FailureMark>,
}

/// How to recognise the failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureMark {
    /// Its class.
    pub class: ExpectedClass,
    /// A text in its message.
    pub says: String,
}

/// The classes of failures that a scenario may be known for. Others say nothing of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedClass {
    /// The server does something that it must not.
    Product,
    /// It does the right thing too late.
    Late,
    /// It ends.
    ServerDied,
}

impl ExpectedClass {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Product, Self::Late, Self::ServerDied];

    /// The word for it, the same as in event files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Late => "late",
            Self::ServerDied => "server_died",
        }
    }
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
    /// On how many threads a server in process runs; none means one, or several where the scenario races.
    pub threads: Option<NonZeroUsize>,
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
    /// Whether it needs no special server.
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
        Ok(ServerSettings {
            config,
            env: env.collect::<Result<_, _>>()?,
            args: args.collect::<Result<_, _>>()?,
            threads: self.threads,
        })
    }
}
