//! Steps: an actor's action, or a control.

use std::sync::Arc;

use super::Lower;
use super::fields::{self, Fields};
use crate::scenario::model::{Action, Outcome, Race, ServerAction, Step, StepKind};
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::template::{Expr, Template};
use crate::scenario::words::{self, Place};
use crate::source::Position;

impl Lower<'_> {
    /// A list of steps.
    pub(super) fn steps(&mut self, node: &Node, what: &str) -> Vec<Step> {
        match &node.kind {
            Kind::List(items) => items.iter().filter_map(|item| self.step(item)).collect(),
            Kind::Broken => Vec::new(),
            _ => {
                self.findings.error(node.at, format!("{what} must be a list of steps, not {}", node.describe()));
                Vec::new()
            }
        }
    }

    fn made(&self, at: Position, kind: StepKind) -> Step {
        Step { source: Arc::clone(self.findings.source()), at, kind }
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let entries = match &node.kind {
            Kind::Map(entries) => entries,
            Kind::Broken => return None,
            _ => {
                self.findings.error_help(
                    node.at,
                    format!("a step must be a map with one actor or control, not {}", node.describe()),
                    "write for example `- alice: { get: /health }`",
                );
                return None;
            }
        };
        let mut main: Vec<(&Key, &Node, Option<&'static words::Word>)> = Vec::new();
        let mut beside: Vec<(&Key, &Node)> = Vec::new();
        for (key, value) in entries {
            if let Some(word) = words::word_of(Place::Control, &key.text) {
                main.push((key, value, Some(word)));
            } else if self.world.actors.contains_key(&key.text) {
                main.push((key, value, None));
            } else if words::word_of(Place::ControlModifier, &key.text).is_some() {
                beside.push((key, value));
            } else {
                self.unknown_actor(key);
            }
        }
        let [(key, value, control)] = main[..] else {
            if let [(first, ..), (second, ..), ..] = main[..] {
                self.findings.error_help(
                    second.at,
                    format!("`{}` and `{}` stand in one step", first.text, second.text),
                    "one step does one thing: begin a new one with `- `",
                );
            } else if main.is_empty() && entries.is_empty() {
                self.findings.error(node.at, "a step must name an actor or a control");
            }
            return None;
        };
        let allowed = control.map_or(&[][..], |word| word.beside);
        for (other, _) in &beside {
            if !allowed.contains(&other.text.as_str()) {
                self.findings.error(other.at, format!("`{}` can't stand beside `{}`", other.text, key.text));
            }
        }
        let modifier = |name: &str| beside.iter().find(|(key, _)| key.text == name).map(|(_, node)| *node);
        let kind = match control {
            None => StepKind::Act { actor: key.text.clone(), action: Arc::new(self.action(value, &key.text)?) },
            Some(word) => match word.name {
                "parallel" => StepKind::Parallel(self.within_another(|lower| lower.branches(value))),
                "race" => StepKind::Race(Box::new(self.within_another(|lower| lower.race(value))?)),
                "repeat" => {
                    let count = Template::lower(value, self.findings);
                    if count.as_literal().is_some_and(|value| value.as_u64().is_none()) {
                        self.findings.error(value.at, "`repeat` takes a whole number");
                    }
                    StepKind::Repeat { count, steps: self.inner(key, modifier("steps"))? }
                }
                "for_each" => {
                    let [(name, values)] = value.as_map().unwrap_or_default() else {
                        if !value.is_broken() {
                            self.findings.error_help(
                                value.at,
                                "`for_each` takes one name with its values",
                                "write `for_each: { x: [1, 2] }`",
                            );
                        }
                        return None;
                    };
                    fields::name(&name.text, name.at, "a value", self.findings);
                    let at = values.at;
                    let values = Template::lower(values, self.findings);
                    if values.as_literal().is_some_and(|value| !value.is_array()) {
                        self.findings.error(at, "`for_each` takes a list of values");
                    }
                    StepKind::ForEach { name: name.text.clone(), values, steps: self.inner(key, modifier("steps"))? }
                }
                "snapshot" => {
                    let mut unordered =
                        modifier("unordered").map(|node| fields::strings(node, "unordered", self.findings));
                    let mut without = modifier("without").map(|node| fields::strings(node, "without", self.findings));
                    let mut of = modifier("of").map(|node| self.shown(node));
                    let name = if value.as_map().is_some() {
                        let mut inner = Fields::of(value, "snapshot", self.findings)?;
                        let name = inner.need("name", "snapshot", self.findings);
                        if let Some(node) = inner.take("unordered") {
                            unordered = Some(fields::strings(node, "unordered", self.findings));
                        }
                        if let Some(node) = inner.take("without") {
                            without = Some(fields::strings(node, "without", self.findings));
                        }
                        if let Some(node) = inner.take("of") {
                            of = Some(self.shown(node));
                        }
                        inner.finish("key of a snapshot", &["name", "unordered", "of", "without"], self.findings);
                        name?
                    } else {
                        value
                    };
                    let name = fields::text(name, "a snapshot's name", self.findings)?;
                    StepKind::Snapshot {
                        name,
                        unordered: unordered.unwrap_or_default(),
                        of: of.unwrap_or_default(),
                        without: without.unwrap_or_default(),
                    }
                }
                "check" => {
                    let source = fields::string(value, "check", self.findings)?;
                    let source = source.trim();
                    let bare = source.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(source);
                    let expr = Expr::lower(bare, value.at, self.findings)?;
                    self.constant(&expr);
                    StepKind::Check(expr)
                }
                "note" => StepKind::Note(fields::text(value, "note", self.findings)?),
                _ => StepKind::Server(self.server(value)?),
            },
        };
        Some(self.made(key.at, kind))
    }

    /// An expression without names is always the same.
    fn constant(&mut self, expr: &Expr) {
        if !expr.names.is_empty() {
            return;
        }
        let Ok(value) = expr.eval(&std::collections::BTreeMap::new()) else { return };
        let help = "compare something that the server said, for example `alice.last_seq == 3`";
        let always = if crate::scenario::template::is_true(&value) { "holds: this can't fail" } else { "fails" };
        self.findings.warning(expr.at, format!("this check names nothing, and always {always}"), help);
    }

    /// The actors that a snapshot shows.
    fn shown(&mut self, node: &Node) -> Vec<String> {
        let names = fields::strings(node, "of", self.findings);
        for name in &names {
            if self.world.stubs.contains(name) {
                let help = "a stub has no state and no place in a snapshot: check what it was asked by its steps";
                self.findings.error_help(node.at, format!("`{name}` is a stub: a snapshot shows participants"), help);
            } else if !self.world.actors.contains_key(name) {
                let known: Vec<String> = self.world.actors.keys().cloned().collect();
                self.findings.unknown(node.at, "participant or group", name, known.iter().map(String::as_str));
            }
        }
        names
    }

    fn inner(&mut self, key: &Key, steps: Option<&Node>) -> Option<Vec<Step>> {
        let Some(steps) = steps else {
            self.findings.error(key.at, format!("`{}` needs `steps` beside it", key.text));
            return None;
        };
        Some(self.within_another(|lower| lower.steps(steps, "steps")))
    }

    /// Reads what stands inside a control, where no step is a verb's own.
    fn within_another<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        self.nested += 1;
        let read = read(self);
        self.nested -= 1;
        read
    }

    fn unknown_actor(&mut self, key: &Key) {
        let anywhere = self.world.verbs.values().any(|verbs| verbs.contains_key(&key.text));
        if anywhere || words::word_of(Place::Action, &key.text).is_some() {
            let actor = self.world.actors.keys().next().map_or("alice", String::as_str);
            self.findings.error_help(
                key.at,
                format!("`{}` needs somebody who does it", key.text),
                format!("write `- {actor}: {{ {}: … }}`", key.text),
            );
            return;
        }
        let known: Vec<&str> = self
            .world
            .actors
            .keys()
            .map(String::as_str)
            .chain(words::words_of(Place::Control).map(|word| word.name))
            .collect();
        self.findings.unknown(key.at, "participant or control", &key.text, known);
    }

    fn branches(&mut self, node: &Node) -> Vec<Vec<Step>> {
        match &node.kind {
            Kind::List(items) => items.iter().filter_map(|item| self.step(item)).map(|step| vec![step]).collect(),
            Kind::Map(lanes) => lanes
                .iter()
                .map(|(actor, actions)| {
                    if !self.world.actors.contains_key(&actor.text) {
                        self.unknown_actor(actor);
                        return Vec::new();
                    }
                    let Some(items) = actions.as_list() else {
                        if !actions.is_broken() {
                            self.findings.error(
                                actions.at,
                                format!("a lane must be a list of actions, not {}", actions.describe()),
                            );
                        }
                        return Vec::new();
                    };
                    items
                        .iter()
                        .filter_map(|item| {
                            let action = Arc::new(self.action(item, &actor.text)?);
                            Some(self.made(item.at, StepKind::Act { actor: actor.text.clone(), action }))
                        })
                        .collect()
                })
                .collect(),
            Kind::Broken => Vec::new(),
            _ => {
                self.findings.error(
                    node.at,
                    format!(
                        "`parallel` takes steps, or a lane of actions for each participant, not {}",
                        node.describe()
                    ),
                );
                Vec::new()
            }
        }
    }

    fn race(&mut self, node: &Node) -> Option<Race> {
        let mut inner = Fields::of(node, "race", self.findings)?;
        let of = inner.need("of", "a race", self.findings);
        let action = inner.need("do", "a race", self.findings);
        let outcomes = inner.take("outcomes");
        inner.finish("key of a race", &["of", "do", "outcomes"], self.findings);
        let of = of?;
        let group = fields::string(of, "of", self.findings)?;
        if !self.world.actors.contains_key(&group) {
            let known: Vec<String> = self.world.actors.keys().cloned().collect();
            self.findings.unknown(of.at, "participant or group", &group, known.iter().map(String::as_str));
            return None;
        }
        if self.world.stubs.contains(&group) {
            self.findings.error(of.at, format!("`{group}` is a stub: a race is one of participants"));
            return None;
        }
        let written = action?;
        if outcomes.is_some() {
            for key in ["status", "expect", "expect_headers", "capture", "refused"] {
                if let Some(node) = written.get(key) {
                    let help = "an outcome has checks and captures of its own";
                    self.findings.error_help(
                        node.at,
                        format!("`{key}` beside `do` means nothing where there are outcomes"),
                        help,
                    );
                }
            }
        }
        let action: Arc<Action> = Arc::new(self.action(written, &group)?);
        let outcomes: Vec<Outcome> = match outcomes {
            None => Vec::new(),
            Some(list) => match &list.kind {
                Kind::List(items) => items.iter().filter_map(|item| self.outcome(item, &group)).collect(),
                _ => {
                    self.findings.error(list.at, "`outcomes` must be a list");
                    Vec::new()
                }
            },
        };
        Some(Race { of: group, action, outcomes })
    }

    fn outcome(&mut self, node: &Node, group: &str) -> Option<Outcome> {
        let mut inner = Fields::of(node, "an outcome", self.findings)?;
        let name = inner.take("as").and_then(|node| {
            let name = fields::string(node, "as", self.findings)?;
            if self.world.actors.contains_key(&name) {
                self.findings.error(node.at, format!("`{name}` is a participant already"));
            }
            fields::name(&name, node.at, "an outcome", self.findings).then_some(name)
        });
        let count = inner.take("count").map(|node| Template::lower(node, self.findings));
        let checks = self.checks(&mut inner);
        inner.finish("key of an outcome", &fields::names_of(Place::Outcome), self.findings);
        if let Some(name) = &name
            && let Some(protocol) = self.world.actors.get(group).cloned()
        {
            self.world.actors.insert(name.clone(), protocol);
        }
        Some(Outcome { at: node.at, name, count, checks })
    }

    fn server(&mut self, node: &Node) -> Option<ServerAction> {
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
        Some(ServerAction::Logged { pattern: fields::pattern(logged?, self.findings), within })
    }
}
