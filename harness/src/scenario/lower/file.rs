//! Scenario files.

use std::path::Path;
use std::sync::Arc;

use super::fields::{self, Fields};
use super::protocol::redactions;
use super::{Lower, Signature, World, names, stub, table};
use crate::scenario::error::Findings;
use crate::scenario::model::{
    Action, ParticipantSpec, Protocol, Quarantine, Row, Scenario, ServerWishes, Step, StepKind, Verb,
};
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::template::Template;
use crate::scenario::words::{self, Place};
use crate::text::nearest_word;
use indexmap::IndexMap;

/// A protocol that a scenario asked for.
pub(crate) enum Loaded {
    /// Here it is.
    Found(Arc<Protocol>),
    /// There is a file, and its errors are told for it.
    Broken,
    /// There is no such file; the places that were searched.
    Missing(Vec<String>),
    /// The file is being read already: the files that include each other.
    Cycle(Vec<String>),
}

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
    let stubs =
        fields.take("stubs").map(|node| stub::stubs(node, &participants, &groups, findings)).unwrap_or_default();
    let (rows, table) =
        fields.take("examples").map_or_else(|| (vec![Row::default()], None), |node| table::table(node, findings));
    let server = fields.take("server").map(|node| wishes(node, findings)).unwrap_or_default();
    let strict = fields.take("strict").and_then(|node| fields::boolean(node, "strict", findings)).unwrap_or(false);
    let ignore = fields.take("ignore").map(|node| fields::patterns(node, "ignore", findings)).unwrap_or_default();
    let expect_failure =
        fields.take("expect_failure").and_then(|node| fields::string(node, "expect_failure", findings));
    let owner = fields.take("owner").and_then(|node| fields::string(node, "owner", findings));
    let quarantine = fields.take("quarantine").and_then(|node| quarantine(node, findings));
    let timeout = fields.take("timeout").and_then(|node| timeout(node, findings));
    let redact = fields.take("redact").map(|node| redactions(node, findings)).unwrap_or_default();
    let step_node = need("steps", &mut fields, findings);
    let always_node = fields.take("always");

    fields.finish("key of a scenario file", &fields::names_of(Place::File), findings);
    if step_node.is_some_and(|node| node.as_list().is_some_and(<[Node]>::is_empty)) {
        findings.error(root.at, "the scenario has no steps");
    }
    // Nor without those who act in it.
    if unread || participants.is_empty() {
        return None;
    }
    let main = main?;
    let mut world = world(&participants, &groups);
    for name in stubs.keys() {
        world.actors.insert(name.clone(), String::new());
        world.stubs.insert(name.clone());
    }
    world.without_protocol = used.is_none() && participants.values().all(|spec| spec.protocol.name.is_empty());
    let mut lower = Lower { world, findings, in_verb: false, nested: 0, told_bare: false };
    let steps = step_node.map(|node| lower.steps(node, "steps")).unwrap_or_default();
    let always = always_node.map(|node| lower.steps(node, "always")).unwrap_or_default();
    if lower.told_bare {
        return None;
    }
    let findings = lower.findings;
    let verbs: Vec<&Arc<Verb>> =
        participants.values().flat_map(|spec: &ParticipantSpec| spec.protocol.verbs.values()).collect();
    // A stub's address is this scenario's alone, and so is a server that knows it.
    let knows_a_stub = stubs.keys().any(|name| server.templates().any(|template| template.mentions(name)));
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
        let unknown = fields.rest().iter().filter(|(key, _)| words::word_of(Place::File, &key.text).is_none());
        for (key, _) in unknown {
            if nearest_word(&key.text, fields::names_of(Place::File)) == Some(word) {
                findings.unknown(key.at, "key of a scenario file", &key.text, fields::names_of(Place::File));
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

/// One entry of `participants`: a participant, or a group of them.
fn participant(
    key: &Key,
    node: &Node,
    load: &mut dyn FnMut(&Node, &mut Findings) -> Option<Arc<Protocol>>,
    main: Option<&Arc<Protocol>>,
    participants: &mut IndexMap<String, ParticipantSpec>,
    groups: &mut IndexMap<String, Vec<String>>,
    findings: &mut Findings,
) {
    if !fields::name(&key.text, key.at, "a participant", findings) {
        return;
    }
    let empty = Node { at: node.at, kind: Kind::Map(Vec::new()) };
    let node = if node.kind == Kind::Null { &empty } else { node };
    let Some(mut inner) = Fields::of(node, "a participant", findings) else { return };
    let name = inner.take("name").and_then(|node| fields::string(node, "name", findings));
    let count =
        inner.take("count").and_then(|node| fields::count(node, "count", findings).map(|count| (count, node.at)));
    let own = match inner.take("use") {
        Some(node) => load(node, findings),
        None => main.cloned(),
    };
    let identity = inner.take("identity");
    for (key, _) in identity.and_then(Node::as_map).unwrap_or_default() {
        if matches!(key.text.as_str(), "key" | "run") {
            findings.error(key.at, format!("`{}` is given by the runner", key.text));
        }
    }
    let identity = identity.map(|node| fields::templates(node, "identity", findings)).unwrap_or_default();
    let headers = inner.take("headers").map(|node| fields::headers(node, findings)).unwrap_or_default();
    inner.finish("key of a participant", &fields::names_of(Place::Participant), findings);
    let Some(protocol) = own else { return };
    let keys: Vec<String> = match count {
        None => vec![key.text.clone()],
        Some((count, at)) if count == 0 || count > 1000 => {
            findings.error(at, "a group has 1 to 1000 members");
            return;
        }
        Some((count, _)) => (1..=count).map(|number| format!("{}_{number}", key.text)).collect(),
    };
    for (place, member) in keys.iter().enumerate() {
        if participants.contains_key(member) {
            findings.error(key.at, format!("the participant `{member}` is declared twice"));
        }
        let name =
            name.as_ref().map(|name| if count.is_some() { format!("{name} {}", place + 1) } else { name.clone() });
        let spec = ParticipantSpec {
            key: member.clone(),
            at: key.at,
            name,
            protocol: Arc::clone(&protocol),
            identity: identity.clone(),
            headers: headers.clone(),
        };
        participants.insert(member.clone(), spec);
    }
    if count.is_some() {
        groups.insert(key.text.clone(), keys);
    }
}

/// Which table of verbs a protocol has: its file's, since two files may have one name.
fn table(protocol: &Protocol) -> String {
    protocol.source.path.display().to_string()
}

fn world(participants: &IndexMap<String, ParticipantSpec>, groups: &IndexMap<String, Vec<String>>) -> World {
    let mut world = World::default();
    for spec in participants.values() {
        world.actors.insert(spec.key.clone(), table(&spec.protocol));
        world.verbs.entry(table(&spec.protocol)).or_insert_with(|| {
            spec.protocol.verbs.iter().map(|(name, verb)| (name.clone(), Signature::of(verb))).collect()
        });
    }
    for (group, members) in groups {
        if let Some(spec) = members.first().and_then(|member| participants.get(member)) {
            world.actors.insert(group.clone(), table(&spec.protocol));
        }
    }
    if let Some(spec) = participants.values().next() {
        world.actors.insert("all".to_owned(), table(&spec.protocol));
    }
    world
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

fn wishes(node: &Node, findings: &mut Findings) -> ServerWishes {
    let mut wishes = ServerWishes::default();
    let Some(mut fields) = Fields::of(node, "server", findings) else { return wishes };
    if let Some(node) = fields.take("config") {
        if node.as_map().is_some() {
            wishes.config = Some(Template::lower(node, findings));
        } else if !node.is_broken() {
            findings.error(node.at, "`config` must be a map of configuration keys");
        }
    }
    if let Some(inner) = fields.take("env").and_then(|node| Fields::of(node, "env", findings)) {
        for (key, value) in inner.rest() {
            wishes.env.extend(fields::text(value, "a variable", findings).map(|value| (key.text.clone(), value)));
        }
    }
    if let Some(node) = fields.take("args") {
        wishes.args = match &node.kind {
            Kind::List(items) => items.iter().filter_map(|item| fields::text(item, "args", findings)).collect(),
            Kind::String(_) => vec![Template::lower(node, findings)],
            // Told there.
            _ => fields::strings(node, "args", findings).into_iter().map(|_| Template::lower(node, findings)).collect(),
        };
    }
    if let Some(node) = fields.take("own") {
        wishes.own = fields::boolean(node, "own", findings).unwrap_or(false);
    }
    fields.finish("key of `server`", &["config", "env", "args", "own"], findings);
    wishes
}

/// Whether steps do something to the server, or listen to its log alone; verbs that are called count too.
fn acts_on_server(steps: &[Step], verbs: &[&Arc<Verb>]) -> bool {
    let called = |action: &Action| match action {
        Action::Call(call) => {
            verbs.iter().filter(|verb| verb.name == call.verb).any(|verb| acts_on_server(&verb.steps, verbs))
        }
        _ => false,
    };
    steps.iter().any(|step| match &step.kind {
        StepKind::Server(_) => true,
        StepKind::Act { action, .. } => called(action),
        StepKind::Race(race) => called(&race.action),
        StepKind::Parallel(branches) => branches.iter().any(|branch| acts_on_server(branch, verbs)),
        StepKind::Repeat { steps, .. } | StepKind::ForEach { steps, .. } => acts_on_server(steps, verbs),
        _ => false,
    })
}

/// The id of a scenario file: its path below the scenarios' root, without the ending.
pub(crate) fn id_of(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path).with_extension("");
    let parts: Vec<String> = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    parts.join("/")
}
