//! Streams whose order was raced: it differs between runs and isn't shown.

use std::collections::{BTreeMap, BTreeSet};

use serde_json_path::JsonPath;

use crate::history::EntryKind;
use crate::invariant::sighting::{Sighting, SightingKind};
use crate::invariant::trace::StreamTrace;
use crate::scenario::stream::Stream;
use crate::snapshot::frame_kind::frame_kind;
use crate::snapshot::json_pointer::pointers;
use crate::snapshot::material::Material;

/// The places of raced deliveries: an object that has one of these ids and under one of these keys its order
/// shows that order as `[seq]`.
#[derive(Debug, Default)]
pub(crate) struct RacedOrders {
    pub(crate) orders: BTreeMap<String, i64>,
    pub(crate) keys: BTreeSet<String>,
}

/// What stands for the order of a raced delivery.
pub(crate) const SEQ: &str = "[seq]";

/// Whether the order of a stream was raced: its name is listed, or the kind of one of its deliveries.
pub(crate) fn is_raced(material: &Material<'_>, trace: &StreamTrace<'_>) -> bool {
    let listed = |name: &str| material.unordered_kinds.iter().any(|listed| listed == name);
    if material.unordered_kinds.is_empty() {
        return false;
    }
    listed(&trace.stream.name)
        || trace.sightings.iter().filter(|sighting| sighting.is_delivery()).any(|sighting| {
            let entry = material.history.entries.get(sighting.entry);
            entry.is_some_and(|entry| match &entry.what {
                EntryKind::Received { frame, .. } => listed(&frame_kind(material, frame, &frame.value()).0),
                _ => false,
            })
        })
}

/// The places of all raced deliveries, to find them again in histories.
pub(crate) fn raced_orders(material: &Material<'_>, traces: &[StreamTrace<'_>]) -> RacedOrders {
    let mut raced = RacedOrders::default();
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

pub(crate) fn order_path<'s>(stream: &'s Stream, sighting: &Sighting<'_>) -> &'s JsonPath {
    match (&stream.acks, sighting.kind) {
        (Some(acks), SightingKind::Ack | SightingKind::Receipt | SightingKind::RepeatedAck) => &acks.order,
        _ => &stream.order,
    }
}

pub(crate) fn id_path<'s>(stream: &'s Stream, sighting: &Sighting<'_>) -> &'s JsonPath {
    match (&stream.acks, sighting.kind) {
        (Some(acks), SightingKind::Ack | SightingKind::RepeatedAck) => &acks.id,
        _ => &stream.id,
    }
}
