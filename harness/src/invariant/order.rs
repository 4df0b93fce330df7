//! Order and duplicates: judged within a connection; an id stands at the same place for everybody.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use crate::history::ConnectionId;
use crate::invariant::evidence::evidence;
use crate::invariant::sighting::{Sighting, SightingKind};
use crate::invariant::trace::StreamTrace;
use crate::invariant::verdict::{Evidence, InvariantFindings};

/// Deliveries ascend within every connection, and everybody has the same id at the same place.
///
/// A place that a connection got twice is a duplicate and no disorder; where duplicates aren't judged it counts
/// here, so that it doesn't pass unseen.
pub(crate) fn same_order(trace: &StreamTrace<'_>, duplicates_asked: bool) -> InvariantFindings {
    let mut findings =
        InvariantFindings { unknown: unplaced(trace), violations: misplaced(trace), ..InvariantFindings::default() };
    for ((connection, stream), arrivals) in trace.arrivals() {
        findings.judged += arrivals.len();
        findings.violations.extend(descents(trace, connection, stream, &arrivals, duplicates_asked));
    }
    findings.violations.extend(disagreements(trace));
    findings
}

fn descents(
    trace: &StreamTrace<'_>,
    connection: ConnectionId,
    stream: &str,
    arrivals: &[&Sighting<'_>],
    duplicates_asked: bool,
) -> Vec<Evidence> {
    let mut found = Vec::new();
    let mut places: BTreeMap<i64, &Sighting<'_>> = BTreeMap::new();
    for sighting in arrivals {
        let Some(order) = sighting.order else {
            continue;
        };
        let again = places.contains_key(&order);
        // The nearest one that came before although it stands behind, or at the same place.
        let from = if duplicates_asked { order.saturating_add(1) } else { order };
        let earlier = places.range(from..).map(|(_, other)| *other).max_by_key(|other| other.entry);
        if let Some(earlier) = earlier
            && !(again && duplicates_asked)
        {
            let whereabouts = trace.whereabouts(Some(connection), stream);
            let headline = match earlier.order {
                Some(same) if same == order => {
                    format!("{} got {order} twice ({whereabouts})", sighting.participant)
                }
                Some(_) => {
                    let (first, second) = (marked(earlier), marked(sighting));
                    format!("{} got {first} before {second} ({whereabouts})", sighting.participant)
                }
                None => continue,
            };
            found.push(evidence(trace, headline, sighting, &[earlier, sighting]));
        }
        places.insert(order, sighting);
    }
    found
}

/// `38`, or `its ack of 41`: both are deliveries, and a reader looks for the frame.
fn marked(sighting: &Sighting<'_>) -> String {
    let order = sighting.order.map_or_else(|| sighting.place(), |order| order.to_string());
    if sighting.acknowledges() { format!("its ack of {order}") } else { order }
}

/// An id that stands at two places, or a place with two ids, whoever saw it.
fn disagreements(trace: &StreamTrace<'_>) -> Vec<Evidence> {
    let mut found = Vec::new();
    let mut orders: BTreeMap<(&str, &str), &Sighting<'_>> = BTreeMap::new();
    let mut ids: BTreeMap<(&str, i64), &Sighting<'_>> = BTreeMap::new();
    for sighting in &trace.sightings {
        let (Some(stream), Some(id), Some(order)) =
            (sighting.stream.as_deref(), sighting.id.as_deref(), sighting.order)
        else {
            continue;
        };
        match orders.entry((stream, id)) {
            Slot::Vacant(slot) => {
                slot.insert(sighting);
            }
            Slot::Occupied(slot) => {
                let first = *slot.get();
                if let Some(other) = first.order.filter(|other| *other != order) {
                    let headline = format!(
                        "{} has {id} at {order}, {} has it at {other} ({})",
                        sighting.participant,
                        whom(first, sighting),
                        trace.whereabouts(sighting.connection, stream)
                    );
                    found.push(evidence(trace, headline, sighting, &[first, sighting]));
                }
            }
        }
        match ids.entry((stream, order)) {
            Slot::Vacant(slot) => {
                slot.insert(sighting);
            }
            Slot::Occupied(slot) => {
                let first = *slot.get();
                if let Some(other) = first.id.as_deref().filter(|other| *other != id) {
                    let headline = format!(
                        "{} has {id} at {order}, {} has {other} there ({})",
                        sighting.participant,
                        whom(first, sighting),
                        trace.whereabouts(sighting.connection, stream)
                    );
                    found.push(evidence(trace, headline, sighting, &[first, sighting]));
                }
            }
        }
    }
    found
}

/// The other's name, or that it was the same one earlier.
fn whom(other: &Sighting<'_>, one: &Sighting<'_>) -> String {
    if other.participant == one.participant {
        format!("an earlier frame of {}", other.participant)
    } else {
        other.participant.to_owned()
    }
}

/// No connection got a delivery twice: neither an id nor a place, nor under two ids what its sender sent under one.
pub(crate) fn no_duplicates(trace: &StreamTrace<'_>) -> InvariantFindings {
    let mut findings = InvariantFindings::default();
    for ((connection, stream), arrivals) in trace.arrivals() {
        let mut ids: BTreeMap<&str, &Sighting<'_>> = BTreeMap::new();
        let mut places: BTreeMap<i64, &Sighting<'_>> = BTreeMap::new();
        let mut own_ids: BTreeMap<&str, Vec<&Sighting<'_>>> = BTreeMap::new();
        for sighting in arrivals {
            if sighting.id.is_none() && sighting.order.is_none() {
                findings.unknown.push(format!(
                    "a delivery to {} has neither id nor order (entry {})",
                    sighting.participant, sighting.entry
                ));
                continue;
            }
            findings.judged += 1;
            let by_id = sighting.id.as_deref().and_then(|id| ids.insert(id, sighting));
            let by_place = sighting.order.and_then(|order| places.insert(order, sighting));
            if let Some(earlier) = by_id.or(by_place) {
                let headline = format!(
                    "{} got {} twice ({})",
                    sighting.participant,
                    sighting.place(),
                    trace.whereabouts(Some(connection), stream)
                );
                findings.violations.push(evidence(trace, headline, sighting, &[earlier, sighting]));
            } else if let Some(client_id) = sighting.client_id.as_deref() {
                let namesakes = own_ids.entry(client_id).or_default();
                findings.violations.extend(renamed(trace, namesakes, sighting, client_id));
                namesakes.push(sighting);
            }
        }
    }
    findings.violations.extend(acked_twice(trace));
    findings.unknown.extend(streamless(trace));
    findings
}

/// What one sender sent under one id of its own came under two ids. Another sender may use the same id.
fn renamed(
    trace: &StreamTrace<'_>,
    earlier: &[&Sighting<'_>],
    sighting: &Sighting<'_>,
    client_id: &str,
) -> Option<Evidence> {
    let mut others = earlier.iter().filter(|other| other.id.is_some() && other.id != sighting.id).peekable();
    // Looking for senders is long; mostly there is nobody to compare with.
    others.peek()?;
    let sender = trace.sender(sighting).filter(|_| sighting.id.is_some())?;
    let other = others.find(|other| trace.sender(other) == Some(sender))?;
    let (first, second) = (other.place(), sighting.place());
    let whose = if sender == sighting.participant { "its own".to_owned() } else { format!("{sender}'s") };
    let headline = format!(
        "{} got {whose} {client_id} twice, as {first} and as {second} ({})",
        sighting.participant,
        trace.whereabouts(sighting.connection, sighting.stream.as_deref().unwrap_or_default())
    );
    Some(evidence(trace, headline, sighting, &[other, sighting]))
}

/// Two acks, on two connections of one participant, that name two deliveries for one id of its own.
fn acked_twice(trace: &StreamTrace<'_>) -> Vec<Evidence> {
    let mut found = Vec::new();
    let mut acks: BTreeMap<(&str, &str, &str), &Sighting<'_>> = BTreeMap::new();
    let acknowledged = |kind| matches!(kind, SightingKind::Ack | SightingKind::Receipt);
    for ack in trace.sightings.iter().filter(|sighting| acknowledged(sighting.kind) && sighting.id.is_some()) {
        let (Some(stream), Some(client_id)) = (ack.stream.as_deref(), ack.client_id.as_deref()) else {
            continue;
        };
        match acks.entry((ack.participant, stream, client_id)) {
            Slot::Vacant(slot) => {
                slot.insert(ack);
            }
            Slot::Occupied(slot) => {
                let first = *slot.get();
                // Where they are deliveries as well, those of one connection are told of there.
                let told = ack.is_delivery() && first.connection == ack.connection;
                if first.id != ack.id && !told {
                    let headline = format!(
                        "{} got two acks of its own {client_id}, as {} on {} and as {} ({})",
                        ack.participant,
                        first.place(),
                        trace.label(first.connection),
                        ack.place(),
                        trace.whereabouts(ack.connection, stream)
                    );
                    found.push(evidence(trace, headline, ack, &[first, ack]));
                }
            }
        }
    }
    found
}

/// What stands where an order belongs and can't be a place in it: a string among numbers, say.
pub(crate) fn misplaced(trace: &StreamTrace<'_>) -> Vec<Evidence> {
    let misplaced = trace.sightings.iter().filter_map(|sighting| Some((sighting, sighting.misplaced.as_deref()?)));
    let evidence = misplaced.map(|(sighting, value)| {
        let what = match sighting.kind {
            SightingKind::Delivery => "a delivery",
            SightingKind::Answer => "an answer",
            SightingKind::Ack | SightingKind::Receipt | SightingKind::RepeatedAck => "an ack",
        };
        let headline = format!(
            "{} got {what} with the order {value}, which is no integer ({})",
            sighting.participant,
            match &sighting.stream {
                Some(stream) => trace.whereabouts(sighting.connection, stream),
                None => trace.stream.name.clone(),
            }
        );
        evidence(trace, headline, sighting, &[sighting])
    });
    evidence.collect()
}

/// Why some deliveries can't be put into an order.
pub(crate) fn unplaced(trace: &StreamTrace<'_>) -> Vec<String> {
    let nameless = trace
        .sightings
        .iter()
        .filter(|sighting| sighting.is_delivery() && sighting.order.is_none() && sighting.misplaced.is_none());
    let mut why: Vec<String> = nameless
        .take(1)
        .map(|sighting| {
            format!("a delivery to {} has no integer for its order (entry {})", sighting.participant, sighting.entry)
        })
        .collect();
    why.extend(streamless(trace));
    why
}

pub(crate) fn streamless(trace: &StreamTrace<'_>) -> Option<String> {
    trace.sightings.iter().find(|sighting| sighting.is_delivery() && sighting.stream.is_none()).map(|sighting| {
        format!(
            "nothing tells to which stream {} of {} belongs (entry {})",
            sighting.place(),
            sighting.participant,
            sighting.entry
        )
    })
}
