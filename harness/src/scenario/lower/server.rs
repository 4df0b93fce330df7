//! What a scenario needs of its server and does to it.

use std::sync::Arc;

use super::context::Lower;
use super::fields::{self, Fields};
use super::patterns;
use crate::scenario::error::Findings;
use crate::scenario::model::{Action, ServerAction, ServerNeeds, Step, StepKind, Verb};
use crate::scenario::node::{Kind, Node};
use crate::scenario::template::Template;

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
    fields.finish("key of `server`", &["config", "env", "args", "own"], findings);
    needs
}

/// Whether steps do something to the server, or listen to its log alone; verbs that are called count too.
pub(super) fn acts_on_server(steps: &[Step], verbs: &[&Arc<Verb>]) -> bool {
    let called = |action: &Action| match action {
        Action::Call(call) => {
            verbs.iter().filter(|verb| verb.name == call.verb).any(|verb| acts_on_server(&verb.steps, verbs))
        }
        _ => false,
    };
    steps.iter().any(|step| match &step.kind {
        StepKind::Server(_) => true,
        StepKind::Act { action, .. } => called(action),
        StepKind::Race(race) => called(&race.action),
        StepKind::Parallel(branches) => branches.iter().any(|branch| acts_on_server(branch, verbs)),
        StepKind::Repeat { steps, .. } | StepKind::ForEach { steps, .. } => acts_on_server(steps, verbs),
        _ => false,
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
