//! Where ids come from: an id is numbered among those that its author brought up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::EntryKind;
use crate::invariant::trace::{SightingKind, StreamTrace};
use crate::snapshot::material::Material;
use crate::snapshot::placeholders::{Id, Placeholders};
use crate::snapshot::raced::is_raced;

/// Where an acknowledgement stands for its sender: the stream's place in the file, which of its values it
/// is in the order in which the sender opened connections to them or met them, and the order in it.
type StreamPlace = (usize, usize, i64);

/// Where ids come from: their numbers depend on nothing but their author's own doings.
pub(crate) struct Origins {
    /// For each participant, the ids that it brought up, in its own order: under its key those from before a race
    /// gave it a role, then under that.
    by_participant: Vec<(String, Vec<Id>)>,
    /// Deliveries that nobody of the scenario sent, in stream order.
    unclaimed: Vec<Id>,
}

impl Origins {
    pub(crate) fn find(material: &Material<'_>, traces: &[StreamTrace<'_>], placeholders: &mut Placeholders) -> Self {
        let mut owners: BTreeMap<Id, (&str, usize)> = BTreeMap::new();
        let mut acked: BTreeMap<&str, Vec<(StreamPlace, Id)>> = BTreeMap::new();
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
                let Some(id) = sighting.id.as_deref().and_then(|id| placeholders.delivery(id, &trace.stream.name))
                else {
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
        let sent = Self::sent(material, placeholders);
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
        Self { by_participant, unclaimed: unclaimed(material, traces, placeholders) }
    }

    /// The ids in what was sent, entry by entry.
    fn sent<'r>(material: &Material<'r>, placeholders: &Placeholders) -> Vec<(&'r str, usize, Vec<Id>)> {
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
            strings(&value, &mut |text| ids.extend(placeholders.ids(text)));
            if !ids.is_empty() {
                sent.push((entry.participant.as_str(), index, ids));
            }
        }
        sent
    }

    pub(crate) fn assign(&self, placeholders: &mut Placeholders, shown: &BTreeSet<Id>) {
        for (participant, ids) in &self.by_participant {
            for id in ids.iter().filter(|id| shown.contains(id)) {
                placeholders.assign(id, Some(participant));
            }
        }
        for id in self.unclaimed.iter().filter(|id| shown.contains(id)) {
            placeholders.assign(id, None);
        }
    }
}

/// The ids of all deliveries in stream order; streams stand in the order in which the participants, in file
/// order, met them. Raced streams have no order: their ids are numbered as they show in the text.
fn unclaimed(material: &Material<'_>, traces: &[StreamTrace<'_>], placeholders: &mut Placeholders) -> Vec<Id> {
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
                        && let Some(id) = placeholders.delivery(id, &trace.stream.name)
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

/// Every string of a value, keys too, in its order.
pub(crate) fn strings(value: &Value, take: &mut dyn FnMut(&str)) {
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
