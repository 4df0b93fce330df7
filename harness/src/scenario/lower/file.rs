//! Scenario files.

use std::path::Path;
use std::sync::Arc;

use super::context::Lower;
use super::exceptions::exceptions;
use super::expected_failure::expected_failure;
use super::fields::{self, Fields};
use super::loaded::Loaded;
use super::one_server::one_server;
use super::participants::{participant, vocabulary};
use super::redact::redactions;
use super::server::{SEVERAL, acts_on_server, needs, races};
use super::{names, patterns, stub, table};
use crate::scenario::error::Findings;
use crate::scenario::model::{ParticipantSpec, Protocol, Quarantine, Row, Scenario, Verb};
use crate::scenario::node::Node;
use crate::scenario::words::{self, WordPlace};
use crate::text::nearest_word;
use indexmap::IndexMap;

/// Lowers a scenario file. `protocol` finds protocol files by their names.
pub(crate) fn scenario<'n>(
    root: &'n Node,
    findings: &mut Findings,
    id: &str,
    protocol: &mut dyn FnMut(&str) -> Loaded,
) -> Option<Scenario> {
    let source = Arc::clone(findings.source());
    let mut fields = Fields::of(root, "a scenario file", findings)?;
    if let (None, Some(at)) = (fields.get("scenario"), fields.get("protocol")) {
        let help = "scenarios name it by `use`; protocol files lie in a folder named `protocols`";
        findings.error_help(at, "this is a protocol file, not a scenario file", help);
        return None;
    }
    let misspelt = misspelt(&fields, findings);
    let need = |key: &str, fields: &mut Fields<'n>, findings: &mut Findings| {
        if misspelt.contains(&key) { None } else { fields.need(key, "a scenario file", findings) }
    };
    let title = need("scenario", &mut fields, findings).and_then(|node| fields::string(node, "scenario", findings));
    let tags = fields.take("tags").map(|node| fields::strings(node, "tags", findings)).unwrap_or_default();
    // Without its protocols no step can be read: every verb would be told as unknown.
    let mut unread = misspelt.contains(&"use");
    let mut load = |node: &Node, findings: &mut Findings| -> Option<Arc<Protocol>> {
        let loaded = fields::string(node, "use", findings).and_then(|name| used(&name, node, protocol, findings));
        unread |= loaded.is_none();
        loaded
    };
    let used = fields.take("use");
    let main = match used {
        Some(node) => load(node, findings),
        None => Some(Arc::new(Protocol::bare(&source))),
    };
    let mut participants = IndexMap::new();
    let mut groups: IndexMap<String, Vec<String>> = IndexMap::new();
    let declared = need("participants", &mut fields, findings);
    if let Some(list) = declared.and_then(|node| Fields::of(node, "participants", findings)) {
        for (key, node) in list.rest() {
            participant(key, node, &mut load, main.as_ref(), &mut participants, &mut groups, findings);
        }
        if participants.is_empty() && list.rest().is_empty() {
            findings.error(list.at, "a scenario needs at least one participant");
        }
    }
    if let Some(main) = &main {
        one_server(main, &participants, findings);
    }
    let stubs =
        fields.take("stubs").map(|node| stub::stubs(node, &participants, &groups, findings)).unwrap_or_default();
    let (rows, table) =
        fields.take("examples").map_or_else(|| (vec![Row::default()], None), |node| table::table(node, findings));
    let mut server = fields.take("server").map(|node| needs(node, findings)).unwrap_or_default();
    let strict = fields.take("strict").and_then(|node| fields::boolean(node, "strict", findings)).unwrap_or(false);
    let ignore = fields.take("ignore").map(|node| patterns::patterns(node, "ignore", findings)).unwrap_or_default();
    let expect_failure = fields.take("expect_failure").and_then(|node| expected_failure(node, findings));
    let exceptions = exceptions(&mut fields, main.as_deref(), findings);
    let owner = fields.take("owner").and_then(|node| fields::string(node, "owner", findings));
    let quarantine = fields.take("quarantine").and_then(|node| quarantine(node, findings));
    let timeout = fields.take("timeout").and_then(|node| timeout(node, findings));
    let redact = fields.take("redact").map(|node| redactions(node, findings)).unwrap_or_default();
    let step_node = need("steps", &mut fields, findings);
    let always_node = fields.take("always");

    fields.finish("key of a scenario file", &fields::names_of(WordPlace::File), findings);
    if step_node.is_some_and(|node| node.as_list().is_some_and(<[Node]>::is_empty)) {
        findings.error(root.at, "the scenario has no steps");
    }
    // Nor without those who act in it.
    if unread || participants.is_empty() {
        return None;
    }
    let main = main?;
    let mut vocabulary = vocabulary(&participants, &groups);
    for name in stubs.keys() {
        vocabulary.actors.insert(name.clone(), String::new());
        vocabulary.stubs.insert(name.clone());
    }
    vocabulary.without_protocol = used.is_none() && participants.values().all(|spec| spec.protocol.name.is_empty());
    let mut lower = Lower::new(findings, vocabulary, false);
    let steps = step_node.map(|node| lower.steps(node, "steps")).unwrap_or_default();
    let always = always_node.map(|node| lower.steps(node, "always")).unwrap_or_default();
    if lower.told_no_protocol {
        return None;
    }
    let findings = lower.findings;
    let verbs: Vec<&Arc<Verb>> =
        participants.values().flat_map(|spec: &ParticipantSpec| spec.protocol.verbs.values()).collect();
    // A stub's address is this scenario's alone, and so is a server that knows it.
    let knows_a_stub = stubs.keys().any(|name| server.templates().any(|template| template.mentions(name)));
    if server.threads.is_none() && (races(&steps, &verbs) || races(&always, &verbs)) {
        server.threads = Some(SEVERAL);
    }
    let acts_on_server =
        server.own || knows_a_stub || acts_on_server(&steps, &verbs) || acts_on_server(&always, &verbs);
    let suite = id.rsplit_once('/').map_or("", |(suite, _)| suite).to_owned();
    let mut snapshot = main.snapshot.clone();
    snapshot.redact.extend(redact);
    let scenario = Scenario {
        source,
        id: id.to_owned(),
        suite,
        title: title?,
        tags,
        protocol: main,
        participants,
        groups,
        stubs,
        rows,
        server,
        strict,
        ignore,
        steps,
        always,
        expect_failure,
        exceptions,
        owner,
        quarantine,
        timeout,
        snapshot,
        table,
        acts_on_server,
    };
    names::check(&scenario, findings);
    Some(scenario)
}

/// The words without which a file can't be read at all, and that are misspelt in it: told once, here, and nothing that
/// follows from it.
fn misspelt(fields: &Fields<'_>, findings: &mut Findings) -> Vec<&'static str> {
    let mut found = Vec::new();
    for word in ["scenario", "participants", "steps", "use"] {
        if fields.get(word).is_some() {
            continue;
        }
        let unknown = fields.rest().iter().filter(|(key, _)| words::word_of(WordPlace::File, &key.text).is_none());
        for (key, _) in unknown {
            if nearest_word(&key.text, fields::names_of(WordPlace::File)) == Some(word) {
                findings.unknown(key.at, "key of a scenario file", &key.text, fields::names_of(WordPlace::File));
                found.push(word);
            }
        }
    }
    found
}

/// The protocol that a `use` names.
fn used(
    name: &str,
    node: &Node,
    protocol: &mut dyn FnMut(&str) -> Loaded,
    findings: &mut Findings,
) -> Option<Arc<Protocol>> {
    match protocol(name) {
        Loaded::Found(protocol) => return Some(protocol),
        // What is wrong in it is told at its own place, once for all who use it.
        Loaded::Broken | Loaded::Cycle(_) => {}
        Loaded::Missing(searched) => {
            let help = format!("searched {}", searched.join(", "));
            findings.error_help(node.at, format!("there is no protocol `{name}`"), help);
        }
    }
    None
}

fn quarantine(node: &Node, findings: &mut Findings) -> Option<Quarantine> {
    let mut inner = Fields::of(node, "quarantine", findings)?;
    let issue = inner.need("issue", "a quarantine", findings).and_then(|node| fields::string(node, "issue", findings));
    let until = inner.need("until", "a quarantine", findings).and_then(|node| {
        let written = fields::string(node, "until", findings)?;
        let date = jiff::civil::Date::strptime("%Y-%m-%d", &written).ok().filter(|_| written.len() == 10);
        if date.is_none() {
            let help = "write year, month and day, for example 2026-05-31";
            findings.error_help(node.at, format!("`{written}` is no day"), help);
        }
        Some((date?, node.at))
    });
    inner.finish("key of `quarantine`", &["issue", "until"], findings);
    let (issue, (until, until_at)) = (issue?, until?);
    let quarantine = Quarantine { issue, until, at: node.at };
    if quarantine.is_over(jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()) {
        let help = "take the quarantine away, or give it a new last day";
        findings.warning(until_at, format!("the quarantine ended on {until}: failures count again"), help);
    }
    Some(quarantine)
}

fn timeout(node: &Node, findings: &mut Findings) -> Option<std::time::Duration> {
    let timeout = fields::duration(node, "timeout", findings)?;
    if timeout.is_zero() {
        findings.error_help(node.at, "a scenario can't end in no time", "write for example `timeout: 30s`");
        return None;
    }
    Some(timeout)
}

/// The id of a scenario file: its path below the scenarios' root, without the ending.
pub(crate) fn id_of(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path).with_extension("");
    let parts: Vec<String> = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    parts.join("/")
}
