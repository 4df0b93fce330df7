//! Where ids come from: an id is numbered among those of the participant who brought it up.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::EntryKind;
use crate::invariant::sighting::SightingKind;
use crate::invariant::trace::StreamTrace;
use crate::snapshot::material::Material;
use crate::snapshot::placeholders::{Id, Placeholders};
use crate::snapshot::prepare::id_places;
use crate::snapshot::raced::is_raced;
use crate::snapshot::stream_ranks::StreamRanks;

/// Where an acknowledgement stands for its sender: the stream's place in the file, which of its values it
/// is in the order in which the sender opened connections to them or met them, and the order in it.
type StreamPlace = (usize, usize, i64);

/// Which participant brought up which ids, so that their numbers depend on nothing but what that participant did.
pub(crate) struct Origins {
    /// For each participant, the ids that it brought up, in its own order: under its key those from before a race
    /// gave it a role, then under that.
    by_participant: Vec<(String, Vec<Id>)>,
    /// Deliveries that nobody of the scenario sent, in stream order.
    unclaimed: Vec<Id>,
}

impl Origins {
    pub(crate) fn find(
        material: &Material<'_>,
        traces: &[StreamTrace<'_>],
        ranks: &[StreamRanks],
        placeholders: &mut Placeholders,
    ) -> Self {
        let mut owners: BTreeMap<Id, (&str, usize)> = BTreeMap::new();
        let mut acked: BTreeMap<&str, Vec<(StreamPlace, Id)>> = BTreeMap::new();
        for (stream, trace) in traces.iter().enumerate() {
            let mut values: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
            // Acks on several connections race; the order in which the connections were opened doesn't.
            let mut connections: Vec<_> = trace.connections.values().collect();
            connections.sort_by_key(|connection| material.history.order_of(connection.opened));
            for connection in connections {
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
        for (id, senders) in senders(material, &sent, placeholders) {
            if let Some(first) = senders.first() {
                let owner = owners.entry(id).or_insert((first.participant, first.entry));
                if let Some(own) = senders.iter().find(|sender| sender.participant == owner.0) {
                    owner.1 = owner.1.min(own.entry);
                }
            }
        }
        let mut by_participant = Vec::new();
        let mut sent_by: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for one in &sent {
            sent_by.entry(one.0).or_default().push(one);
        }
        for member in material.by_roles() {
            let key = member.key.as_str();
            let mut own = sent_by.remove(key).unwrap_or_default();
            own.sort_by_key(|(_, entry, _)| material.history.order_of(*entry));
            let mut ids: Vec<Id> = own.into_iter().flat_map(|(_, _, ids)| ids.clone()).collect();
            let mut own = acked.remove(key).unwrap_or_default();
            own.sort_by_key(|(place, _)| *place);
            ids.extend(own.into_iter().map(|(_, id)| id));
            ids.retain(|id| owners.get(id).is_some_and(|(owner, _)| *owner == key));
            let (before_race, from_race_on): (Vec<Id>, Vec<Id>) = ids
                .into_iter()
                .partition(|id| owners.get(id).is_some_and(|(_, entry)| material.is_before_race(*entry)));
            by_participant.push((key.to_owned(), before_race));
            by_participant.push((material.label(key).to_owned(), from_race_on));
        }
        Self { by_participant, unclaimed: unclaimed(material, traces, ranks, placeholders) }
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
            let ids = placeholders.ids_in(&value, &id_places(material.rules, &value));
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

/// A participant that sent an id.
struct IdSender<'r> {
    participant: &'r str,
    /// When it did first.
    entry: usize,
}

/// Who sent each id: first those who had not been told it before, then the others, each in the order of the scenario
/// file. Which of two who act at once came first is a race, and tells nothing.
fn senders<'r>(
    material: &'r Material<'_>,
    sent: &[(&'r str, usize, Vec<Id>)],
    placeholders: &Placeholders,
) -> BTreeMap<Id, Vec<IdSender<'r>>> {
    let mut senders: BTreeMap<Id, Vec<IdSender<'r>>> = BTreeMap::new();
    for (participant, entry, ids) in sent {
        for id in ids {
            let all = senders.entry(id.clone()).or_default();
            if !all.iter().any(|other| other.participant == *participant) {
                all.push(IdSender { participant, entry: *entry });
            }
        }
    }
    let shared: BTreeSet<Id> = senders.iter().filter(|(_, all)| all.len() > 1).map(|(id, _)| id.clone()).collect();
    if shared.is_empty() {
        return senders;
    }
    let mut told: BTreeMap<(&Id, &str), usize> = BTreeMap::new();
    for (index, entry) in material.history.entries.iter().enumerate() {
        let value = match &entry.what {
            EntryKind::Received { frame, .. } => frame.value(),
            EntryKind::Exchange(exchange) => std::sync::Arc::new(exchange.answer.clone()),
            _ => continue,
        };
        for id in placeholders.ids_in(&value, &id_places(material.rules, &value)) {
            if let Some(id) = shared.get(&id) {
                told.entry((id, entry.participant.as_str())).or_insert(index);
            }
        }
    }
    let order: Vec<&str> = material.by_roles().into_iter().map(|member| member.key.as_str()).collect();
    for (id, all) in senders.iter_mut().filter(|(id, _)| shared.contains(*id)) {
        all.sort_by_key(|sender| {
            // The answer to the request that sends it tells it back at the same entry.
            let knew = told.get(&(id, sender.participant)).is_some_and(|told| *told < sender.entry);
            (knew, order.iter().position(|key| *key == sender.participant))
        });
    }
    senders
}

/// The ids of all deliveries in stream order; streams stand in the order of the connections on which the participants,
/// in file order, met them. Raced streams have no order: their ids are numbered as they show in the text.
fn unclaimed(
    material: &Material<'_>,
    traces: &[StreamTrace<'_>],
    ranks: &[StreamRanks],
    placeholders: &mut Placeholders,
) -> Vec<Id> {
    let members = material.by_roles();
    let mut found = Vec::new();
    for (trace, ranks) in traces.iter().zip(ranks).filter(|(trace, _)| !is_raced(material, trace)) {
        let mut met: Vec<&str> = Vec::new();
        let mut deliveries: BTreeMap<(usize, i64), Id> = BTreeMap::new();
        let mut arrivals: Vec<_> = trace.arrivals().into_iter().collect();
        arrivals.sort_by_key(|((connection, stream), _)| {
            let opened =
                trace.connections.get(connection).map(|connection| material.history.order_of(connection.opened));
            (opened, *connection, ranks.of_value(Some(stream)))
        });
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
