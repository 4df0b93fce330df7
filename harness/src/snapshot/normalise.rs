//! The way in: from the history of a scenario to the text of a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::{EntryKind, History, Member};
use crate::invariant::trace::{SightingKind, StreamTrace};
use crate::scenario::stream::{SnapshotRules, Stream};
use crate::snapshot::collect::{Block, Item, Section, collect, is_raced};
use crate::snapshot::names::{Id, Names};
use crate::snapshot::render::render;
use crate::snapshot::tree::Node;

/// What a snapshot is made of.
#[derive(Debug)]
pub struct Material<'a> {
    /// The history up to the snapshot's step.
    pub history: &'a History,
    /// The participants, in the order of the scenario file.
    pub members: &'a [Member],
    /// What those are called whom a race gave a role, in the order of its outcomes: their keys with `winner`,
    /// `loser_1`. Who wins differs between runs; what a winner sees from then on doesn't.
    pub roles: &'a [(String, String)],
    /// How many entries the history had when the first race that gave roles began: what came before has no roles.
    pub raced_from: usize,
    /// Seconds since 1970: a number near it is a time.
    pub now: f64,
    /// What the scenario captured. A captured id becomes its name: `[conversation]`.
    pub captures: &'a BTreeMap<String, Value>,
    /// The run's suffix, decimal digits; it is removed from ids and names.
    pub run: &'a str,
    /// What the protocol's `state` answered, in the order of the protocol file for each participant.
    pub state: &'a [StateAnswer],
    /// The declared streams, in the order of the protocol file.
    pub streams: &'a [Stream],
    /// What the protocol says of snapshots.
    pub rules: &'a SnapshotRules,
    /// Kinds of frames, or streams by name, whose order was raced.
    pub unordered_kinds: &'a [String],
    /// The keys of those whose blocks are shown; the others still give their names to ids.
    pub shown: &'a [String],
    /// Streams, kinds of frames and states that are left out.
    pub without: &'a [String],
}

impl Material<'_> {
    /// What a participant is called from the race on.
    pub(crate) fn label<'k>(&'k self, key: &'k str) -> &'k str {
        self.role(key).unwrap_or(key)
    }

    /// The role that a race gave to a participant.
    pub(crate) fn role(&self, key: &str) -> Option<&str> {
        self.roles.iter().find(|(raced, _)| raced == key).map(|(_, role)| role.as_str())
    }

    /// Whether an entry came before anybody had a role.
    pub(crate) fn is_early(&self, entry: usize) -> bool {
        entry < self.raced_from
    }

    /// The members with those who have roles in the order of the roles, each at a place of one of them.
    fn by_roles(&self) -> Vec<&Member> {
        let rank = |member: &Member| self.roles.iter().position(|(key, _)| *key == member.key);
        let mut racers: Vec<&Member> = self.members.iter().filter(|member| rank(member).is_some()).collect();
        racers.sort_by_key(|member| rank(member));
        let mut racers = racers.into_iter();
        let place = |member| if rank(member).is_some() { racers.next() } else { Some(member) };
        self.members.iter().filter_map(place).collect()
    }
}

/// What one participant was answered when it was asked for its view.
#[derive(Debug, Clone, PartialEq)]
pub struct StateAnswer {
    /// The participant's key.
    pub participant: String,
    /// The name in the protocol's `state`.
    pub name: String,
    /// The answer's body.
    pub answer: Value,
}

/// A snapshot's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// YAML, ending with a line feed.
    pub text: String,
    /// The redactions, as written in the protocol file, that matched nothing in the whole snapshot.
    pub unmatched_redactions: Vec<String>,
}

/// Makes the text of a snapshot: a block for each participant with what `state` answered, what it got of the
/// declared streams in stream order (`message 3 (phone)`: kind, order, and the connection where it has
/// several), then its other frames by kind. The words `state` and `frames` head a block's own parts, so no
/// stream should be called so.
///
/// Only ids that the text shows are numbered. An id's origin is the participant whose sending was acknowledged
/// with it, or else who first sent it.
pub fn normalise(material: &Material<'_>) -> Normalised {
    let traces: Vec<StreamTrace<'_>> =
        material.streams.iter().map(|stream| StreamTrace::new(material.history, material.members, stream)).collect();
    let (blocks, unmatched_redactions) = collect(material, &traces);
    let mut names = Names::new(material);
    let origins = Origins::find(material, &traces, &mut names);
    let shown = shown(&blocks, &names);
    origins.assign(&mut names, &shown);
    let root = blocks.into_iter().map(|block| (block.participant.clone(), tree(block, &mut names))).collect();
    Normalised { text: render(&Node::Map(root)), unmatched_redactions }
}

/// Every id that the snapshot shows.
fn shown(blocks: &[Block], names: &Names) -> BTreeSet<Id> {
    let mut found = BTreeSet::new();
    let mut take = |text: &str| found.extend(names.ids(text));
    for section in blocks.iter().flat_map(|block| &block.sections) {
        match section {
            Section::State(answers) => answers.iter().for_each(|(_, answer)| strings(&answer.value, &mut take)),
            Section::List { id, items, .. } => {
                id.iter().for_each(|id| take(id));
                items.iter().for_each(|item| strings(&item.body.value, &mut take));
            }
            Section::Kinds { kinds, .. } => {
                kinds.values().flatten().for_each(|item| strings(&item.body.value, &mut take));
            }
        }
    }
    found
}

/// Every string of a value, keys too, in its order.
fn strings(value: &Value, take: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, take)),
        Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            take(key);
            strings(value, take);
        }),
        _ => {}
    }
}

/// Where an acknowledgement stands for its sender: the stream's place in the file, which of its values it
/// is in the order in which the sender opened connections to them or met them, and the order in it.
type Place = (usize, usize, i64);

/// Where ids come from: their numbers depend on nothing but their author's own doings.
struct Origins {
    /// For each participant, the ids that it brought up, in its own order: under its key those from before a race
    /// gave it a role, then under that.
    by_participant: Vec<(String, Vec<Id>)>,
    /// Deliveries that nobody of the scenario sent, in stream order.
    unclaimed: Vec<Id>,
}

impl Origins {
    fn find(material: &Material<'_>, traces: &[StreamTrace<'_>], names: &mut Names) -> Self {
        let mut owners: BTreeMap<Id, (&str, usize)> = BTreeMap::new();
        let mut acked: BTreeMap<&str, Vec<(Place, Id)>> = BTreeMap::new();
        for (stream, trace) in traces.iter().enumerate() {
            let mut values: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
            // Acks on several connections race; the order in which the connections were opened doesn't.
            for connection in trace.connections.values() {
                let own = values.entry(connection.participant).or_default();
                let value = connection.stream.as_deref();
                if value.is_some() && !own.contains(&value) {
                    own.push(value);
                }
            }
            for sighting in &trace.sightings {
                let Some(id) = sighting.id.as_deref().and_then(|id| names.delivery(id, &trace.stream.name)) else {
                    continue;
                };
                if sighting.kind == SightingKind::Delivery {
                    continue;
                }
                let own = values.entry(sighting.participant).or_default();
                let value = sighting.stream.as_deref();
                let place = own.iter().position(|other| *other == value).unwrap_or_else(|| {
                    own.push(value);
                    own.len() - 1
                });
                owners.entry(id.clone()).or_insert((sighting.participant, sighting.entry));
                let order = sighting.order.unwrap_or(i64::MAX);
                acked.entry(sighting.participant).or_default().push(((stream, place, order), id));
            }
        }
        let sent = Self::sent(material, names);
        for (participant, entry, ids) in &sent {
            for id in ids {
                let owner = owners.entry(id.clone()).or_insert((participant, *entry));
                if owner.0 == *participant {
                    owner.1 = owner.1.min(*entry);
                }
            }
        }
        let mut by_participant = Vec::new();
        for member in material.by_roles() {
            let key = member.key.as_str();
            let mut ids: Vec<Id> =
                sent.iter().filter(|(who, ..)| *who == key).flat_map(|(_, _, ids)| ids.clone()).collect();
            let mut own = acked.remove(key).unwrap_or_default();
            own.sort_by_key(|(place, _)| *place);
            ids.extend(own.into_iter().map(|(_, id)| id));
            ids.retain(|id| owners.get(id).is_some_and(|(owner, _)| *owner == key));
            let (early, late): (Vec<Id>, Vec<Id>) =
                ids.into_iter().partition(|id| owners.get(id).is_some_and(|(_, entry)| material.is_early(*entry)));
            by_participant.push((key.to_owned(), early));
            by_participant.push((material.label(key).to_owned(), late));
        }
        Self { by_participant, unclaimed: unclaimed(material, traces, names) }
    }

    /// The ids in what was sent, entry by entry.
    fn sent<'r>(material: &Material<'r>, names: &Names) -> Vec<(&'r str, usize, Vec<Id>)> {
        let mut sent = Vec::new();
        for (index, entry) in material.history.entries.iter().enumerate() {
            let value = match &entry.what {
                EntryKind::Sent { frame, .. } => frame.value(),
                EntryKind::Exchange(exchange) => match &exchange.json {
                    Some(json) => std::sync::Arc::new(json.clone()),
                    None => continue,
                },
                _ => continue,
            };
            let mut ids = Vec::new();
            strings(&value, &mut |text| ids.extend(names.ids(text)));
            if !ids.is_empty() {
                sent.push((entry.participant.as_str(), index, ids));
            }
        }
        sent
    }

    fn assign(&self, names: &mut Names, shown: &BTreeSet<Id>) {
        for (participant, ids) in &self.by_participant {
            for id in ids.iter().filter(|id| shown.contains(id)) {
                names.assign(id, Some(participant));
            }
        }
        for id in self.unclaimed.iter().filter(|id| shown.contains(id)) {
            names.assign(id, None);
        }
    }
}

/// The ids of all deliveries in stream order; streams stand in the order in which the participants, in file
/// order, met them. Raced streams have no order: their ids are numbered as they show in the text.
fn unclaimed(material: &Material<'_>, traces: &[StreamTrace<'_>], names: &mut Names) -> Vec<Id> {
    let members = material.by_roles();
    let mut found = Vec::new();
    for trace in traces.iter().filter(|trace| !is_raced(material, trace)) {
        let mut met: Vec<&str> = Vec::new();
        let mut deliveries: BTreeMap<(usize, i64), Id> = BTreeMap::new();
        let arrivals = trace.arrivals();
        for member in &members {
            for ((_, stream), arrived) in &arrivals {
                if arrived.first().is_none_or(|first| first.participant != member.key) {
                    continue;
                }
                let place = met.iter().position(|other| other == stream).unwrap_or_else(|| {
                    met.push(stream);
                    met.len() - 1
                });
                for sighting in arrived {
                    if let (Some(id), Some(order)) = (sighting.id.as_deref(), sighting.order)
                        && let Some(id) = names.delivery(id, &trace.stream.name)
                    {
                        deliveries.entry((place, order)).or_insert(id);
                    }
                }
            }
        }
        found.extend(deliveries.into_values());
    }
    found
}

/// A participant's block with names.
fn tree(block: Block, names: &mut Names) -> Node {
    let mut parts = Vec::new();
    for section in block.sections {
        names.early = block.early;
        match section {
            Section::State(answers) => {
                let answers = answers
                    .into_iter()
                    .map(|(name, answer)| (name, names.node(&answer.value, &answer.unordered)))
                    .collect();
                parts.push(("state".to_owned(), Node::Map(answers)));
            }
            Section::List { heading, id, items, raced } => {
                let heading = names.heading(&heading, id.as_deref());
                let items = ordered(items, raced, names);
                let items =
                    items.into_iter().map(|item| Node::Map(vec![(item.head.clone(), body(&item, names))])).collect();
                parts.push((heading, Node::List(items)));
            }
            Section::Kinds { heading, kinds } => {
                let kinds = kinds.into_iter().map(|(kind, items)| {
                    let raced = items.iter().any(|item| item.raced);
                    let items = ordered(items, raced, names);
                    (kind, Node::List(items.iter().map(|item| body(item, names)).collect()))
                });
                let kinds = kinds.collect();
                parts.push((heading, Node::Map(kinds)));
            }
        }
    }
    Node::Map(parts)
}

fn body(item: &Item, names: &mut Names) -> Node {
    names.early = item.early;
    names.node(&item.body.value, &item.body.unordered)
}

/// What was raced has no order but that of its content.
fn ordered(mut items: Vec<Item>, raced: bool, names: &mut Names) -> Vec<Item> {
    if raced {
        items.sort_by_cached_key(|item| {
            names.early = item.early;
            (item.head.clone(), names.mask(&item.body.value, &item.body.unordered, "").compact())
        });
    }
    items
}
