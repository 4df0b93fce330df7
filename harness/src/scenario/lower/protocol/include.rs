//! What a protocol file takes from others.
//!
//! Verbs, streams, states and kinds of ids are joined, and a name that stands twice is an error: which one would be
//! meant. What a protocol has once (identity, headers, barrier …) is taken where the file itself says nothing. Lists
//! that only add up (invariants, ephemeral, coalesce, redact, unordered) are joined.

use std::sync::Arc;

use crate::scenario::error::Findings;
use crate::scenario::lower::fields;
use crate::scenario::lower::loaded::Loaded;
use crate::scenario::model::Protocol;
use crate::scenario::node::{Kind, Node};
use crate::source::{Position, Source};

/// The files of `include`, each with the place that names it; none where one of them can't be read. What is wrong in
/// such a file is told at its own place.
pub(super) fn read(
    node: &Node,
    findings: &mut Findings,
    load: &mut dyn FnMut(&str) -> Loaded,
) -> Option<Vec<(Position, Arc<Protocol>)>> {
    let mut whole = true;
    let items: Vec<&Node> = match &node.kind {
        Kind::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let mut included: Vec<(Position, Arc<Protocol>)> = Vec::new();
    for item in items {
        let Some(path) = fields::string(item, "include", findings) else { continue };
        match load(&path) {
            Loaded::Found(protocol) => {
                if included.iter().any(|(_, known)| known.source.path == protocol.source.path) {
                    findings.warning(item.at, format!("`{path}` is included twice"), "leave one of them out");
                    continue;
                }
                included.push((item.at, protocol));
                continue;
            }
            Loaded::Broken => {}
            Loaded::Missing(searched) => {
                let help = format!("a path is relative to this file; there is no {}", searched.join(", "));
                findings.error_help(item.at, format!("there is no protocol file `{path}`"), help);
            }
            Loaded::Cycle(chain) => {
                let help = "move what both need to a file of its own, and include that in both";
                findings.error_help(item.at, format!("`{path}` includes itself: {}", chain.join(" includes ")), help);
            }
        }
        whole = false;
    }
    whole.then_some(included)
}

/// Joins what the included files declare with what the file declares itself.
pub(super) fn merge(own: &mut Protocol, included: &[(Position, Arc<Protocol>)], findings: &mut Findings) {
    for (at, other) in included {
        for (name, verb) in &other.verbs {
            if free(own, other, &format!("verb {name}"), *at, findings) {
                own.verbs.insert(name.clone(), Arc::clone(verb));
            }
        }
        for stream in &other.streams {
            if free(own, other, &format!("stream {}", stream.name), *at, findings) {
                own.streams.push(stream.clone());
            }
        }
        for (name, http) in &other.state {
            if free(own, other, &format!("state {name}"), *at, findings) {
                own.state.push((name.clone(), http.clone()));
            }
        }
        for kind in &other.snapshot.ids {
            if free(own, other, &format!("id {}", kind.name), *at, findings) {
                own.snapshot.ids.push(kind.clone());
            }
        }
        if once(own, other, "server", *at, findings) {
            own.server.clone_from(&other.server);
        }
        if once(own, other, "identity", *at, findings) {
            own.identity.clone_from(&other.identity);
            own.login.clone_from(&other.login);
        }
        if once(own, other, "headers", *at, findings) {
            own.headers.clone_from(&other.headers);
        }
        if once(own, other, "barrier", *at, findings) {
            own.barrier.clone_from(&other.barrier);
        }
        if once(own, other, "fails", *at, findings) {
            own.fails.clone_from(&other.fails);
        }
        own.closes.extend(other.closes.iter().cloned());
        if once(own, other, "kind", *at, findings) {
            own.snapshot.kind.clone_from(&other.snapshot.kind);
        }
        for invariant in &other.invariants {
            if !own.invariants.contains(invariant) {
                own.invariants.push(*invariant);
            }
        }
        own.snapshot.ephemeral.extend(other.snapshot.ephemeral.iter().cloned());
        own.snapshot.coalesce.extend(other.snapshot.coalesce.iter().cloned());
        own.snapshot.redact.extend(other.snapshot.redact.iter().cloned());
        own.snapshot.unordered.extend(other.snapshot.unordered.iter().cloned());
        for source in std::iter::once(&other.source).chain(&other.includes) {
            if !own.includes.iter().any(|known| known.path == source.path) {
                own.includes.push(Arc::clone(source));
            }
        }
    }
}

fn place_text((source, at): &(Arc<Source>, Position)) -> String {
    format!("{}:{}:{}", source.path.display(), at.line, at.column)
}

/// Whether a name is still free here. One that came from the same place by another way is there already; one that
/// is declared elsewhere is told with both places.
fn free(own: &mut Protocol, other: &Protocol, key: &str, include: Position, findings: &mut Findings) -> bool {
    let Some(place) = other.places.get(key) else { return false };
    let Some(known) = own.places.get(key) else {
        own.places.insert(key.to_owned(), place.clone());
        return true;
    };
    if known.0.path != place.0.path || known.1 != place.1 {
        let at = if known.0.path == own.source.path { known.1 } else { include };
        let message =
            format!("the {} stands in {} and in {}", declaration_text(key), place_text(known), place_text(place));
        findings.error_help(at, message, "rename one of them: what is included stands beside what the file declares");
    }
    false
}

/// Whether something that a protocol has once is to be taken from an included file: the file's own wins.
fn once(own: &mut Protocol, other: &Protocol, key: &str, include: Position, findings: &mut Findings) -> bool {
    let Some(place) = other.places.get(key) else { return false };
    let Some(known) = own.places.get(key) else {
        own.places.insert(key.to_owned(), place.clone());
        return true;
    };
    if known.0.path != own.source.path && known.0.path != place.0.path {
        let message = format!("`{key}` stands in {} and in {}", place_text(known), place_text(place));
        findings.error_help(include, message, format!("say which one holds: declare `{key}` in this file"));
    }
    false
}

/// `verb say` as `` verb `say` ``.
fn declaration_text(key: &str) -> String {
    key.split_once(' ').map_or_else(|| key.to_owned(), |(kind, name)| format!("{kind} `{name}`"))
}
