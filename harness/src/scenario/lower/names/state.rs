//! What is known at the current step of the walk.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::error::Findings;
use crate::scenario::model::Scenario;
use crate::scenario::visit;
use crate::source::Position;

/// What is set so far.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownNames {
    /// Who acts under a name.
    pub(super) actors: BTreeMap<String, Vec<String>>,
    /// Names that a race gives to exactly one.
    pub(super) singles: BTreeSet<String>,
    /// Names of the scenario.
    pub(super) names: BTreeSet<String>,
    /// Names of each participant.
    pub(super) attrs: BTreeMap<String, BTreeSet<String>>,
    /// Names that were captured since this was emptied, for branches.
    pub(super) captured: BTreeMap<String, Position>,
    /// Open connections; none of a participant whose connections' names aren't known.
    pub(super) open: BTreeMap<String, BTreeSet<String>>,
    /// Participants with connections whose names come from templates.
    pub(super) unclear: BTreeSet<String>,
    /// Marks.
    pub(super) marks: BTreeMap<String, BTreeSet<String>>,
    /// Snapshots by the file that they are stored in.
    pub(super) snapshots: BTreeSet<String>,
    /// The last step that ended a connection, and whose, while no later step has shown that others noticed.
    pub(super) dropped: Option<(Position, String)>,
}

/// Whether the walk is at the top level or in a verb.
#[derive(Debug, Clone, Default)]
pub(super) struct NameContext {
    /// Names of this place: columns, loop values, parameters, what the verb itself captured.
    pub(super) locals: BTreeSet<String>,
    /// Those of them that are known to be a text, with it.
    pub(super) texts: BTreeMap<String, String>,
    /// Who `me` is; empty at the top.
    pub(super) me: Vec<String>,
    /// The call from the scenario file, to which errors inside the verb are reported.
    pub(super) site: Option<(Position, String)>,
    /// What captures of this verb belong to the actor alone.
    pub(super) gives: Vec<String>,
    /// The connection that the call named.
    pub(super) via: Option<Option<String>>,
    /// The mark that the call named.
    pub(super) since: Option<String>,
    /// Whether several act at once, so that captures belong to each of them.
    pub(super) shared: bool,
}

/// What the steps did, for what is told at the end.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Participants who did something.
    pub(super) acted: BTreeSet<String>,
    /// Captures of the scenario file itself.
    pub(super) captures: Vec<(Position, String)>,
    /// Every word of every expression, and of the texts that verbs are given.
    pub(super) mentioned: BTreeSet<String>,
    /// Who is shown by snapshots.
    pub(super) shown: BTreeSet<String>,
}

impl Seen {
    pub(super) fn mention(&mut self, text: &str) {
        for word in visit::words(text) {
            if !self.mentioned.contains(word) {
                self.mentioned.insert(word.to_owned());
            }
        }
    }
}

/// Follows the steps of one scenario.
pub(super) struct Walk<'a, 'f> {
    pub(super) scenario: &'a Scenario,
    pub(super) findings: &'f mut Findings,
    pub(super) seen: Seen,
    /// What was told of a protocol's own templates; each stands in many steps, and is told once.
    pub(super) told: BTreeSet<String>,
}

impl Walk<'_, '_> {
    /// Tells an error: inside a verb at the call from the scenario file.
    pub(super) fn report(&mut self, context: &NameContext, at: Position, message: String, help: Option<String>) {
        let (at, message) = match &context.site {
            Some((site, verb)) => (*site, format!("in `{verb}`: {message}")),
            None => (at, message),
        };
        match help {
            Some(help) => self.findings.error_help(at, message, help),
            None => self.findings.error(at, message),
        }
    }
}
