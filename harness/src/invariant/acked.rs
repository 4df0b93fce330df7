//! Durability: what was acknowledged is in the stream that the server gives back, once and at that place.

use std::collections::{BTreeMap, BTreeSet};

use crate::invariant::evidence::evidence;
use crate::invariant::order::misplaced;
use crate::invariant::sighting::Sighting;
use crate::invariant::trace::StreamTrace;
use crate::invariant::verdict::InvariantFindings;
use crate::scenario::stream::StoredStream;

/// Every acknowledgement, on a socket or as a request's answer, is stored exactly once with its order.
pub(crate) fn acked_not_lost(trace: &StreamTrace<'_>, stored: &[StoredStream]) -> InvariantFindings {
    let mut findings = InvariantFindings { violations: misplaced(trace), ..InvariantFindings::default() };
    let read: BTreeMap<&str, (&StoredStream, StoredOrders<'_>)> = stored
        .iter()
        .filter(|read| read.name == trace.stream.name)
        .map(|read| (read.stream.as_str(), (read, orders(read))))
        .collect();
    let mut told = BTreeSet::new();
    for ack in trace.sightings.iter().filter(|sighting| sighting.acknowledges()) {
        let (Some(stream), Some(id)) = (ack.stream.as_deref(), ack.id.as_deref()) else {
            let lacking = if ack.id.is_none() { "no id" } else { "no stream" };
            findings.unknown.push(format!(
                "the acknowledgement of {} to {} has {lacking} (entry {})",
                ack.place(),
                ack.participant,
                ack.entry
            ));
            continue;
        };
        // The answer to a repeated sending acknowledges the same delivery once more.
        if !told.insert((stream, id, ack.order)) {
            continue;
        }
        match read.get(stream).map(|(read, orders)| (&read.items, orders)) {
            Some((Ok(items), orders)) => {
                findings.judged += 1;
                let stored = orders.get(id).map(Vec::as_slice).unwrap_or_default();
                if let Some(wrong) = wrong(ack, id, stored, items) {
                    let headline = format!("{wrong} ({})", trace.whereabouts(ack.connection, stream));
                    let mut evidence = evidence(trace, headline, ack, &[ack]);
                    evidence.details.push(extent(items));
                    findings.violations.push(evidence);
                }
            }
            Some((Err(error), _)) => findings.unknown.push(format!("{stream} could not be read back: {error}")),
            None if trace.stream.readback.is_none() => {
                findings.unknown.push("the protocol declares no readback of this stream".to_owned());
            }
            None => findings.unknown.push(format!("{stream} was not read back")),
        }
    }
    findings
}

/// Where each id is stored.
type StoredOrders<'s> = BTreeMap<&'s str, Vec<i64>>;

fn orders(read: &StoredStream) -> StoredOrders<'_> {
    let mut orders = StoredOrders::new();
    for (id, order) in read.items.iter().flatten() {
        orders.entry(id).or_default().push(*order);
    }
    orders
}

/// What is wrong with how an acknowledged delivery is stored.
fn wrong(ack: &Sighting<'_>, id: &str, stored: &[i64], items: &[(String, i64)]) -> Option<String> {
    let who = ack.participant;
    let place = ack.place();
    match stored {
        [] => {
            let instead = items.iter().find(|(_, order)| Some(*order) == ack.order);
            let instead = instead.map(|(other, order)| format!("; {other} is at {order}")).unwrap_or_default();
            Some(format!("{who}'s {place} was acknowledged and is not in the stream that was read back{instead}"))
        }
        [one] => {
            let acked = ack.order.filter(|order| order != one)?;
            Some(format!("{who}'s {id} was acknowledged at {acked} and is stored at {one}"))
        }
        several => Some(format!("{who}'s {place} was acknowledged once and is stored {} times", several.len())),
    }
}

/// `read back: 6 items, 1 to 6`.
fn extent(items: &[(String, i64)]) -> String {
    let orders = || items.iter().map(|(_, order)| *order);
    match (orders().min(), orders().max()) {
        (Some(first), Some(last)) => format!("read back: {} items, {first} to {last}", items.len()),
        _ => "read back: no items".to_owned(),
    }
}
