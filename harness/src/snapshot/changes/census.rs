//! How many objects a snapshot holds, place by place.

use std::collections::BTreeMap;

use super::blocks::{STATE, entries, holds_kinds, items};
use super::place::{DeliveryHead, PlacePart, PlaceStep, SnapshotPlace};
use super::stream::is_stream;
use crate::snapshot::tree::SnapshotNode;

/// How often each place that holds an object stands in a snapshot.
pub(crate) fn count_objects(root: &SnapshotNode) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (who, block) in entries(root).unwrap_or_default() {
        for (heading, part) in entries(block).unwrap_or_default() {
            let mut at =
                |part: PlacePart, node: &SnapshotNode| objects(&SnapshotPlace::new(Some(who), part), node, &mut counts);
            match part {
                SnapshotNode::Map(states) if heading == STATE => {
                    states.iter().for_each(|(name, answer)| at(PlacePart::State(name.clone()), answer));
                }
                SnapshotNode::Map(kinds) if holds_kinds(heading, part) => {
                    for (kind, list) in kinds {
                        for frame in items(list).unwrap_or_default() {
                            let kind = kind.clone();
                            at(PlacePart::Frame { section: heading.clone(), kind, number: None }, frame);
                        }
                    }
                }
                SnapshotNode::List(list) if is_stream(list) => {
                    for (head, body) in list.iter().filter_map(entries).flatten() {
                        at(PlacePart::Delivery { stream: heading.clone(), head: DeliveryHead::parse(head) }, body);
                    }
                }
                _ => {}
            }
        }
    }
    counts
}

fn objects(place: &SnapshotPlace, node: &SnapshotNode, counts: &mut BTreeMap<String, usize>) {
    match node {
        SnapshotNode::Map(entries) => {
            *counts.entry(place.general()).or_default() += 1;
            entries.iter().for_each(|(key, value)| objects(&place.with(PlaceStep::Key(key.clone())), value, counts));
        }
        SnapshotNode::List(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(at, item)| objects(&place.with(PlaceStep::Element(at, None)), item, counts));
        }
        _ => {}
    }
}
