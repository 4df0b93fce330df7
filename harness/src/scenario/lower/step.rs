//! Steps: an actor's action, or a control.

use std::sync::Arc;

use super::context::Lower;
use super::fields;
use crate::scenario::model::{Step, StepKind};
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::template::Template;
use crate::scenario::words::{self, WordPlace};
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
            if let Some(word) = words::word_of(WordPlace::Control, &key.text) {
                main.push((key, value, Some(word)));
            } else if self.vocabulary.actors.contains_key(&key.text) {
                main.push((key, value, None));
            } else if words::word_of(WordPlace::ControlModifier, &key.text).is_some() {
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
                "snapshot" => self.snapshot(value, &modifier)?,
                "check" => StepKind::Check(self.check(value)?),
                "note" => StepKind::Note(fields::text(value, "note", self.findings)?),
                "server" => StepKind::Server(self.server_action(value)?),
                _ => {
                    self.findings.unread(key.at, word.name);
                    return None;
                }
            },
        };
        Some(self.made(key.at, kind))
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
        let anywhere = self.vocabulary.verbs.values().any(|verbs| verbs.contains_key(&key.text));
        if anywhere || words::word_of(WordPlace::Action, &key.text).is_some() {
            let actor = self.vocabulary.actors.keys().next().map_or("alice", String::as_str);
            self.findings.error_help(
                key.at,
                format!("`{}` needs an actor", key.text),
                format!("write `- {actor}: {{ {}: … }}`", key.text),
            );
            return;
        }
        let known: Vec<&str> = self
            .vocabulary
            .actors
            .keys()
            .map(String::as_str)
            .chain(words::words_of(WordPlace::Control).map(|word| word.name))
            .collect();
        self.findings.unknown(key.at, "participant or control", &key.text, known);
    }

    fn branches(&mut self, node: &Node) -> Vec<Vec<Step>> {
        match &node.kind {
            Kind::List(items) => items.iter().filter_map(|item| self.step(item)).map(|step| vec![step]).collect(),
            Kind::Map(lanes) => lanes
                .iter()
                .map(|(actor, actions)| {
                    if !self.vocabulary.actors.contains_key(&actor.text) {
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
}
