//! Patterns, with the places of their errors.

use crate::pattern::{Pattern, PatternError, Segment};
use crate::scenario::error::Findings;
use crate::scenario::node::{Kind, Node};
use crate::scenario::template::Template;
use crate::source::Position;

/// A pattern in which templates may stand. What can be seen of its matchers before the run is checked.
pub(super) fn pattern(node: &Node, findings: &mut Findings) -> Template {
    let before = findings.list.len();
    let template = Template::lower(node, findings);
    if findings.list.len() == before && !node.is_broken() {
        check_pattern(node, findings);
    }
    template
}

fn check_pattern(node: &Node, findings: &mut Findings) {
    for error in Pattern::check(&node.to_value(), &|text: &str| text.contains("{{")) {
        let at = at_segments(node, &error);
        findings.error_help(at, error.what, error.hint);
    }
}

/// The place of what an error speaks of: the key where the key itself is wrong, else its value.
fn at_segments(node: &Node, error: &PatternError) -> Position {
    let mut node = node;
    let mut at = node.at;
    for (depth, segment) in error.segments.iter().enumerate() {
        let last = depth + 1 == error.segments.len();
        let next = match (segment, &node.kind) {
            (Segment::Key(name), Kind::Map(entries)) => entries
                .iter()
                .find(|(key, _)| key.text == *name)
                .map(|(key, value)| (if last && error.at_key { key.at } else { value.at }, value)),
            (Segment::Index(index), Kind::List(items)) => items.get(*index).map(|item| (item.at, item)),
            _ => None,
        };
        let Some((place, inner)) = next else { break };
        at = place;
        node = inner;
    }
    at
}

/// A pattern without templates.
pub(super) fn fixed_pattern(node: &Node, findings: &mut Findings) -> Option<Pattern> {
    let before = findings.list.len();
    check_pattern(node, findings);
    if findings.list.len() > before {
        return None;
    }
    match Pattern::compile(&node.to_value()) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            findings.error_help(node.at, error.what, error.hint);
            None
        }
    }
}

/// Patterns in a list; one alone counts as a list of one.
pub(super) fn patterns(node: &Node, what: &str, findings: &mut Findings) -> Vec<Template> {
    match &node.kind {
        Kind::List(items) if items.is_empty() => {
            findings.error(node.at, format!("{what} needs at least one pattern"));
            Vec::new()
        }
        Kind::List(items) => items.iter().map(|item| pattern(item, findings)).collect(),
        Kind::Broken => Vec::new(),
        _ => {
            findings.error(node.at, format!("{what} must be a list of patterns, not {}", node.describe()));
            Vec::new()
        }
    }
}
