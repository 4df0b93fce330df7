//! `redact`, of a protocol file or a scenario file.

use std::sync::Arc;

use super::fields::{self, Fields};
use crate::scenario::error::Findings;
use crate::scenario::node::Node;
use crate::scenario::snapshot_rules::Redaction;

/// The rules of `redact`.
pub(super) fn redactions(node: &Node, findings: &mut Findings) -> Vec<Redaction> {
    let file = Arc::clone(findings.source());
    let mut redactions = Vec::new();
    for node in fields::items(node, "redact", findings) {
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
