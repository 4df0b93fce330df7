//! How snapshots are normalised.

use crate::scenario::error::Findings;
use crate::scenario::lower::fields::{self, Fields};
use crate::scenario::lower::patterns;
use crate::scenario::lower::redact::redactions;
use crate::scenario::snapshot_rules::{Coalesce, IdKind, IdRule, SnapshotRules};

pub(super) fn snapshot_rules(fields: &mut Fields<'_>, findings: &mut Findings) -> SnapshotRules {
    let mut rules = SnapshotRules::default();
    if let Some(inner) = fields.take("ids").and_then(|node| Fields::of(node, "ids", findings)) {
        for (key, node) in inner.rest() {
            let Some(written) = fields::string(node, "an id's regular expression or path", findings) else { continue };
            let name = key.text.clone();
            // No expression that begins like a path could ever match.
            if written.starts_with("$.") || written.starts_with("$[") {
                let path = fields::json_path(node, "an id's path", findings);
                rules.ids.extend(path.map(|path| IdKind { name, rule: IdRule::At(path) }));
                continue;
            }
            match regex::Regex::new(&written) {
                Ok(regex) => rules.ids.push(IdKind { name, rule: IdRule::Looks(regex) }),
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
    for node in fields.take("ephemeral").map(|node| fields::items(node, "ephemeral", findings)).unwrap_or_default() {
        rules.ephemeral.extend(patterns::fixed_pattern(&node, findings));
    }
    for node in fields.take("coalesce").map(|node| fields::items(node, "coalesce", findings)).unwrap_or_default() {
        let Some(mut inner) = Fields::of(&node, "coalesce", findings) else { continue };
        let frames =
            inner.need("frames", "coalesce", findings).and_then(|node| patterns::fixed_pattern(node, findings));
        let by = inner.need("by", "coalesce", findings).and_then(|node| fields::json_path(node, "by", findings));
        let join = inner.need("join", "coalesce", findings).and_then(|node| fields::json_path(node, "join", findings));
        inner.finish("key of `coalesce`", &["frames", "by", "join"], findings);
        if let (Some(frames), Some(by), Some(join)) = (frames, by, join) {
            rules.coalesce.push(Coalesce { frames, by, join });
        }
    }
    rules.redact = fields.take("redact").map(|node| redactions(node, findings)).unwrap_or_default();
    for node in fields.take("unordered").map(|node| fields::items(node, "unordered", findings)).unwrap_or_default() {
        rules.unordered.extend(fields::json_path(&node, "unordered", findings));
    }
    rules
}
