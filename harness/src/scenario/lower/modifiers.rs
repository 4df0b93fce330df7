//! What stands beside an action: where and how long, what is checked and captured.

use std::time::Duration;

use super::context::Lower;
use super::fields::{self, Fields};
use super::{patterns, possible};
use crate::scenario::error::Findings;
use crate::scenario::model::{Capture, Checks};
use crate::scenario::node::Node;
use crate::scenario::template::Template;
use crate::scenario::words::{self, WordPlace};
use crate::source::Position;

impl Lower<'_> {
    /// `main` is read where the verb is; inside a control it would mean nothing.
    pub(super) fn main(&mut self, rest: &mut Fields<'_>) {
        if let Some(node) = rest.take("main")
            && self.nested > 0
        {
            let help = "put the request before or behind it, or into a verb of its own that this one calls";
            self.findings.error_help(
                node.at,
                "`main` is allowed at a step of the verb itself, not inside `parallel`, `race`, `repeat` or `for_each`",
                help,
            );
        }
    }

    pub(super) fn leftovers(&mut self, rest: &Fields<'_>, action: &str, allowed: &[&str]) {
        for (key, _) in rest.rest() {
            if key.text == "main" && !self.in_verb {
                self.findings.error(key.at, "`main` is allowed in verbs only");
            } else if words::word_of(WordPlace::Modifier, &key.text).is_some() {
                let shown: Vec<String> = allowed
                    .iter()
                    .filter(|name| self.in_verb || **name != "main")
                    .map(|name| format!("`{name}`"))
                    .collect();
                let help = if shown.is_empty() {
                    "it stands alone".to_owned()
                } else {
                    format!("it may have {}", shown.join(", "))
                };
                self.findings.error_help(key.at, format!("`{}` can't stand beside `{action}`", key.text), help);
            }
        }
    }

    pub(super) fn via(&mut self, rest: &mut Fields<'_>, allowed: &[&str]) -> Option<Template> {
        if !allowed.contains(&"via") {
            return None;
        }
        rest.take("via").and_then(|node| fields::text(node, "via", self.findings))
    }

    pub(super) fn within(&mut self, rest: &mut Fields<'_>) -> Option<Duration> {
        rest.take("within").and_then(|node| fields::duration(node, "within", self.findings))
    }

    pub(super) fn listen(&mut self, rest: &mut Fields<'_>) -> Option<Duration> {
        rest.take("for").and_then(|node| fields::duration(node, "for", self.findings))
    }

    pub(super) fn capture(&mut self, rest: &mut Fields<'_>) -> Vec<Capture> {
        rest.take("capture").map(|node| fields::captures(node, self.findings)).unwrap_or_default()
    }

    /// `status`, `expect`, `expect_headers` and `capture`, taken from the fields.
    pub(super) fn checks(&mut self, rest: &mut Fields<'_>) -> Checks {
        Checks {
            status: self.check_of(rest, "status", possible::status),
            expect: self.check_of(rest, "expect", possible::expected_body),
            expect_headers: self.check_of(rest, "expect_headers", possible::headers),
            capture: self.capture(rest),
        }
    }

    /// One pattern for an answer; `doubt` looks for what can't be or can't fail in a pattern that is right.
    fn check_of(&mut self, rest: &mut Fields<'_>, key: &str, doubt: fn(&Node, &mut Findings)) -> Option<Template> {
        let node = rest.take(key)?;
        let before = self.findings.list.len();
        let pattern = patterns::pattern(node, self.findings);
        if self.findings.list.len() == before {
            doubt(node, self.findings);
        }
        Some(pattern)
    }

    /// `refused: 403` or `refused: {status, expect, expect_headers}`.
    pub(super) fn refused(&mut self, rest: &mut Fields<'_>) -> Option<Checks> {
        let node = rest.take("refused")?;
        if node.as_map().is_none() {
            return Some(Checks { status: Some(patterns::pattern(node, self.findings)), ..Checks::default() });
        }
        let mut inner = Fields::of(node, "refused", self.findings)?;
        if inner.rest().iter().any(|(key, _)| key.text.starts_with('$')) {
            return Some(Checks { status: Some(patterns::pattern(node, self.findings)), ..Checks::default() });
        }
        let checks = self.checks(&mut inner);
        inner.finish("key of `refused`", &["status", "expect", "expect_headers", "capture"], self.findings);
        if checks.status.is_none() {
            self.findings.error(node.at, "`refused` needs a `status`");
        }
        Some(checks)
    }

    /// Where a step says `main: true`.
    pub(super) fn says_main(&mut self, node: &Node) -> Option<Position> {
        let (_, action) = node.as_map()?.first()?;
        let main = action.get("main")?;
        fields::boolean(main, "main", self.findings)?.then_some(main.at)
    }
}
