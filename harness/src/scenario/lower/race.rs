//! Races and their outcomes.

use std::sync::Arc;

use super::context::Lower;
use super::fields::{self, Fields};
use crate::scenario::model::{Action, Race, RaceOutcome};
use crate::scenario::node::{Kind, Node};
use crate::scenario::template::Template;
use crate::scenario::words::WordPlace;

impl Lower<'_> {
    pub(super) fn race(&mut self, node: &Node) -> Option<Race> {
        let mut inner = Fields::of(node, "race", self.findings)?;
        let of = inner.need("of", "a race", self.findings);
        let action = inner.need("do", "a race", self.findings);
        let outcomes = inner.take("outcomes");
        inner.finish("key of a race", &["of", "do", "outcomes"], self.findings);
        let of = of?;
        let group = fields::string(of, "of", self.findings)?;
        if !self.vocabulary.actors.contains_key(&group) {
            let known: Vec<String> = self.vocabulary.actors.keys().cloned().collect();
            self.findings.unknown(of.at, "participant or group", &group, known.iter().map(String::as_str));
            return None;
        }
        if self.vocabulary.stubs.contains(&group) {
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
        let outcomes: Vec<RaceOutcome> = match outcomes {
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

    fn outcome(&mut self, node: &Node, group: &str) -> Option<RaceOutcome> {
        let mut inner = Fields::of(node, "an outcome", self.findings)?;
        let name = inner.take("as").and_then(|node| {
            let name = fields::string(node, "as", self.findings)?;
            if self.vocabulary.actors.contains_key(&name) {
                self.findings.error(node.at, format!("`{name}` is a participant already"));
            }
            fields::name(&name, node.at, "an outcome", self.findings).then_some(name)
        });
        let count = inner.take("count").map(|node| Template::lower(node, self.findings));
        let checks = self.checks(&mut inner);
        inner.finish("key of an outcome", &fields::names_of(WordPlace::Outcome), self.findings);
        if let Some(name) = &name
            && let Some(protocol) = self.vocabulary.actors.get(group).cloned()
        {
            self.vocabulary.actors.insert(name.clone(), protocol);
        }
        Some(RaceOutcome { at: node.at, name, count, checks })
    }
}
