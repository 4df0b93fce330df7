//! The entry point: from the history of a scenario to the text of a snapshot.

use std::collections::BTreeSet;

use crate::invariant::trace::StreamTrace;
use crate::snapshot::collect::collect;
use crate::snapshot::layout::{Block, FrameItem, Section};
use crate::snapshot::material::{Material, Normalised};
use crate::snapshot::origins::Origins;
use crate::snapshot::placeholders::{Id, Placeholders};
use crate::snapshot::prepare::PreparedValue;
use crate::snapshot::raced::raced_orders;
use crate::snapshot::render::render;
use crate::snapshot::stream_ranks::StreamRanks;
use crate::snapshot::tree::SnapshotNode;

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
    let raced = raced_orders(material, &traces);
    let mut placeholders = Placeholders::new(material, &stream_values(&traces));
    for trace in &traces {
        for id in trace.sightings.iter().filter_map(|sighting| sighting.id.as_deref()) {
            placeholders.delivery(id, &trace.stream.name);
        }
    }
    let ranks: Vec<StreamRanks> =
        traces.iter().map(|trace| StreamRanks::of(material, trace, &raced, &placeholders)).collect();
    let (blocks, unmatched_redactions) = collect(material, &traces, &raced, &ranks);
    let origins = Origins::find(material, &traces, &ranks, &mut placeholders);
    let shown = ids_shown(&blocks, &placeholders);
    origins.assign(&mut placeholders, &shown);
    let root = blocks.into_iter().map(|block| (block.participant.clone(), tree(block, &mut placeholders))).collect();
    Normalised { text: render(&SnapshotNode::Map(root)), unmatched_redactions }
}

/// The values of all streams, which are ids where somebody captured them.
fn stream_values(traces: &[StreamTrace<'_>]) -> BTreeSet<String> {
    let named = traces.iter().flat_map(|trace| {
        let sightings = trace.sightings.iter().filter_map(|sighting| sighting.stream.clone());
        sightings.chain(trace.connections.values().filter_map(|connection| connection.stream.clone()))
    });
    named.collect()
}

/// Every id that the snapshot shows.
fn ids_shown(blocks: &[Block], placeholders: &Placeholders) -> BTreeSet<Id> {
    let mut found = BTreeSet::new();
    let mut take = |body: &PreparedValue| found.extend(placeholders.ids_in(&body.value, &body.ids));
    let mut headings = Vec::new();
    for section in blocks.iter().flat_map(|block| &block.sections) {
        match section {
            Section::State(answers) => answers.iter().for_each(|(_, answer)| take(answer)),
            Section::List { id, items, .. } => {
                headings.extend(id);
                items.iter().for_each(|item| take(&item.body));
            }
            Section::Kinds { kinds, .. } => {
                kinds.values().flatten().for_each(|item| take(&item.body));
            }
        }
    }
    found.extend(headings.into_iter().flat_map(|heading| placeholders.ids(heading)));
    found
}

/// A participant's block with placeholders.
fn tree(block: Block, placeholders: &mut Placeholders) -> SnapshotNode {
    let mut parts = Vec::new();
    for section in block.sections {
        placeholders.before_race = block.before_race;
        match section {
            Section::State(answers) => {
                let answers = answers.into_iter().map(|(name, answer)| (name, placeholders.node(&answer))).collect();
                parts.push(("state".to_owned(), SnapshotNode::Map(answers)));
            }
            Section::List { heading, id, items, raced } => {
                let heading = placeholders.heading(&heading, id.as_deref());
                let items = ordered(items, raced, placeholders);
                let items = items
                    .into_iter()
                    .map(|item| SnapshotNode::Map(vec![(item.head.clone(), item_body(&item, placeholders))]))
                    .collect();
                parts.push((heading, SnapshotNode::List(items)));
            }
            Section::Kinds { heading, kinds } => {
                let kinds = kinds.into_iter().map(|(kind, items)| {
                    let raced = items.iter().any(|item| item.raced);
                    let items = ordered(items, raced, placeholders);
                    (kind, SnapshotNode::List(items.iter().map(|item| item_body(item, placeholders)).collect()))
                });
                let kinds = kinds.collect();
                parts.push((heading, SnapshotNode::Map(kinds)));
            }
        }
    }
    SnapshotNode::Map(parts)
}

fn item_body(item: &FrameItem, placeholders: &mut Placeholders) -> SnapshotNode {
    placeholders.before_race = item.before_race;
    placeholders.node(&item.body)
}

/// What was raced has no order but that of its content.
fn ordered(mut items: Vec<FrameItem>, raced: bool, placeholders: &mut Placeholders) -> Vec<FrameItem> {
    if raced {
        items.sort_by_cached_key(|item| {
            placeholders.before_race = item.before_race;
            (item.head.clone(), placeholders.mask(&item.body.value, &item.body, "").compact())
        });
    }
    items
}
