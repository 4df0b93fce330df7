//! What may stay unknown or unproven in a scenario.

use super::fields::{self, Fields};
use crate::scenario::error::Findings;
use crate::scenario::model::{Exception, Exceptions, Protocol};
use crate::scenario::node::Node;
use crate::scenario::stream::Invariant;

/// `unknown` and `unproven`: what may stay so, each with its reason.
pub(super) fn exceptions(fields: &mut Fields<'_>, protocol: Option<&Protocol>, findings: &mut Findings) -> Exceptions {
    let mut exceptions = Exceptions::default();
    let unproven = fields.take("unproven").and_then(|node| exception(node, "unproven", findings));
    exceptions.unproven = unproven;
    let Some(inner) = fields.take("unknown").and_then(|node| Fields::of(node, "unknown", findings)) else {
        return exceptions;
    };
    for (key, node) in inner.rest() {
        let Some((invariant, ..)) = Invariant::ALL.iter().find(|(_, name, _)| *name == key.text) else {
            findings.unknown(key.at, "invariant", &key.text, Invariant::ALL.iter().map(|(_, name, _)| *name));
            continue;
        };
        if protocol.is_some_and(|protocol| !protocol.invariants.contains(invariant)) {
            let help = "take the exception away, or ask for it in `invariants` of the protocol file";
            let message = format!("the protocol of the scenario doesn't ask for `{}`", key.text);
            findings.error_help(key.at, message, help);
            continue;
        }
        if let Some(one) = exception(node, &key.text, findings) {
            exceptions.unknown.insert(*invariant, one);
        }
    }
    exceptions
}

fn exception(node: &Node, what: &str, findings: &mut Findings) -> Option<Exception> {
    let reason = fields::string(node, what, findings)?;
    if reason.trim().is_empty() {
        findings.error(node.at, format!("the exception `{what}` needs its reason"));
        return None;
    }
    Some(Exception { reason, at: node.at })
}
