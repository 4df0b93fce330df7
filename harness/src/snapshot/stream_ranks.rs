//! The order of a stream's values, by what they are called and hold: which of them somebody met first is a race where
//! several share a connection.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::EntryKind;
use crate::invariant::trace::StreamTrace;
use crate::snapshot::material::Material;
use crate::snapshot::placeholders::Placeholders;
use crate::snapshot::prepare::Preparation;
use crate::snapshot::raced::{RacedOrders, is_raced, order_path};
use crate::snapshot::times::PlaySpan;

/// The places of a stream's values among each other.
#[derive(Debug, Default)]
pub(crate) struct StreamRanks(BTreeMap<String, usize>);

impl StreamRanks {
    /// Tells the values apart by their names, where they have any, then by their deliveries.
    pub(crate) fn of(
        material: &Material<'_>,
        trace: &StreamTrace<'_>,
        raced: &RacedOrders,
        placeholders: &Placeholders,
    ) -> Self {
        let values: BTreeSet<&str> = trace.sightings.iter().filter_map(|sighting| sighting.stream.as_deref()).collect();
        if values.len() < 2 {
            return Self::default();
        }
        let mut preparation =
            Preparation::new(material.rules, raced, PlaySpan { began: material.began, now: material.now });
        let without_order = is_raced(material, trace);
        let mut held: BTreeMap<&str, BTreeSet<(Option<i64>, String)>> = BTreeMap::new();
        for sighting in trace.sightings.iter().filter(|sighting| sighting.is_delivery()) {
            let entry = material.history.entries.get(sighting.entry);
            let (Some(EntryKind::Received { frame, .. }), Some(value)) =
                (entry.map(|entry| &entry.what), sighting.stream.as_deref())
            else {
                continue;
            };
            let orders = [order_path(trace.stream, sighting)];
            let body = preparation.value(&frame.value(), if without_order { &orders } else { &[] }, &[]);
            let text = placeholders.mask(&body.value, &body, "").compact();
            held.entry(value).or_default().insert((sighting.order.filter(|_| !without_order), text));
        }
        let mut sorted: Vec<&str> = values.into_iter().collect();
        sorted.sort_by_cached_key(|value| (placeholders.masked(value), held.remove(value)));
        Self(sorted.into_iter().enumerate().map(|(place, value)| (value.to_owned(), place)).collect())
    }

    /// The place of a value; deliveries without one stand first.
    pub(crate) fn of_value(&self, value: Option<&str>) -> Option<usize> {
        value.and_then(|value| self.0.get(value).copied())
    }
}
