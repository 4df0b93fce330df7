//! Gaps: a place is missing when a connection of a participant has deliveries on both sides of it and no
//! connection of that participant has it. A connection that resumes behind a position owes everything after it.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::ConnectionId;
use crate::invariant::evidence::{evidence, evidence_of_entries};
use crate::invariant::order::{misplaced, unplaced};
use crate::invariant::sighting::Sighting;
use crate::invariant::trace::StreamTrace;
use crate::invariant::verdict::{Evidence, InvariantFindings};
use crate::scenario::stream::StoredStream;
use crate::text::listed;

/// No place between two deliveries of a connection is missing for its participant. Of a place that nobody got,
/// what was read back tells whether the server has it.
pub(crate) fn no_gaps(trace: &StreamTrace<'_>, stored: &[StoredStream]) -> InvariantFindings {
    let mut findings =
        InvariantFindings { unknown: unplaced(trace), violations: misplaced(trace), ..InvariantFindings::default() };
    let had = places(trace);
    for ((connection, stream), arrivals) in trace.arrivals() {
        findings.judged += arrivals.len();
        let Some(participant) = arrivals.first().map(|sighting| sighting.participant) else {
            continue;
        };
        let resumed = resumed_after(trace, connection, stream);
        let others = |place| others(trace, stored, participant, stream, place);
        let whole: BTreeMap<i64, &Sighting<'_>> =
            arrivals.iter().filter_map(|sighting| Some((sighting.order?, *sighting))).collect();
        if let Some(after) = resumed {
            findings.violations.extend(wrong_start(trace, connection, stream, after, &whole, others));
        }
        // What a resumed connection skips is missing there, even where another connection has it.
        let own: BTreeSet<i64> = whole.keys().copied().collect();
        let known = if resumed.is_some() { Some(&own) } else { had.get(&(participant, stream)) };
        for span in spans(trace, participant, stream, &arrivals) {
            findings.violations.extend(holes(trace, stream, &span, known.unwrap_or(&own), resumed, others));
        }
    }
    findings
}

/// The places that each participant has, over all its connections; those whose stream isn't known count for
/// every stream, so that they make no gap.
fn places<'t>(trace: &'t StreamTrace<'_>) -> BTreeMap<(&'t str, &'t str), BTreeSet<i64>> {
    let mut had: BTreeMap<(&str, &str), BTreeSet<i64>> = BTreeMap::new();
    let delivered = || trace.sightings.iter().filter(|sighting| sighting.is_delivery());
    for sighting in delivered() {
        if let (Some(stream), Some(order)) = (sighting.stream.as_deref(), sighting.order) {
            had.entry((sighting.participant, stream)).or_default().insert(order);
        }
    }
    for sighting in delivered().filter(|sighting| sighting.stream.is_none()) {
        for ((participant, _), places) in &mut had {
            if *participant == sighting.participant {
                places.extend(sighting.order);
            }
        }
    }
    had
}

/// The position behind which a connection resumed this stream.
pub(crate) fn resumed_after(trace: &StreamTrace<'_>, connection: ConnectionId, stream: &str) -> Option<i64> {
    let connection = trace.connections.get(&connection)?;
    let parameter = trace.stream.resume.as_ref()?;
    if connection.stream.as_deref() != Some(stream) {
        return None;
    }
    connection.query.get(parameter)?.parse().ok()
}

fn wrong_start(
    trace: &StreamTrace<'_>,
    connection: ConnectionId,
    stream: &str,
    after: i64,
    places: &BTreeMap<i64, &Sighting<'_>>,
    others: impl Fn(i64) -> String,
) -> Option<Evidence> {
    let (first, sighting) = places.first_key_value()?;
    let due = after.saturating_add(1);
    if *first == due {
        return None;
    }
    let headline = format!(
        "{} resumed after {after} but the connection began with {first} instead of {due} ({})",
        sighting.participant,
        trace.whereabouts(Some(connection), stream)
    );
    let opened = trace.connections.get(&connection).map(|connection| connection.opened);
    let shown = [opened.unwrap_or(sighting.entry), sighting.entry];
    let mut evidence = evidence_of_entries(trace, headline, sighting, &shown);
    if *first > due {
        evidence.details.push(others(due));
    }
    Some(evidence)
}

/// The deliveries of a connection, parted where its participant left: what was sent meanwhile isn't owed.
fn spans<'s, 'a>(
    trace: &StreamTrace<'a>,
    participant: &str,
    stream: &str,
    arrivals: &[&'s Sighting<'a>],
) -> Vec<BTreeMap<i64, &'s Sighting<'a>>> {
    let left = trace.memberships.left_at(trace.id_of(participant), stream);
    let mut spans: BTreeMap<usize, BTreeMap<i64, &Sighting<'_>>> = BTreeMap::new();
    for sighting in arrivals {
        let span = left.iter().filter(|index| **index < sighting.entry).count();
        if let Some(order) = sighting.order {
            spans.entry(span).or_default().entry(order).or_insert(sighting);
        }
    }
    spans.into_values().collect()
}

fn holes(
    trace: &StreamTrace<'_>,
    stream: &str,
    span: &BTreeMap<i64, &Sighting<'_>>,
    had: &BTreeSet<i64>,
    resumed: Option<i64>,
    others: impl Fn(i64) -> String,
) -> Vec<Evidence> {
    let mut found = Vec::new();
    for ((below, before), (above, behind)) in span.iter().zip(span.iter().skip(1)) {
        // As many steps as there are known places between: a far jump costs nothing.
        let Some(missing) = (below.saturating_add(1)..*above).find(|place| !had.contains(place)) else {
            continue;
        };
        let missed = match resumed {
            Some(after) => format!("resumed after {after} and did not get {missing} there"),
            None => format!("never got {missing}"),
        };
        let headline = format!(
            "{} {missed}, which lies between {below} and {above} ({}); {}",
            behind.participant,
            trace.whereabouts(behind.connection, stream),
            others(missing)
        );
        found.push(evidence(trace, headline, behind, &[before, behind]));
    }
    found
}

/// Who else got a place: `alice and bob got it`; where nobody did, whether the server has it.
fn others(trace: &StreamTrace<'_>, stored: &[StoredStream], but: &str, stream: &str, place: i64) -> String {
    let names = seen_by(trace, &[but], stream, place);
    let log = stored.iter().find(|read| read.name == trace.stream.name && read.stream == stream);
    let Some(Ok(items)) = log.map(|read| &read.items).filter(|_| names.is_empty()) else {
        return format!("{} got it", listed(&names));
    };
    match items.iter().find(|(_, order)| *order == place) {
        Some((id, _)) => format!("nobody got it; the log has it ({id})"),
        None => "nobody got it, and the log skips it too".to_owned(),
    }
}

/// Who but these got a place, or its acknowledgement.
pub(crate) fn seen_by<'a>(trace: &StreamTrace<'a>, but: &[&str], stream: &str, place: i64) -> Vec<&'a str> {
    let mut names: Vec<&'a str> = Vec::new();
    for sighting in trace.sightings.iter().filter(|sighting| sighting.stream.as_deref() == Some(stream)) {
        if sighting.order == Some(place)
            && !but.contains(&sighting.participant)
            && !names.contains(&sighting.participant)
        {
            names.push(sighting.participant);
        }
    }
    names.sort_by_key(|name| trace.members.iter().position(|member| member.key == *name));
    names
}
