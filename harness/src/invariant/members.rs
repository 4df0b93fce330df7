//! Membership: nobody gets a delivery that was sent after its leave was answered, or that it never joined for.

use crate::invariant::evidence::{evidence, evidence_of_entries};
use crate::invariant::membership::MembershipChange;
use crate::invariant::origin::Origin;
use crate::invariant::sighting::Sighting;
use crate::invariant::trace::StreamTrace;
use crate::invariant::verdict::InvariantFindings;
use crate::text::millis;

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
pub(crate) fn members_only(trace: &StreamTrace<'_>) -> InvariantFindings {
    let mut findings = InvariantFindings::default();
    if trace.stream.membership.is_none() {
        return findings;
    }
    for sighting in trace.sightings.iter().filter(|sighting| sighting.is_delivery()) {
        let Some(stream) = sighting.stream.as_deref() else {
            findings.unknown.push(format!(
                "nothing tells to which stream {} of {} belongs (entry {})",
                sighting.place(),
                sighting.participant,
                sighting.entry
            ));
            continue;
        };
        let id = trace.id_of(sighting.participant);
        let changes: Vec<&MembershipChange> = trace.memberships.changes_of(id, stream).collect();
        if changes.is_empty() && trace.may_hide_members() {
            findings.unknown.push(format!(
                "nothing tells whether {} is connected to {stream}: the stream declares no `connection`",
                sighting.participant
            ));
            continue;
        }
        if changes.is_empty() && !trace.memberships.has_joins(stream) && !trace.knows_all_members() {
            findings.unknown.push(format!("no join of {stream} was seen, so its members are not known"));
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
fn after_leave(
    trace: &StreamTrace<'_>,
    sighting: &Sighting<'_>,
    stream: &str,
    left: usize,
    findings: &mut InvariantFindings,
) {
    let Some(origin) = trace.origin(sighting) else {
        findings.unknown.push(format!(
            "{} got {} after the leave was answered, and its sending was not seen (entry {})",
            sighting.participant,
            sighting.place(),
            sighting.entry
        ));
        return;
    };
    if origin.began <= left {
        return;
    }
    let time = |index: usize| trace.history.entries.get(index).map(|entry| entry.at).unwrap_or_default();
    let after = time(sighting.entry).saturating_sub(time(left));
    let headline = format!(
        "{} got {} {} after the leave was answered ({})",
        sighting.participant,
        sighting.place(),
        millis(after),
        trace.whereabouts(sighting.connection, stream)
    );
    let Origin { entry, at, participant, .. } = origin;
    let mut evidence = evidence_of_entries(trace, headline, sighting, &[left, entry, sighting.entry]);
    evidence.details.push(format!("{participant} sent it {} after the answer", millis(at.saturating_sub(time(left)))));
    findings.violations.push(evidence);
}

/// The times in which somebody with these changes is certainly no member.
fn absences(changes: &[&MembershipChange]) -> Vec<Absence> {
    let first_join = changes.iter().filter(|change| change.joins).map(|change| change.began).min();
    let first_leave = changes.iter().filter(|change| !change.joins).map(|change| change.began).min();
    let mut absences = Vec::new();
    // Who leaves before any join was a member already, by means that the history doesn't show.
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
