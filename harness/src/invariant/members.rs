//! Membership: nobody gets a delivery that was sent after its leave was answered, or that it never joined for.

use std::collections::BTreeMap;

use crate::history::What;
use crate::invariant::order::evidence;
use crate::invariant::trace::{Origin, Sighting, Trace};
use crate::invariant::verdict::{Findings, Mention};
use crate::invariant::words::{described, milliseconds};
use crate::scenario::stream::MemberRule;

/// A request, or a connection's beginning or end, that changed who is a member of a stream.
pub(crate) struct Change {
    /// Whose membership it changed, by identity id.
    members: Vec<String>,
    /// The index that the next entry had when the request was sent; of a connection, its own.
    began: usize,
    /// The index of its answer; of a connection, its own.
    answered: usize,
    joins: bool,
}

/// A time in which somebody is certainly no member: behind entry `from` (none: from the start) and before
/// entry `until`.
struct Absence {
    from: Option<usize>,
    until: usize,
}

/// Nobody got a delivery that was sent after its leave was answered; nobody that never joined got any.
///
/// What was on its way at the time of the leave is no violation: the sending must have begun after the leave's
/// answer was recorded. A join counts from its request, a leave from its answer, and where the two overlap
/// nobody can say which came last, so nothing is judged.
pub(crate) fn members_only(trace: &Trace<'_>) -> Findings {
    let mut findings = Findings::default();
    if trace.stream.membership.is_none() {
        if trace.sightings.iter().any(Sighting::delivered) {
            findings.unknown.push("the protocol declares no membership of this stream".to_owned());
        }
        return findings;
    }
    for sighting in trace.sightings.iter().filter(|sighting| sighting.delivered()) {
        let Some(stream) = sighting.stream.as_deref() else {
            findings.unknown.push(format!(
                "nothing tells to which stream {} of {} belongs (entry {})",
                sighting.place(),
                sighting.participant,
                sighting.entry
            ));
            continue;
        };
        let changes: Vec<&Change> = changes(trace, sighting.participant, stream).collect();
        if changes.is_empty() && !joined_by_anyone(trace, stream) {
            findings.unknown.push(format!("the record has no join of {stream}, so its members are not known"));
            continue;
        }
        findings.judged += 1;
        let absence = absences(&changes)
            .into_iter()
            .find(|absence| absence.from.is_none_or(|from| from < sighting.entry) && sighting.entry < absence.until);
        match absence {
            Some(Absence { from: Some(left), .. }) => after_leave(trace, sighting, stream, left, &mut findings),
            Some(Absence { from: None, .. }) => {
                let when =
                    if changes.iter().any(|change| change.joins) { "before joining" } else { "without ever joining" };
                let headline = format!(
                    "{} got {} {when} ({})",
                    sighting.participant,
                    sighting.place(),
                    trace.whereabouts(sighting.connection, stream)
                );
                findings.violations.push(evidence(trace, headline, sighting, &[sighting]));
            }
            None => {}
        }
    }
    findings
}

/// A delivery that came to somebody after the answer of its leave: where was it sent?
fn after_leave(trace: &Trace<'_>, sighting: &Sighting<'_>, stream: &str, left: usize, findings: &mut Findings) {
    let Some(origin) = trace.origin(sighting) else {
        findings.unknown.push(format!(
            "{} got {} after the leave was answered, and its sending is not in the record (entry {})",
            sighting.participant,
            sighting.place(),
            sighting.entry
        ));
        return;
    };
    if origin.began <= left {
        return;
    }
    let time = |index: usize| trace.record.entries.get(index).map(|entry| entry.at).unwrap_or_default();
    let after = time(sighting.entry).saturating_sub(time(left));
    let headline = format!(
        "{} got {} {} after the leave was answered ({})",
        sighting.participant,
        sighting.place(),
        milliseconds(after),
        trace.whereabouts(sighting.connection, stream)
    );
    let Origin { entry, at, participant, .. } = origin;
    let mut evidence = evidence(trace, headline, sighting, &[sighting]);
    evidence.entries = Mention::of(trace.record, &[left, entry, sighting.entry]);
    evidence.details = evidence.entries.iter().filter_map(|mention| described(trace.record, mention.index)).collect();
    evidence
        .details
        .push(format!("{participant} sent it {} after the answer", milliseconds(at.saturating_sub(time(left)))));
    findings.violations.push(evidence);
}

/// The times in which somebody with these changes is certainly no member.
fn absences(changes: &[&Change]) -> Vec<Absence> {
    let first_join = changes.iter().filter(|change| change.joins).map(|change| change.began).min();
    let first_leave = changes.iter().filter(|change| !change.joins).map(|change| change.began).min();
    let mut absences = Vec::new();
    // Who leaves before any join was a member already, by means that the record doesn't show.
    if first_leave.is_none_or(|leave| first_join.is_some_and(|join| join <= leave)) {
        absences.push(Absence { from: None, until: first_join.unwrap_or(usize::MAX) });
    }
    for leave in changes.iter().filter(|change| !change.joins) {
        let rejoins = changes.iter().filter(|change| change.joins && change.answered > leave.began);
        let until = rejoins.map(|join| join.began).min().unwrap_or(usize::MAX);
        absences.push(Absence { from: Some(leave.answered), until });
    }
    absences
}

/// The indices of the answers to somebody's leaves.
pub(crate) fn left_at(trace: &Trace<'_>, participant: &str, stream: &str) -> Vec<usize> {
    changes(trace, participant, stream).filter(|change| !change.joins).map(|change| change.answered).collect()
}

/// Since when somebody is certainly a member who was one before entry `from` and had asked for no leave up to entry
/// `until`: the index of the join's answer.
pub(crate) fn member_since(
    trace: &Trace<'_>,
    participant: &str,
    stream: &str,
    from: usize,
    until: usize,
) -> Option<usize> {
    // The first entry behind a request is the one at `began`.
    let leaves = changes(trace, participant, stream).filter(|change| !change.joins && change.began <= until);
    let left = leaves.map(|change| change.answered).max();
    // A join that overlaps with a leave may have come first.
    let joins = changes(trace, participant, stream)
        .filter(|change| change.joins && change.answered < from && left.is_none_or(|left| left < change.began));
    joins.map(|change| change.answered).min()
}

/// Whether the record has a join of this stream; without one nobody knows its members.
pub(crate) fn joined_by_anyone(trace: &Trace<'_>, stream: &str) -> bool {
    trace.changes.get(stream).is_some_and(|all| all.iter().any(|change| change.joins))
}

/// The changes of one participant's membership, in record order.
fn changes<'t>(trace: &'t Trace<'_>, participant: &str, stream: &str) -> impl Iterator<Item = &'t Change> + use<'t> {
    let id = trace.id_of(participant).to_owned();
    let all = trace.changes.get(stream).map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(move |change| change.members.contains(&id))
}

/// Every change of membership that the record shows, by stream, in record order.
pub(crate) fn read_changes(trace: &Trace<'_>) -> BTreeMap<String, Vec<Change>> {
    let mut found: BTreeMap<String, Vec<Change>> = BTreeMap::new();
    let Some(membership) = &trace.stream.membership else {
        return found;
    };
    // How many connections somebody has open to a stream.
    let mut open: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (index, entry) in trace.record.entries.iter().enumerate() {
        let id = trace.id_of(&entry.participant);
        match &entry.what {
            What::Exchange(exchange) => {
                let value = exchange.value(id);
                let joins = membership.join.iter().map(|rule| (rule, true));
                let leaves = membership.leave.iter().map(|rule| (rule, false));
                for (rule, joins) in joins.chain(leaves).filter(|(rule, _)| rule.request.matches(&value)) {
                    if let Some(stream) = trace.stream.named(rule.stream.as_ref(), &value) {
                        let members = members_of(rule, &value, id);
                        let change = Change { members, began: exchange.began, answered: index, joins };
                        found.entry(stream).or_default().push(change);
                    }
                }
            }
            What::Opened { connection, .. } | What::Closed { connection, .. } if membership.connected => {
                let joins = matches!(entry.what, What::Opened { .. });
                let Some(stream) = trace.connections.get(connection).and_then(|it| it.stream.as_deref()) else {
                    continue;
                };
                let open = open.entry((&entry.participant, stream)).or_default();
                let before = *open;
                *open = if joins { before + 1 } else { before.saturating_sub(1) };
                // Whoever has several is a member from the first one's beginning to the last one's end.
                if (before == 0) != (*open == 0) {
                    let change = Change { members: vec![id.to_owned()], began: index, answered: index, joins };
                    found.entry(stream.to_owned()).or_default().push(change);
                }
            }
            What::Opened { .. }
            | What::Closed { .. }
            | What::Sent { .. }
            | What::Received { .. }
            | What::Stub { .. } => {}
        }
    }
    found
}

/// Whose membership a request changes, by identity id.
fn members_of(rule: &MemberRule, exchange: &serde_json::Value, requester: &str) -> Vec<String> {
    let Some(path) = &rule.member else {
        return vec![requester.to_owned()];
    };
    let named = path.query(exchange).into_iter().filter_map(|value| match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    named.collect()
}
