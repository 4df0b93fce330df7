//! Scenario files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::fields::{self, Fields};
use super::{Lower, Signature, World, names};
use crate::scenario::error::Findings;
use crate::scenario::model::{
    Action, ParticipantSpec, Protocol, Quarantine, Row, Scenario, ServerWishes, Step, StepKind, Verb,
};
use crate::scenario::node::{Kind, Node};
use crate::scenario::template::Template;
use crate::scenario::words::Place;

/// A protocol that a scenario asked for.
pub(crate) enum Loaded {
    /// Here it is.
    Found(Arc<Protocol>),
    /// There is a file, and its errors are told for it.
    Broken,
    /// There is no such file; the folders that were searched.
    Missing(Vec<String>),
}

/// Lowers a scenario file. `protocol` finds protocol files by their names.
pub(crate) fn scenario(
    root: &Node,
    findings: &mut Findings,
    id: &str,
    protocol: &mut dyn FnMut(&str) -> Loaded,
) -> Option<Scenario> {
    let source = Arc::clone(findings.source());
    let mut fields = Fields::of(root, "a scenario file", findings)?;
    let title = fields
        .need("scenario", "a scenario file", findings)
        .and_then(|node| fields::string(node, "scenario", findings));
    let tags = fields.take("tags").map(|node| fields::strings(node, "tags", findings)).unwrap_or_default();
    let mut load = |node: &Node, findings: &mut Findings| -> Option<Arc<Protocol>> {
        let name = fields::string(node, "use", findings)?;
        match protocol(&name) {
            Loaded::Found(protocol) => Some(protocol),
            Loaded::Broken => {
                findings.error(node.at, format!("the protocol `{name}` has errors"));
                None
            }
            Loaded::Missing(searched) => {
                findings.error_help(
                    node.at,
                    format!("there is no protocol `{name}`"),
                    format!("searched {}", searched.join(", ")),
                );
                None
            }
        }
    };
    let main = match fields.take("use") {
        Some(node) => load(node, findings),
        None => Some(Arc::new(bare_protocol(&source))),
    };
    let mut participants = IndexMap::new();
    let mut groups: IndexMap<String, Vec<String>> = IndexMap::new();
    let declared = fields.need("participants", "a scenario file", findings);
    if let Some(list) = declared.and_then(|node| Fields::of(node, "participants", findings)) {
        for (key, node) in list.rest() {
            if !fields::name(&key.text, key.at, "a participant", findings) {
                continue;
            }
            let empty = Node { at: node.at, kind: Kind::Map(Vec::new()) };
            let node = if node.kind == Kind::Null { &empty } else { *node };
            let Some(mut inner) = Fields::of(node, "a participant", findings) else { continue };
            let name = inner.take("name").and_then(|node| fields::string(node, "name", findings));
            let count = inner
                .take("count")
                .and_then(|node| fields::count(node, "count", findings).map(|count| (count, node.at)));
            let own = match inner.take("use") {
                Some(node) => load(node, findings),
                None => main.clone(),
            };
            let identity =
                inner.take("identity").map(|node| fields::templates(node, "identity", findings)).unwrap_or_default();
            let headers = inner.take("headers").map(|node| fields::headers(node, findings)).unwrap_or_default();
            inner.finish("key of a participant", &fields::names_of(Place::Participant), findings);
            let Some(protocol) = own else { continue };
            let spec = |key: String, name: Option<String>| ParticipantSpec {
                key,
                name,
                protocol: Arc::clone(&protocol),
                identity: identity.clone(),
                headers: headers.clone(),
            };
            let keys: Vec<String> = match count {
                None => vec![key.text.clone()],
                Some((count, at)) if count == 0 || count > 1000 => {
                    findings.error(at, "a group has 1 to 1000 members");
                    continue;
                }
                Some((count, _)) => (1..=count).map(|number| format!("{}_{number}", key.text)).collect(),
            };
            for (place, member) in keys.iter().enumerate() {
                if participants.contains_key(member) {
                    findings.error(key.at, format!("the participant `{member}` is declared twice"));
                }
                let name = name
                    .as_ref()
                    .map(|name| if count.is_some() { format!("{name} {}", place + 1) } else { name.clone() });
                participants.insert(member.clone(), spec(member.clone(), name));
            }
            if count.is_some() {
                groups.insert(key.text.clone(), keys);
            }
        }
        if participants.is_empty() && list.rest().is_empty() {
            findings.error(list.at, "a scenario needs at least one participant");
        }
    }
    let rows = fields.take("examples").map_or_else(|| vec![Row::default()], |node| rows(node, findings));
    let server = fields.take("server").map(|node| wishes(node, findings)).unwrap_or_default();
    let strict = fields.take("strict").and_then(|node| fields::boolean(node, "strict", findings)).unwrap_or(false);
    let ignore = fields.take("ignore").map(|node| fields::patterns(node, "ignore", findings)).unwrap_or_default();
    let expect_failure =
        fields.take("expect_failure").and_then(|node| fields::string(node, "expect_failure", findings));
    let owner = fields.take("owner").and_then(|node| fields::string(node, "owner", findings));
    let quarantine = fields.take("quarantine").and_then(|node| quarantine(node, findings));
    let timeout = fields.take("timeout").and_then(|node| timeout(node, findings));
    let step_node = fields.need("steps", "a scenario file", findings);
    let always_node = fields.take("always");

    // Without its protocols no step can be read: every verb would be told as unknown.
    let main = main?;
    if findings.list.iter().any(|finding| finding.message.contains("protocol `")) {
        return None;
    }
    let mut lower = Lower { world: world(&participants, &groups), findings, in_verb: false };
    let steps = step_node.map(|node| lower.steps(node, "steps")).unwrap_or_default();
    let always = always_node.map(|node| lower.steps(node, "always")).unwrap_or_default();
    let findings = lower.findings;
    fields.finish("key of a scenario file", &fields::names_of(Place::File), findings);
    if step_node.is_some_and(|node| node.as_list().is_some_and(<[Node]>::is_empty)) {
        findings.error(root.at, "the scenario has no steps");
    }
    let verbs: Vec<&Arc<Verb>> =
        participants.values().flat_map(|spec: &ParticipantSpec| spec.protocol.verbs.values()).collect();
    let acts_on_server = server.own || acts_on_server(&steps, &verbs) || acts_on_server(&always, &verbs);
    let suite = id.rsplit_once('/').map_or("", |(suite, _)| suite).to_owned();
    let scenario = Scenario {
        source,
        id: id.to_owned(),
        suite,
        title: title?,
        tags,
        protocol: main,
        participants,
        groups,
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
        acts_on_server,
    };
    names::check(&scenario, findings);
    Some(scenario)
}

/// What participants of a scenario without `use` speak: only what is built in.
fn bare_protocol(source: &Arc<crate::scenario::error::Source>) -> Protocol {
    Protocol {
        source: Arc::clone(source),
        name: String::new(),
        server: None,
        identity: IndexMap::new(),
        login: Vec::new(),
        headers: Vec::new(),
        barrier: None,
        fails: None,
        verbs: IndexMap::new(),
        streams: Vec::new(),
        invariants: Vec::new(),
        state: Vec::new(),
        snapshot: crate::scenario::stream::SnapshotRules::default(),
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
            spec.protocol
                .verbs
                .iter()
                .map(|(name, verb)| {
                    let params = verb.params.iter().map(|(name, default)| (name.clone(), default.is_some())).collect();
                    (name.clone(), Signature { params, positional: verb.positional })
                })
                .collect()
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

fn rows(node: &Node, findings: &mut Findings) -> Vec<Row> {
    let Some(items) = node.as_list() else {
        if !node.is_broken() {
            findings.error_help(
                node.at,
                "`examples` must be a list of rows",
                "write for example `examples: [{ mode: list }, { mode: generate }]`",
            );
        }
        return vec![Row::default()];
    };
    let mut rows = Vec::new();
    let mut columns: Option<Vec<String>> = None;
    for (place, item) in items.iter().enumerate() {
        let Some(inner) = Fields::of(item, "a row", findings) else { continue };
        let mut row = Row { name: (place + 1).to_string(), columns: BTreeMap::new() };
        for (key, value) in inner.rest() {
            fields::name(&key.text, key.at, "a column", findings);
            let cell = Template::lower(value, findings);
            // A cell sees functions only: it stands before everything that a scenario sets.
            match cell.render(&BTreeMap::new()) {
                Ok(value) => _ = row.columns.insert(key.text.clone(), value),
                Err(error) => findings.error_help(
                    value.at,
                    error.message,
                    "a cell of `examples` may use functions such as repeat(), and no names",
                ),
            }
        }
        let mut own: Vec<String> = row.columns.keys().cloned().collect();
        own.sort();
        if columns.get_or_insert_with(|| own.clone()) != &own {
            findings.error(item.at, "this row has other columns than the first");
        }
        if let Some((first, _)) = inner.rest().first()
            && let Some(word) = row.columns.get(&first.text).and_then(slug)
        {
            row.name = word;
        }
        rows.push(row);
    }
    if rows.is_empty() {
        findings.error(node.at, "`examples` has no row");
        rows.push(Row::default());
    }
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let repeated = names.iter().enumerate().any(|(place, name)| names[..place].contains(name));
    if repeated {
        for (place, row) in rows.iter_mut().enumerate() {
            row.name = (place + 1).to_string();
        }
    }
    rows
}

/// A short word for a row, from its first column.
fn slug(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return None,
    };
    let slug: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let slug = slug.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    // Long cells are cut, so that names stay readable; rows that then have one name are numbered.
    let slug = slug.chars().take(48).collect::<String>().trim_matches('-').to_owned();
    (!slug.is_empty()).then_some(slug)
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
        match node.to_value() {
            Value::Object(map) => wishes.config = map,
            _ => findings.error(node.at, "`config` must be a map of configuration keys"),
        }
    }
    if let Some(inner) = fields.take("env").and_then(|node| Fields::of(node, "env", findings)) {
        for (key, value) in inner.rest() {
            wishes.env.extend(fields::string(value, "a variable", findings).map(|value| (key.text.clone(), value)));
        }
    }
    if let Some(node) = fields.take("args") {
        wishes.args = fields::strings(node, "args", findings);
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
