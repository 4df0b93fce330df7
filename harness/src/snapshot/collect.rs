//! Lays out who got what: each participant's block, before anything in it has a name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json_path::JsonPath;

use crate::history::{ConnectionId, EntryKind, Member};
use crate::invariant::connection::connections;
use crate::invariant::sighting::Sighting;
use crate::invariant::trace::StreamTrace;
use crate::scenario::stream::Stream;
use crate::snapshot::coalesce::{GotFrame, coalesced};
use crate::snapshot::deliveries::{StreamDelivery, merge_equal};
use crate::snapshot::frame_kind::frame_kind;
use crate::snapshot::json_pointer::leave_out;
use crate::snapshot::layout::{Block, FrameItem, Section};
use crate::snapshot::material::Material;
use crate::snapshot::prepare::{Preparation, PreparedValue};
use crate::snapshot::raced::{RacedOrders, id_path, is_raced, order_path};
use crate::snapshot::stream_ranks::StreamRanks;
use crate::snapshot::times::PlaySpan;

/// Which part of a participant's history a block shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BlockPart {
    Whole,
    /// Entries from before the race that gave it a role.
    BeforeRace,
    /// Entries from then on, and its states.
    FromRaceOn,
}

/// Lays out all blocks; the second part of the result is the redactions that matched nothing.
pub(crate) fn collect(
    material: &Material<'_>,
    traces: &[StreamTrace<'_>],
    raced: &RacedOrders,
    ranks: &[StreamRanks],
) -> (Vec<Block>, Vec<String>) {
    let traces: Vec<(&StreamTrace<'_>, &StreamRanks)> = traces.iter().zip(ranks).collect();
    let traces = traces.as_slice();
    let shares = shares(material);
    let none = Share::default();
    let share = |member: &Member| shares.get(member.key.as_str()).unwrap_or(&none);
    let mut preparation =
        Preparation::new(material.rules, raced, PlaySpan { began: material.began, now: material.now });
    let mut blocks = Vec::new();
    let is_shown = |member: &&Member| material.shown.contains(&member.key);
    for member in material.members.iter().filter(is_shown) {
        if material.role(&member.key).is_none() {
            blocks.push(block(material, traces, (member, share(member)), BlockPart::Whole, &mut preparation));
            continue;
        }
        let before_race = block(material, traces, (member, share(member)), BlockPart::BeforeRace, &mut preparation);
        if !before_race.sections.is_empty() {
            blocks.push(before_race);
        }
    }
    // Who has a role is shown by it from the race on, whoever that is.
    for (key, _) in material.roles {
        if let Some(member) = material.members.iter().filter(is_shown).find(|member| member.key == *key) {
            blocks.push(block(material, traces, (member, share(member)), BlockPart::FromRaceOn, &mut preparation));
        }
    }
    (blocks, preparation.unmatched())
}

fn block(
    material: &Material<'_>,
    traces: &[(&StreamTrace<'_>, &StreamRanks)],
    (member, share): (&Member, &Share<'_>),
    part: BlockPart,
    preparation: &mut Preparation<'_>,
) -> Block {
    let mut sections = Vec::new();
    let answers: Vec<(String, PreparedValue)> = material
        .state
        .iter()
        .filter(|answer| part != BlockPart::BeforeRace && answer.participant == member.key)
        .filter(|answer| !material.without.contains(&answer.name))
        .map(|answer| (answer.name.clone(), preparation.value(&answer.answer, &[], &[])))
        .collect();
    if !answers.is_empty() {
        sections.push(Section::State(answers));
    }
    let labels = &share.labels;
    let in_part = |got: &&GotFrame<'_>| match part {
        BlockPart::Whole => true,
        BlockPart::BeforeRace => material.is_before_race(got.entry),
        BlockPart::FromRaceOn => !material.is_before_race(got.entry),
    };
    let got: Vec<GotFrame<'_>> = share.got.iter().filter(in_part).cloned().collect();
    let mut placed: BTreeSet<usize> = BTreeSet::new();
    for (trace, ranks) in traces {
        let deliveries = stream(material, (trace, ranks), &got, labels, &mut placed, preparation);
        if !material.without.contains(&trace.stream.name) {
            sections.extend(deliveries);
        }
    }
    for (connection, label) in labels {
        let rest = got.iter().filter(|got| got.connection == *connection && !placed.contains(&got.entry));
        let kinds = kinds(material, rest.collect(), preparation);
        if !kinds.is_empty() {
            let heading = if labels.len() > 1 { format!("frames ({label})") } else { "frames".to_owned() };
            sections.push(Section::Kinds { heading, kinds });
        }
    }
    let before_race = part == BlockPart::BeforeRace;
    let participant = if before_race { &member.key } else { material.label(&member.key) };
    Block { participant: participant.to_owned(), before_race, sections }
}

/// A participant's part of the history.
#[derive(Default)]
struct Share<'r> {
    /// Its connections with their names, in the order of the steps that opened them. One that the history has no opening
    /// of is named by its number, and stands first.
    labels: Vec<(ConnectionId, String)>,
    /// What it got and the snapshot shows: neither barrier frames nor ephemeral ones.
    got: Vec<GotFrame<'r>>,
}

/// Everybody's part, in one reading of the history.
fn shares<'r>(material: &Material<'r>) -> BTreeMap<&'r str, Share<'r>> {
    let mut shares: BTreeMap<&str, Share<'_>> = BTreeMap::new();
    let mut unopened: BTreeMap<ConnectionId, &str> = BTreeMap::new();
    for (entry, at) in material.history.entries.iter().enumerate() {
        let EntryKind::Received { connection, frame, barrier } = &at.what else { continue };
        unopened.entry(*connection).or_insert(&at.participant);
        let value = frame.value();
        if !barrier && !material.rules.ephemeral.iter().any(|pattern| pattern.matches(&value)) {
            let got = GotFrame { entry, connection: *connection, frame, value };
            shares.entry(&at.participant).or_default().got.push(got);
        }
    }
    let mut opened: BTreeMap<ConnectionId, usize> = BTreeMap::new();
    for (id, connection) in connections(material.history, None) {
        unopened.remove(&id);
        opened.insert(id, connection.opened);
        shares.entry(connection.participant).or_default().labels.push((id, connection.label));
    }
    for (id, participant) in unopened {
        shares.entry(participant).or_default().labels.push((id, format!("connection {}", id.0)));
    }
    for share in shares.values_mut() {
        share.labels.sort_by_key(|(id, _)| (opened.get(id).map(|opened| material.history.order_of(*opened)), *id));
    }
    shares
}

/// A section with its rank in the order of the sections, and the value of its stream.
type RankedSection<'s> = ((usize, Option<usize>), Option<&'s str>, Vec<StreamDelivery>);

/// The deliveries of one stream, in stream order; the same one on several connections stands once.
fn stream(
    material: &Material<'_>,
    (trace, ranks): (&StreamTrace<'_>, &StreamRanks),
    got: &[GotFrame<'_>],
    labels: &[(ConnectionId, String)],
    placed: &mut BTreeSet<usize>,
    preparation: &mut Preparation<'_>,
) -> Vec<Section> {
    let raced = is_raced(material, trace);
    let values: BTreeSet<&str> = trace.sightings.iter().filter_map(|sighting| sighting.stream.as_deref()).collect();
    // The streams stand in the order of the connections on which this participant met them; those of one connection in
    // an order that no race decides.
    let mut sections: Vec<RankedSection<'_>> = Vec::new();
    for (opened, (connection, label)) in labels.iter().enumerate() {
        for got in got.iter().filter(|got| got.connection == *connection) {
            // An entry is at most one sighting, and they stand in order.
            let place = trace.sightings.binary_search_by_key(&got.entry, |sighting| sighting.entry).ok();
            let sighting = place.and_then(|place| trace.sightings.get(place)).filter(|sighting| sighting.is_delivery());
            let Some(sighting) = sighting.filter(|_| placed.insert(got.entry)) else {
                continue;
            };
            let orders = [order_path(trace.stream, sighting)];
            let (kind, at) = frame_kind(material, got.frame, &got.value);
            if material.without.contains(&kind) {
                continue;
            }
            let own_id = own_id(trace.stream, sighting);
            let mut body = preparation.value(&got.value, if raced { &orders } else { &[] }, own_id.as_slice());
            leave_out(&mut body.value, at.as_deref());
            let order = sighting.order.filter(|_| !raced);
            let before_race = material.is_before_race(got.entry);
            let delivery = StreamDelivery { kind, order, labels: vec![label.clone()], body, before_race };
            let stream = sighting.stream.as_deref();
            match sections.iter_mut().find(|(_, other, _)| *other == stream) {
                Some((.., deliveries)) => deliveries.push(delivery),
                None => sections.push(((opened, ranks.of_value(stream)), stream, vec![delivery])),
            }
        }
    }
    let several = labels.len() > 1;
    sections.sort_by_key(|(place, ..)| *place);
    let list = sections.into_iter().map(|(_, stream, deliveries)| Section::List {
        heading: trace.stream.name.clone(),
        id: stream.filter(|_| values.len() > 1).map(str::to_owned),
        items: merge_equal(deliveries).into_iter().map(|delivery| delivery.into_item(several)).collect(),
        raced,
    });
    list.collect()
}

/// Where a delivery has its id, of a kind that is called as its stream; none where that is its place in the order too.
fn own_id<'s>(stream: &'s Stream, sighting: &Sighting<'_>) -> Option<(&'s JsonPath, &'s str)> {
    let path = id_path(stream, sighting);
    (path.to_string() != order_path(stream, sighting).to_string()).then_some((path, stream.name.as_str()))
}

/// Frames of no stream by kind, in the order of arrival; streamed pieces as one.
fn kinds(
    material: &Material<'_>,
    got: Vec<&GotFrame<'_>>,
    preparation: &mut Preparation<'_>,
) -> BTreeMap<String, Vec<FrameItem>> {
    let mut kinds: BTreeMap<String, Vec<FrameItem>> = BTreeMap::new();
    for got in coalesced(&material.rules.coalesce, got) {
        let (kind, at) = frame_kind(material, got.frame, &got.value);
        if material.without.contains(&kind) {
            continue;
        }
        let mut body = preparation.value(&got.value, &[], &[]);
        leave_out(&mut body.value, at.as_deref());
        let raced = material.unordered_kinds.contains(&kind);
        kinds.entry(kind).or_default().push(FrameItem {
            head: String::new(),
            body,
            raced,
            before_race: material.is_before_race(got.entry),
        });
    }
    kinds
}
