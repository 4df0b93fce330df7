//! How snapshots are normalised.

use std::sync::Arc;

use crate::scenario::error::Findings;
use crate::scenario::lower::fields::{self, Fields};
use crate::scenario::node::Node;
use crate::scenario::stream::{Coalesce, IdKind, Redaction, SnapshotRules};

pub(super) fn snapshot_rules(fields: &mut Fields<'_>, findings: &mut Findings) -> SnapshotRules {
    let mut rules = SnapshotRules::default();
    if let Some(inner) = fields.take("ids").and_then(|node| Fields::of(node, "ids", findings)) {
        for (key, node) in inner.rest() {
            let Some(written) = fields::string(node, "an id's regular expression", findings) else { continue };
            match regex::Regex::new(&written) {
                Ok(regex) => rules.ids.push(IdKind { name: key.text.clone(), regex }),
                Err(error) => {
                    // The lines before the last only draw the place within the expression.
                    let error = error.to_string();
                    let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    findings.error(node.at, format!("`{written}` is not a regular expression: {why}"));
                }
            }
        }
    }
    if let Some(node) = fields.take("kind") {
        rules.kind = fields::json_path(node, "kind", findings);
    }
    for node in fields.take("ephemeral").map(|node| list(node, "ephemeral", findings)).unwrap_or_default() {
        rules.ephemeral.extend(fields::fixed_pattern(&node, findings));
    }
    for node in fields.take("coalesce").map(|node| list(node, "coalesce", findings)).unwrap_or_default() {
        let Some(mut inner) = Fields::of(&node, "coalesce", findings) else { continue };
        let frames = inner.need("frames", "coalesce", findings).and_then(|node| fields::fixed_pattern(node, findings));
        let by = inner.need("by", "coalesce", findings).and_then(|node| fields::json_path(node, "by", findings));
        let join = inner.need("join", "coalesce", findings).and_then(|node| fields::json_path(node, "join", findings));
        inner.finish("key of `coalesce`", &["frames", "by", "join"], findings);
        if let (Some(frames), Some(by), Some(join)) = (frames, by, join) {
            rules.coalesce.push(Coalesce { frames, by, join });
        }
    }
    rules.redact = fields.take("redact").map(|node| redactions(node, findings)).unwrap_or_default();
    for node in fields.take("unordered").map(|node| list(node, "unordered", findings)).unwrap_or_default() {
        rules.unordered.extend(fields::json_path(&node, "unordered", findings));
    }
    rules
}

/// A list's elements; anything else is reported.
fn list(node: &Node, what: &str, findings: &mut Findings) -> Vec<Node> {
    if node.as_list().is_none() && !node.is_broken() {
        findings.error(node.at, format!("`{what}` must be a list"));
    }
    node.as_list().unwrap_or_default().to_vec()
}

/// `redact`, of a protocol file or a scenario file.
pub(in crate::scenario::lower) fn redactions(node: &Node, findings: &mut Findings) -> Vec<Redaction> {
    let file = Arc::clone(findings.source());
    let mut redactions = Vec::new();
    for node in list(node, "redact", findings) {
        let Some(mut inner) = Fields::of(&node, "redact", findings) else { continue };
        let path = inner.need("path", "redact", findings);
        let with = inner.need("with", "redact", findings).and_then(|node| fields::string(node, "with", findings));
        inner.finish("key of `redact`", &["path", "with"], findings);
        let source = path.and_then(|node| fields::string(node, "path", findings));
        let at = path.map_or(node.at, |node| node.at);
        let path = path.and_then(|node| fields::json_path(node, "path", findings));
        if let (Some(path), Some(with), Some(source)) = (path, with, source) {
            let place = format!("{}:{}", file.path.display(), at.line);
            redactions.push(Redaction { path, with, source, place });
        }
    }
    redactions
}
