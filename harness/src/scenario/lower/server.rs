//! What a scenario needs of its server and does to it.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::context::Lower;
use super::fields::{self, Fields};
use super::patterns;
use crate::scenario::error::Findings;
use crate::scenario::model::{Action, ServerAction, ServerNeeds, Step, StepKind, Verb};
use crate::scenario::node::{Kind, Node};
use crate::scenario::template::Template;

/// The threads of a server in process where its scenario races.
pub(super) const SEVERAL: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// More threads than this nobody means.
const MOST_THREADS: usize = 64;

/// What a scenario needs of its server.
pub(super) fn needs(node: &Node, findings: &mut Findings) -> ServerNeeds {
    let mut needs = ServerNeeds::default();
    let Some(mut fields) = Fields::of(node, "server", findings) else { return needs };
    if let Some(node) = fields.take("config") {
        if node.as_map().is_some() {
            needs.config = Some(Template::lower(node, findings));
        } else if !node.is_broken() {
            findings.error(node.at, "`config` must be a map of configuration keys");
        }
    }
    if let Some(inner) = fields.take("env").and_then(|node| Fields::of(node, "env", findings)) {
        for (key, value) in inner.rest() {
            needs.env.extend(fields::text(value, "a variable", findings).map(|value| (key.text.clone(), value)));
        }
    }
    if let Some(node) = fields.take("args") {
        needs.args = match &node.kind {
            Kind::List(items) => items.iter().filter_map(|item| fields::text(item, "args", findings)).collect(),
            Kind::String(_) => vec![Template::lower(node, findings)],
            // `strings` reports the error.
            _ => fields::strings(node, "args", findings).into_iter().map(|_| Template::lower(node, findings)).collect(),
        };
    }
    if let Some(node) = fields.take("own") {
        needs.own = fields::boolean(node, "own", findings).unwrap_or(false);
    }
    if let Some(node) = fields.take("threads") {
        let count = fields::count(node, "threads", findings);
        needs.threads = count.and_then(|count| usize::try_from(count).ok()).and_then(NonZeroUsize::new);
        if count.is_some() && needs.threads.is_none_or(|threads| threads.get() > MOST_THREADS) {
            findings.error(node.at, format!("`threads` is a number from 1 to {MOST_THREADS}"));
        }
    }
    fields.finish("key of `server`", &["config", "env", "args", "own", "threads"], findings);
    needs
}

/// Whether steps do something to the server, or listen to its log alone; verbs that are called count too.
pub(super) fn acts_on_server(steps: &[Step], verbs: &[&Arc<Verb>]) -> bool {
    any(steps, verbs, &|kind| matches!(kind, StepKind::Server(_)))
}

/// Whether there is a race in steps, or in verbs that they call: then a server in process handles several requests at
/// once, as a command does.
pub(super) fn races(steps: &[Step], verbs: &[&Arc<Verb>]) -> bool {
    any(steps, verbs, &|kind| matches!(kind, StepKind::Race(_)))
}

/// Whether `is` holds for one of the steps, also inside others and in verbs that are called.
fn any(steps: &[Step], verbs: &[&Arc<Verb>], is: &dyn Fn(&StepKind) -> bool) -> bool {
    let called = |action: &Action| match action {
        Action::Call(call) => {
            verbs.iter().filter(|verb| verb.name == call.verb).any(|verb| any(&verb.steps, verbs, is))
        }
        _ => false,
    };
    steps.iter().any(|step| {
        is(&step.kind)
            || match &step.kind {
                StepKind::Act { action, .. } => called(action),
                StepKind::Race(race) => called(&race.action),
                StepKind::Parallel(branches) => branches.iter().any(|branch| any(branch, verbs, is)),
                StepKind::Repeat { steps, .. } | StepKind::ForEach { steps, .. } => any(steps, verbs, is),
                _ => false,
            }
    })
}

impl Lower<'_> {
    pub(super) fn server_action(&mut self, node: &Node) -> Option<ServerAction> {
        const KNOWN: [&str; 5] = ["restart", "stop", "start", "kill", "logged"];
        if let Some(word) = node.as_str() {
            return match word {
                "restart" => Some(ServerAction::Restart),
                "stop" => Some(ServerAction::Stop),
                "start" => Some(ServerAction::Start),
                "kill" => Some(ServerAction::Kill),
                other => {
                    self.findings.unknown(node.at, "action of the server", other, KNOWN);
                    None
                }
            };
        }
        let mut inner = Fields::of(node, "server", self.findings)?;
        let logged = inner.need("logged", "server", self.findings);
        let within = inner.take("within").and_then(|node| fields::duration(node, "within", self.findings));
        inner.finish("action of the server", &KNOWN, self.findings);
        Some(ServerAction::Logged { pattern: patterns::pattern(logged?, self.findings), within })
    }
}
