//! The check of one scenario.

use std::collections::BTreeSet;

use super::state::{KnownNames, NameContext, Seen, Walk};
use crate::scenario::error::{Findings, Severity};
use crate::scenario::model::Scenario;

/// Checks one scenario.
pub(in crate::scenario::lower) fn check(scenario: &Scenario, findings: &mut Findings) {
    let mut state = KnownNames::default();
    for (key, spec) in &scenario.participants {
        let attrs = state.attrs.entry(key.clone()).or_default();
        attrs.extend(["id", "key", "name", "token"].map(str::to_owned));
        attrs.extend(spec.protocol.identity.keys().cloned());
        attrs.extend(spec.identity.keys().cloned());
    }
    for key in scenario.participants.keys() {
        state.actors.insert(key.clone(), vec![key.clone()]);
    }
    for (group, members) in &scenario.groups {
        state.actors.insert(group.clone(), members.clone());
    }
    state.actors.insert("all".to_owned(), scenario.participants.keys().cloned().collect());
    for stub in scenario.stubs.keys() {
        state.attrs.entry(stub.clone()).or_default().extend(["key", "url", "port"].map(str::to_owned));
        state.actors.insert(stub.clone(), vec![stub.clone()]);
    }
    let columns: BTreeSet<String> =
        scenario.rows.first().map(|row| row.columns.keys().cloned().collect()).unwrap_or_default();
    let texts = scenario.rows.first().into_iter().flat_map(|row| &row.columns);
    let texts = texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    let mut walk = Walk { scenario, findings, seen: Seen::default(), told: BTreeSet::new() };
    let top = NameContext { locals: columns, texts, ..NameContext::default() };
    walk.before_the_start(&top);
    for (key, spec) in &scenario.participants {
        walk.identity(spec, &top);
        let site = Some((spec.at, "identity".to_owned()));
        let mut context = NameContext { me: vec![key.clone()], site, ..top.clone() };
        walk.steps(&spec.protocol.login, &mut context, &mut state);
    }
    // Who only logged in has not acted.
    walk.seen = Seen::default();
    for template in scenario.server.templates() {
        template.visit(&mut |expr| walk.seen.mention(&expr.source));
    }
    let mut context = top;
    walk.steps(&scenario.steps, &mut context, &mut state);
    walk.steps(&scenario.always, &mut context, &mut state);
    for pattern in &scenario.ignore {
        walk.template(pattern, &context, &state);
    }
    // A step that couldn't be read may be the one that uses what nothing else does.
    if walk.findings.list.iter().all(|finding| finding.severity != Severity::Error) {
        walk.unused();
    }
}
