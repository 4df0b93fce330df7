//! A whole protocol file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use super::{include, names, rules, stream, verb};
use crate::scenario::error::Findings;
use crate::scenario::lower::context::{Lower, Signature, Vocabulary};
use crate::scenario::lower::fields::{self, Fields};
use crate::scenario::lower::loaded::Loaded;
use crate::scenario::lower::patterns;
use crate::scenario::model::Protocol;
use crate::scenario::node::Node;
use crate::scenario::words::{self, WordPlace};
use crate::source::{Position, Source};

/// Lowers a protocol file. `load` reads the files that it includes, by their paths as written.
pub(crate) fn protocol(root: &Node, findings: &mut Findings, load: &mut dyn FnMut(&str) -> Loaded) -> Option<Protocol> {
    let mut fields = Fields::of(root, "a protocol file", findings)?;
    let source = Arc::clone(findings.source());
    if let (None, Some(title)) = (fields.get("protocol"), fields.get("scenario")) {
        let help = "a protocol file begins with `protocol: NAME`; scenarios lie outside the folders named `protocols`";
        findings.error_help(title, "this is a scenario file, not a protocol file", help);
        return None;
    }
    let mut places: BTreeMap<String, (Arc<Source>, Position)> = BTreeMap::new();
    for (key, _) in fields.rest() {
        places.insert(key.text.clone(), (Arc::clone(&source), key.at));
    }
    for (group, kind) in [("verbs", "verb"), ("streams", "stream"), ("state", "state"), ("ids", "id")] {
        for (key, _) in root.get(group).and_then(Node::as_map).unwrap_or_default() {
            places.insert(format!("{kind} {}", key.text), (Arc::clone(&source), key.at));
        }
    }
    let name = fields
        .need("protocol", "a protocol file", findings)
        .and_then(|node| fields::string(node, "protocol", findings));
    let server = fields.take("server").and_then(|node| fields::string(node, "server", findings));
    // Without what it includes nothing else can be judged: every verb of those files would be told as unknown.
    let included = match fields.take("include") {
        Some(node) => include::read(node, findings, load)?,
        None => Vec::new(),
    };

    let verb_nodes = fields.take("verbs").and_then(|node| Fields::of(node, "verbs", findings));
    let mut verb_fields = Vec::new();
    let mut signatures = IndexMap::new();
    for (_, other) in &included {
        signatures.extend(other.verbs.iter().map(|(name, verb)| (name.clone(), Signature::of(verb))));
    }
    for (key, node) in verb_nodes.iter().flat_map(Fields::rest) {
        if words::word_of(WordPlace::Action, &key.text).is_some() {
            findings.error(key.at, format!("`{}` can't name a verb: it is a built-in action", key.text));
        } else if fields::name(&key.text, key.at, "a verb", findings) {
            signatures.insert(key.text.clone(), verb::signature(node, findings));
            verb_fields.push((*key, *node));
        }
    }
    let protocol_name = name.clone().unwrap_or_default();
    let vocabulary = Vocabulary {
        stubs: IndexSet::new(),
        actors: IndexMap::from([("me".to_owned(), protocol_name.clone())]),
        verbs: IndexMap::from([(protocol_name, signatures.clone())]),
        without_protocol: false,
    };
    let mut lower = Lower::new(findings, vocabulary, true);

    let mut verbs = IndexMap::new();
    for (key, node) in verb_fields {
        if let Some(verb) = lower.verb(key, node, &signatures[&key.text]) {
            verbs.insert(key.text.clone(), Arc::new(verb));
        }
    }
    lower.refuse_cycles(&verbs);
    lower.in_verb = false;

    let (identity, login) = fields.take("identity").map(|node| lower.identity(node)).unwrap_or_default();
    let barrier = fields.take("barrier").and_then(|node| lower.barrier(node));
    let state = fields.take("state").map(|node| lower.state(node)).unwrap_or_default();
    let findings = lower.findings;
    let headers = fields.take("headers").map(|node| fields::headers(node, findings)).unwrap_or_default();
    let fails = fields.take("fails").map(|node| patterns::pattern(node, findings));
    let closes = fields.take("closes").map(|node| patterns::patterns(node, "closes", findings)).unwrap_or_default();
    let stream_nodes = fields.take("streams").and_then(|node| Fields::of(node, "streams", findings));
    let invariants_node = fields.take("invariants");
    let invariants = invariants_node.map(|node| stream::invariants(node, findings)).unwrap_or_default();
    let snapshot = rules::snapshot_rules(&mut fields, findings);
    fields.finish("key of a protocol file", &fields::names_of(WordPlace::Protocol), findings);
    let mut protocol = Protocol {
        source,
        name: name?,
        server,
        identity,
        login,
        headers,
        barrier,
        fails,
        closes,
        verbs,
        streams: Vec::new(),
        invariants,
        state,
        snapshot,
        places,
        includes: Vec::new(),
    };
    let settable: BTreeSet<String> = names::settable(&protocol, &included);
    for (key, node) in stream_nodes.iter().flat_map(Fields::rest) {
        if matches!(key.text.as_str(), "state" | "frames") {
            let help = "snapshots have a heading of that name: choose another";
            findings.error_help(key.at, format!("a stream can't be named `{}`", key.text), help);
        }
        protocol.streams.extend(stream::stream(&key.text, node, &settable, findings));
    }
    include::merge(&mut protocol, &included, findings);
    if let Some(node) = invariants_node {
        stream::judgeable(&protocol, node, findings);
    }
    names::check(&protocol, findings);
    Some(protocol)
}
