//! Snapshots and checks.

use super::context::Lower;
use super::fields::{self, Fields};
use crate::scenario::model::StepKind;
use crate::scenario::node::Node;
use crate::scenario::template::{Expr, is_true};

impl Lower<'_> {
    /// `beside` finds a key beside the step's own.
    pub(super) fn snapshot<'n>(
        &mut self,
        value: &'n Node,
        beside: &dyn Fn(&str) -> Option<&'n Node>,
    ) -> Option<StepKind> {
        let mut unordered = beside("unordered").map(|node| fields::strings(node, "unordered", self.findings));
        let mut without = beside("without").map(|node| fields::strings(node, "without", self.findings));
        let mut of = beside("of").map(|node| self.shown_actors(node));
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
                of = Some(self.shown_actors(node));
            }
            inner.finish("key of a snapshot", &["name", "unordered", "of", "without"], self.findings);
            name?
        } else {
            value
        };
        let name = fields::text(name, "a snapshot's name", self.findings)?;
        Some(StepKind::Snapshot {
            name,
            unordered: unordered.unwrap_or_default(),
            of: of.unwrap_or_default(),
            without: without.unwrap_or_default(),
        })
    }

    /// The actors that a snapshot shows.
    fn shown_actors(&mut self, node: &Node) -> Vec<String> {
        let names = fields::strings(node, "of", self.findings);
        for name in &names {
            if self.vocabulary.stubs.contains(name) {
                let help = "a stub has no state and no place in a snapshot: check what it was asked by its steps";
                self.findings.error_help(node.at, format!("`{name}` is a stub: a snapshot shows participants"), help);
            } else if !self.vocabulary.actors.contains_key(name) {
                let known: Vec<String> = self.vocabulary.actors.keys().cloned().collect();
                self.findings.unknown(node.at, "participant or group", name, known.iter().map(String::as_str));
            }
        }
        names
    }

    /// The expression of a `check`, with or without braces.
    pub(super) fn check(&mut self, value: &Node) -> Option<Expr> {
        let source = fields::string(value, "check", self.findings)?;
        let source = source.trim();
        let bare = source.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(source);
        let expr = Expr::lower(bare, value.at, self.findings)?;
        self.constant(&expr);
        Some(expr)
    }

    /// An expression without names is always the same.
    fn constant(&mut self, expr: &Expr) {
        if !expr.names.is_empty() {
            return;
        }
        let Ok(value) = expr.eval(&std::collections::BTreeMap::new()) else { return };
        let help = "compare something that the server said, for example `alice.last_seq == 3`";
        let always = if is_true(&value) { "holds: this can't fail" } else { "fails" };
        self.findings.warning(expr.at, format!("this check names nothing, and always {always}"), help);
    }
}
