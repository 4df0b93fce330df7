//! Patterns that no number can match, and checks that can't fail: patterns without templates are tried with every
//! number that matters.

use serde_json::Value;

use crate::pattern::Pattern;
use crate::scenario::error::Findings;
use crate::scenario::node::Node;

/// `times`: some count must be right, and some count wrong.
pub(super) fn times(node: &Node, findings: &mut Findings) {
    let Some(pattern) = fixed(node) else { return };
    let mut counts: Vec<u64> = (0..=1000).chain([10_000, 1_000_000, 1_000_000_000]).collect();
    numbers(&node.to_value(), &mut counts);
    let right = counts.iter().filter(|count| pattern.matches(&Value::from(**count))).count();
    if right == 0 {
        let help = "a count is a whole number from 0: write for example `times: 1` or `times: { $gte: 1 }`";
        findings.error_help(node.at, "no count of frames can be this", help);
    } else if right == counts.len() {
        let help = "say how many there must be, or leave the step out";
        findings.warning(node.at, "every count of frames is right: this can't fail", help);
    }
}

/// `status`: some answer must have it.
pub(super) fn status(node: &Node, findings: &mut Findings) {
    let Some(pattern) = fixed(node) else { return };
    if !(100..=999).any(|status| pattern.matches(&Value::from(status))) {
        let help = "a status is a number from 100 to 999, or a pattern for one";
        findings.error_help(node.at, "no answer has this status", help);
    }
}

/// `closed`: the code must be one that a connection can end with.
pub(super) fn closed(node: &Node, findings: &mut Findings) {
    let Some(code) = node.get("code") else { return };
    let Some(pattern) = fixed(code) else { return };
    let possible = (1000..=4999).map(Value::from).chain([Value::Null]).any(|code| pattern.matches(&code));
    if !possible && !pattern.matches_absent() {
        findings.error_help(code.at, "no connection ends with this code", "a close code lies between 1000 and 4999");
    }
}

/// `expect`: some answer must be wrong. A pattern `{}` still refuses an empty body.
pub(super) fn expected_body(node: &Node, findings: &mut Findings) {
    if fixed(node).is_some_and(|pattern| !pattern.can_fail() && pattern.matches(&Value::Null)) {
        accepts_all("expect", node, findings);
    }
}

/// `expect_headers`: some answer must be wrong. Headers are always a map, so `{}` can't fail.
pub(super) fn headers(node: &Node, findings: &mut Findings) {
    if fixed(node).is_some_and(|pattern| !pattern.can_fail()) {
        accepts_all("expect_headers", node, findings);
    }
}

fn accepts_all(key: &str, node: &Node, findings: &mut Findings) {
    let help = "say what must be in it, or leave it out: the status is checked in any case";
    findings.warning(node.at, format!("`{key}` accepts every answer: this can't fail"), help);
}

/// The pattern, where nothing in it is known only in the run.
fn fixed(node: &Node) -> Option<Pattern> {
    let value = node.to_value();
    if value.to_string().contains("{{") {
        return None;
    }
    Pattern::compile(&value).ok()
}

/// The numbers that stand in a pattern, with their neighbours: where what it says may change.
fn numbers(value: &Value, found: &mut Vec<u64>) {
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default().clamp(0.0, 1e15);
            let whole = number as u64;
            found.extend([whole.saturating_sub(1), whole, whole.saturating_add(1)]);
        }
        Value::Array(items) => items.iter().for_each(|item| numbers(item, found)),
        Value::Object(map) => map.values().for_each(|value| numbers(value, found)),
        _ => {}
    }
}
