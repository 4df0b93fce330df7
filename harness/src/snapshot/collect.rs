//! Lays out who got what: each participant's block, before anything in it has a name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::history::{ConnectionId, EntryKind, History, Member, Payload};
use crate::invariant::connection::connections;
use crate::invariant::trace::{Sighting, SightingKind, StreamTrace};
use crate::scenario::stream::Stream;
use crate::snapshot::coalesce::{Got, coalesced};
use crate::snapshot::normalise::Material;
use crate::snapshot::prepare::{Preparation, Prepared, Raced, pointers};

static TYPE: LazyLock<Option<JsonPath>> = LazyLock::new(|| JsonPath::parse("$.type").ok());

/// A participant's part of the snapshot.
pub(crate) struct Block {
    /// What the participant is called in it.
    pub(crate) participant: String,
    /// Whether all of it came before the first race that gave roles.
    pub(crate) early: bool,
    pub(crate) sections: Vec<Section>,
}

/// A part of a block.
pub(crate) enum Section {
    /// What `state` answered, by name.
    State(Vec<(String, Prepared)>),
    /// The deliveries of one stream. The id is the stream's value, where the history has several.
    List { heading: String, id: Option<String>, items: Vec<Item>, raced: bool },
    /// Other frames, by kind.
    Kinds { heading: String, kinds: BTreeMap<String, Vec<Item>> },
}

/// A frame.
#[derive(Debug)]
pub(crate) struct Item {
    /// Its kind, with order and connection where it stands in a stream.
    pub(crate) head: String,
    pub(crate) body: Prepared,
    pub(crate) raced: bool,
    /// Whether it came before the first race that gave roles: nobody had one then.
    pub(crate) early: bool,
}

/// What of a participant's time a block shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    /// What came before the race that gave it a role.
    Early,
    /// What came from then on, and what it is told now.
    Late,
}

/// Lays out all blocks; the second part of the result is the redactions that matched nothing.
pub(crate) fn collect(material: &Material<'_>, traces: &[StreamTrace<'_>]) -> (Vec<Block>, Vec<String>) {
    let raced = raced(material, traces);
    let mut preparation = Preparation::new(material.rules, &raced, material.now);
    let mut blocks = Vec::new();
    let is_shown = |member: &&Member| material.shown.contains(&member.key);
    for member in material.members.iter().filter(is_shown) {
        if material.role(&member.key).is_none() {
            blocks.push(block(material, traces, member, Part::Whole, &mut preparation));
            continue;
        }
        let early = block(material, traces, member, Part::Early, &mut preparation);
        if !early.sections.is_empty() {
            blocks.push(early);
        }
    }
    // Who has a role is shown by it from the race on, whoever that is.
    for (key, _) in material.roles {
        if let Some(member) = material.members.iter().filter(is_shown).find(|member| member.key == *key) {
            blocks.push(block(material, traces, member, Part::Late, &mut preparation));
        }
    }
    (blocks, preparation.unmatched())
}

/// Whether the order of a stream was raced: its name is listed, or the kind of one of its deliveries.
pub(crate) fn is_raced(material: &Material<'_>, trace: &StreamTrace<'_>) -> bool {
    let listed = |name: &str| material.unordered_kinds.iter().any(|listed| listed == name);
    if material.unordered_kinds.is_empty() {
        return false;
    }
    listed(&trace.stream.name)
        || trace.sightings.iter().filter(|sighting| sighting.delivered()).any(|sighting| {
            let entry = material.history.entries.get(sighting.entry);
            entry.is_some_and(|entry| match &entry.what {
                EntryKind::Received { frame, .. } => listed(&kind(material, frame, &frame.value()).0),
                _ => false,
            })
        })
}

/// The places of all raced deliveries, to find them again in histories.
fn raced(material: &Material<'_>, traces: &[StreamTrace<'_>]) -> Raced {
    let mut raced = Raced::default();
    for trace in traces.iter().filter(|trace| is_raced(material, trace)) {
        for sighting in &trace.sightings {
            if let (Some(id), Some(order)) = (&sighting.id, sighting.order) {
                raced.orders.insert(id.clone(), order);
            }
            if let Some(EntryKind::Received { frame, .. }) =
                material.history.entries.get(sighting.entry).map(|entry| &entry.what)
            {
                let found = pointers(order_path(trace.stream, sighting), &frame.value());
                raced.keys.extend(found.iter().filter_map(|pointer| pointer.rsplit('/').next()).map(str::to_owned));
            }
        }
    }
    raced
}

fn order_path<'s>(stream: &'s Stream, sighting: &Sighting<'_>) -> &'s JsonPath {
    match (&stream.acks, sighting.kind) {
        (Some(acks), SightingKind::Ack | SightingKind::RepeatedAck) => &acks.order,
        _ => &stream.order,
    }
}

fn block(
    material: &Material<'_>,
    traces: &[StreamTrace<'_>],
    member: &Member,
    part: Part,
    preparation: &mut Preparation<'_>,
) -> Block {
    let mut sections = Vec::new();
    let answers: Vec<(String, Prepared)> = material
        .state
        .iter()
        .filter(|answer| part != Part::Early && answer.participant == member.key)
        .filter(|answer| !material.without.contains(&answer.name))
        .map(|answer| (answer.name.clone(), preparation.value(&answer.answer, &[])))
        .collect();
    if !answers.is_empty() {
        sections.push(Section::State(answers));
    }
    let labels = labels(material, &member.key);
    let mut got = got(material, &member.key);
    got.retain(|got| match part {
        Part::Whole => true,
        Part::Early => material.is_early(got.entry),
        Part::Late => !material.is_early(got.entry),
    });
    let mut placed: BTreeSet<usize> = BTreeSet::new();
    for trace in traces {
        let deliveries = stream(material, trace, &got, &labels, &mut placed, preparation);
        if !material.without.contains(&trace.stream.name) {
            sections.extend(deliveries);
        }
    }
    for (connection, label) in &labels {
        let rest = got.iter().filter(|got| got.connection == *connection && !placed.contains(&got.entry));
        let kinds = kinds(material, rest.collect(), preparation);
        if !kinds.is_empty() {
            let heading = if labels.len() > 1 { format!("frames ({label})") } else { "frames".to_owned() };
            sections.push(Section::Kinds { heading, kinds });
        }
    }
    let early = part == Part::Early;
    let participant = if early { &member.key } else { material.label(&member.key) };
    Block { participant: participant.to_owned(), early, sections }
}

/// A participant's connections with their names, in the order of opening. One that the history has no opening
/// of is named by its number.
fn labels(material: &Material<'_>, key: &str) -> BTreeMap<ConnectionId, String> {
    let mut labels: BTreeMap<ConnectionId, String> = BTreeMap::new();
    for entry in material.history.entries.iter().filter(|entry| entry.participant == key) {
        if let EntryKind::Received { connection, .. } = &entry.what {
            labels.entry(*connection).or_insert_with(|| format!("connection {}", connection.0));
        }
    }
    labels.extend(opened(material.history, key));
    labels
}

fn opened(history: &History, key: &str) -> Vec<(ConnectionId, String)> {
    let own = connections(history, None).into_iter().filter(|(_, connection)| connection.participant == key);
    own.map(|(id, connection)| (id, connection.label)).collect()
}

/// What a participant got and the snapshot shows: neither barrier frames nor ephemeral ones.
fn got<'r>(material: &Material<'r>, key: &str) -> Vec<Got<'r>> {
    let own = material.history.entries.iter().enumerate().filter(|(_, entry)| entry.participant == key);
    let received = own.filter_map(|(entry, at)| match &at.what {
        EntryKind::Received { connection, frame, barrier: false } => {
            Some(Got { entry, connection: *connection, frame, value: frame.value() })
        }
        _ => None,
    });
    received.filter(|got| !material.rules.ephemeral.iter().any(|pattern| pattern.matches(&got.value))).collect()
}

/// The deliveries of one stream, in stream order; the same one on several connections stands once.
fn stream(
    material: &Material<'_>,
    trace: &StreamTrace<'_>,
    got: &[Got<'_>],
    labels: &BTreeMap<ConnectionId, String>,
    placed: &mut BTreeSet<usize>,
    preparation: &mut Preparation<'_>,
) -> Vec<Section> {
    let raced = is_raced(material, trace);
    let values: BTreeSet<&str> = trace.sightings.iter().filter_map(|sighting| sighting.stream.as_deref()).collect();
    // The streams stand in the order in which this participant met them.
    let mut sections: Vec<(Option<&str>, Vec<Delivery>)> = Vec::new();
    for (connection, label) in labels {
        for got in got.iter().filter(|got| got.connection == *connection) {
            // An entry is at most one sighting, and they stand in order.
            let place = trace.sightings.binary_search_by_key(&got.entry, |sighting| sighting.entry).ok();
            let sighting = place.and_then(|place| trace.sightings.get(place)).filter(|sighting| sighting.delivered());
            let Some(sighting) = sighting.filter(|_| placed.insert(got.entry)) else {
                continue;
            };
            let orders = [order_path(trace.stream, sighting)];
            let (kind, at) = kind(material, got.frame, &got.value);
            if material.without.contains(&kind) {
                continue;
            }
            let mut body = preparation.value(&got.value, if raced { &orders } else { &[] });
            leave_out(&mut body.value, at.as_deref());
            let order = sighting.order.filter(|_| !raced);
            let early = material.is_early(got.entry);
            let delivery = Delivery { kind, order, labels: vec![label.clone()], body, early };
            let stream = sighting.stream.as_deref();
            match sections.iter_mut().find(|(other, _)| *other == stream) {
                Some((_, deliveries)) => deliveries.push(delivery),
                None => sections.push((stream, vec![delivery])),
            }
        }
    }
    let several = labels.len() > 1;
    let list = sections.into_iter().map(|(stream, deliveries)| Section::List {
        heading: trace.stream.name.clone(),
        id: stream.filter(|_| values.len() > 1).map(str::to_owned),
        items: merged(deliveries).into_iter().map(|delivery| delivery.item(several)).collect(),
        raced,
    });
    list.collect()
}

/// A delivery, with the connections on which it came.
struct Delivery {
    kind: String,
    order: Option<i64>,
    labels: Vec<String>,
    body: Prepared,
    early: bool,
}

impl Delivery {
    fn item(self, several_connections: bool) -> Item {
        let mut head = self.kind;
        if let Some(order) = self.order {
            head = format!("{head} {order}");
        }
        if several_connections {
            head = format!("{head} ({})", self.labels.join(" + "));
        }
        Item { head, body: self.body, raced: false, early: self.early }
    }
}

/// Sorted by order, what has none last; equal ones of different connections joined.
fn merged(mut deliveries: Vec<Delivery>) -> Vec<Delivery> {
    deliveries.sort_by_key(|delivery| (delivery.order.is_none(), delivery.order));
    let mut merged: Vec<Delivery> = Vec::new();
    for delivery in deliveries {
        let same = merged.iter_mut().rev().take_while(|other| other.order == delivery.order).find(|other| {
            other.kind == delivery.kind
                && other.body == delivery.body
                && !other.labels.iter().any(|label| delivery.labels.contains(label))
        });
        match same {
            Some(other) => other.labels.extend(delivery.labels),
            None => merged.push(delivery),
        }
    }
    merged
}

/// Frames of no stream by kind, in the order of arrival; streamed pieces as one.
fn kinds(
    material: &Material<'_>,
    got: Vec<&Got<'_>>,
    preparation: &mut Preparation<'_>,
) -> BTreeMap<String, Vec<Item>> {
    let mut kinds: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for got in coalesced(&material.rules.coalesce, got) {
        let (kind, at) = kind(material, got.frame, &got.value);
        if material.without.contains(&kind) {
            continue;
        }
        let mut body = preparation.value(&got.value, &[]);
        leave_out(&mut body.value, at.as_deref());
        let raced = material.unordered_kinds.contains(&kind);
        kinds.entry(kind).or_default().push(Item {
            head: String::new(),
            body,
            raced,
            early: material.is_early(got.entry),
        });
    }
    kinds
}

/// A frame's kind, and where it stands as a member that can be left out of the body.
fn kind(material: &Material<'_>, frame: &Payload, value: &Value) -> (String, Option<String>) {
    let path = material.rules.kind.as_ref().or(TYPE.as_ref());
    let found = path.and_then(|path| {
        path.query_located(value)
            .first()
            .map(|located| (located.node().as_str().map(str::to_owned), located.location().to_json_pointer()))
    });
    match (found, frame) {
        (Some((Some(kind), at)), _) => (kind, Some(at)),
        (_, Payload::Text(_)) => ("text".to_owned(), None),
        (_, Payload::Binary(_)) => ("binary".to_owned(), None),
        _ => ("other".to_owned(), None),
    }
}

/// Removes the member at a pointer: it stands in the heading.
fn leave_out(value: &mut Value, pointer: Option<&str>) {
    if let Some((parent, key)) = pointer.and_then(|pointer| pointer.rsplit_once('/'))
        && let Some(Value::Object(entries)) = value.pointer_mut(parent)
    {
        entries.remove(&key.replace("~1", "/").replace("~0", "~"));
    }
}
