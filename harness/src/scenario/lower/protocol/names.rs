//! Names in a protocol file. What its verbs capture is known; a scenario may set more, so that only a name that looks
//! like a known one is told here, and the rest where a scenario calls the verb.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::scenario::error::Findings;
use crate::scenario::lower::names::captured_in;
use crate::scenario::model::{Barrier, Protocol, Step, StepKind};
use crate::scenario::template::{BUILT_IN, Expr, Template};
use crate::scenario::visit::{self, StepPart};
use crate::source::{Position, Source};
use crate::text::nearest::nearest_within;

/// Names that have a meaning of their own in a protocol file.
const MEANT: [&str; 7] = ["me", "participants", "run", "marker", "watcher", "all", "index"];

/// The names that a protocol and what it includes can set.
pub(super) fn settable(protocol: &Protocol, included: &[(Position, Arc<Protocol>)]) -> BTreeSet<String> {
    let mut names = captured_in(&protocol.login);
    names.extend(protocol.verbs.values().flat_map(|verb| captured_in(&verb.steps)));
    for (_, other) in included {
        names.extend(settable(other, &[]));
    }
    names
}

/// Reports names that look like a known name and aren't one.
pub(super) fn check(protocol: &Protocol, findings: &mut Findings) {
    let settable = settable(protocol, &[]);
    let mut attributes: BTreeSet<String> = ["id", "key", "name", "token"].map(str::to_owned).into();
    attributes.extend(protocol.identity.keys().cloned());
    attributes.extend(settable.iter().cloned());
    visit_own(protocol, &mut |expr, locals| {
        for name in &expr.names {
            let mut parts = name.split('.');
            let (first, second) = (parts.next().unwrap_or_default(), parts.next());
            if let ("me", Some(attribute)) = (first, second)
                && !attributes.contains(attribute)
                && let Some(near) = close(attribute, attributes.iter().map(String::as_str))
            {
                let message = format!("nothing here sets `{name}`");
                findings.warning(expr.at, message, format!("did you mean `me.{near}`?"));
            }
            if is_known(first, locals, &settable) {
                continue;
            }
            let known = locals.iter().chain(&settable).map(String::as_str).chain(MEANT).chain(BUILT_IN.iter().copied());
            if let Some(near) = close(first, known) {
                findings.warning(expr.at, format!("nothing here sets `{first}`"), format!("did you mean `{near}`?"));
            }
        }
    });
}

/// The names that verbs use and that neither they nor the protocol set: scenarios must.
pub(crate) fn unset(protocol: &Protocol) -> Vec<(Arc<Source>, Position, String)> {
    let settable = settable(protocol, &[]);
    let mut list = Vec::new();
    visit_own(protocol, &mut |expr, locals| {
        for first in expr.names.iter().filter_map(|name| name.split('.').next()) {
            if !is_known(first, locals, &settable) {
                list.push((Arc::clone(&protocol.source), expr.at, first.to_owned()));
            }
        }
    });
    list
}

fn is_known(name: &str, locals: &BTreeSet<String>, settable: &BTreeSet<String>) -> bool {
    MEANT.contains(&name) || BUILT_IN.contains(&name) || locals.contains(name) || settable.contains(name)
}

/// A known name that differs from `word` by a slip alone. Anything further off may be a name that scenarios set.
fn close<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most_edits = match word.chars().count() {
        0..3 => return None,
        3..6 => 1,
        _ => 2,
    };
    nearest_within(word, known, most_edits)
}

/// Every expression of the file itself, with the names that are known at its place alone.
fn visit_own(protocol: &Protocol, visit: &mut dyn FnMut(&Expr, &BTreeSet<String>)) {
    let nothing = BTreeSet::new();
    for verb in protocol.verbs.values().filter(|verb| verb.source.path == protocol.source.path) {
        let mut locals: BTreeSet<String> = verb.params.keys().cloned().collect();
        locals.extend(loop_names(&verb.steps));
        for default in verb.params.values().flatten() {
            default.visit(&mut |expr| visit(expr, &locals));
        }
        visit::expressions(&verb.steps, &mut |expr| visit(expr, &locals));
    }
    let own = |key: &str| protocol.places.get(key).is_some_and(|(source, _)| source.path == protocol.source.path);
    if own("identity") {
        visit::expressions(&protocol.login, &mut |expr| visit(expr, &nothing));
    }
    let mut all = |template: &Template| template.visit(&mut |expr| visit(expr, &nothing));
    if own("headers") {
        protocol.headers.iter().for_each(|(_, value)| all(value));
    }
    if own("fails") {
        protocol.fails.iter().for_each(&mut all);
    }
    if own("closes") {
        protocol.closes.iter().for_each(&mut all);
    }
    for (_, http) in protocol.state.iter().filter(|(name, _)| own(&format!("state {name}"))) {
        visit::http(http, &mut |part| {
            if let StepPart::Template(template) = part {
                all(template);
            }
        });
    }
    match &protocol.barrier {
        Some(Barrier::Echo { send, receive }) if own("barrier") => {
            [send.template(), receive].into_iter().for_each(&mut all);
        }
        Some(Barrier::Get { get, .. }) if own("barrier") => all(get),
        Some(Barrier::Marker { action, receive, .. }) if own("barrier") => {
            all(receive);
            visit::expressions(std::slice::from_ref(action), &mut |expr| visit(expr, &nothing));
        }
        _ => {}
    }
}

fn loop_names(steps: &[Step]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    visit::steps(steps, &mut |part| {
        if let StepPart::Step(Step { kind: StepKind::ForEach { name, .. }, .. }) = part {
            names.insert(name.clone());
        }
    });
    names
}
