//! Reach: a barrier's answer comes behind everything that was acknowledged before the barrier was asked.
//!
//! Only `echo` barriers ask on the connection itself; without one nothing can be judged, and it is unknown. The runner
//! passes the barrier on every open connection at a scenario's end, so that the last delivery is judged as well.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::history::{ConnectionId, EntryKind, History};
use crate::invariant::connection::StreamConnection;
use crate::invariant::evidence::evidence_of_entries;
use crate::invariant::gaps::{resumed_after, seen_by};
use crate::invariant::order::{misplaced, streamless};
use crate::invariant::sighting::{Sighting, SightingKind};
use crate::invariant::trace::StreamTrace;
use crate::invariant::verdict::{Evidence, InvariantFindings};
use crate::text::{listed, millis};

/// A barrier on a connection, by the indices of its question and its answer.
#[derive(Clone, Copy)]
struct AnsweredBarrier {
    asked: usize,
    answered: usize,
}

/// What was acknowledged, and so is owed to every member.
struct Acked<'t, 'a> {
    ack: &'t Sighting<'a>,
    order: i64,
    /// The index that the next entry had when its sending began, where the history shows it.
    began: Option<usize>,
}

/// One connection's view of one stream.
struct ConnectionView<'t, 'a> {
    id: ConnectionId,
    connection: &'t StreamConnection<'a>,
    stream: &'t str,
    /// The position behind which it resumed.
    resumed: Option<i64>,
    /// The first delivery: its index and place.
    first: Option<(usize, i64)>,
    /// The indices of everything that it got, by place and by id.
    places: BTreeMap<i64, usize>,
    ids: BTreeMap<&'t str, usize>,
}

/// What was acknowledged before a barrier was asked was delivered before it was answered, on every connection
/// of everybody who was a member all the time.
///
/// A connection starts anywhere: it owes what lies behind its first delivery or behind the position that it
/// resumed from, and what was sent after its handshake.
pub(crate) fn reaches_all(trace: &StreamTrace<'_>) -> InvariantFindings {
    let mut findings = InvariantFindings { violations: misplaced(trace), ..InvariantFindings::default() };
    if trace.stream.membership.is_none() {
        return findings;
    }
    let acked = acked(trace, &mut findings);
    findings.unknown.extend(streamless(trace));
    let barriers = barriers(trace.history);
    let arrivals = trace.arrivals();
    let mut delivered: BTreeMap<ConnectionId, Vec<&Sighting<'_>>> = BTreeMap::new();
    for sighting in trace.sightings.iter().filter(|sighting| sighting.is_delivery()) {
        if let Some(connection) = sighting.connection {
            delivered.entry(connection).or_default().push(sighting);
        }
    }
    for (id, barriers) in &barriers {
        let Some(connection) = trace.connections.get(id) else {
            continue;
        };
        let seen = arrivals.range((*id, "")..).map(|(key, _)| key).take_while(|(on, _)| on == id);
        let seen = seen.map(|(_, stream)| *stream);
        let delivered = delivered.get(id).map(Vec::as_slice).unwrap_or_default();
        let mut streams: BTreeSet<&str> = connection.stream.as_deref().into_iter().chain(seen).collect();
        if trace.stream.connection.is_none() {
            // Its request doesn't say which, so it carries every one that its participant is a member of.
            streams.extend(acked.keys());
        }
        for stream in streams {
            let Some(acked) = acked.get(stream) else {
                continue;
            };
            if trace.memberships.has_joins(stream) {
                let view = ConnectionView::new(trace, (*id, connection), stream, delivered);
                judge_view(trace, &view, barriers, acked, &mut findings);
            } else if !trace.knows_all_members() {
                findings.unknown.push(format!("no join of {stream} was seen, so its members are not known"));
            }
        }
    }
    findings.unjudged = unjudged(trace, &acked, &barriers).map(str::to_owned);
    findings
}

/// Where nothing was judged: why.
fn unjudged(
    trace: &StreamTrace<'_>,
    acked: &BTreeMap<&str, Vec<Acked<'_, '_>>>,
    barriers: &BTreeMap<ConnectionId, Vec<AnsweredBarrier>>,
) -> Option<&'static str> {
    let mut acked = acked.values().flatten().peekable();
    if acked.peek().is_none() {
        let repeated = trace.sightings.iter().any(|sighting| sighting.kind == SightingKind::RepeatedAck);
        return repeated.then_some("every acknowledgement that came is one of a repeated sending");
    }
    Some(if barriers.is_empty() {
        "no `echo` barrier was answered, and only its answer shows that everything before it had come"
    } else if acked.all(|owed| owed.began.is_none()) {
        "nothing shows when that was sent which was acknowledged: an ack needs the `client_id` of its sending"
    } else {
        "no member's barrier was asked and answered behind an acknowledgement"
    })
}

/// The first thing that a connection missed is told; the others say no more.
fn judge_view(
    trace: &StreamTrace<'_>,
    view: &ConnectionView<'_, '_>,
    barriers: &[AnsweredBarrier],
    acked: &[Acked<'_, '_>],
    findings: &mut InvariantFindings,
) {
    let who = view.connection.participant;
    let id = trace.id_of(who);
    let since =
        |barrier: AnsweredBarrier| trace.memberships.member_since(id, view.stream, barrier.asked, barrier.answered);
    let passed: Vec<(AnsweredBarrier, usize)> =
        barriers.iter().filter_map(|barrier| Some((*barrier, since(*barrier)?))).collect();
    for owed in acked {
        let from = passed.partition_point(|(barrier, _)| barrier.asked < owed.ack.entry);
        let behind = passed.get(from..).unwrap_or_default();
        let Some((barrier, _)) = behind.iter().find(|(barrier, since)| view.owes(owed, *barrier, *since)) else {
            continue;
        };
        findings.judged += 1;
        let got = view.got(owed);
        if got.is_none_or(|got| got > barrier.answered) {
            findings.violations.push(missed(trace, view, owed, *barrier, got));
            return;
        }
    }
}

impl<'t, 'a> ConnectionView<'t, 'a> {
    fn new(
        trace: &'t StreamTrace<'a>,
        (id, connection): (ConnectionId, &'t StreamConnection<'a>),
        stream: &'t str,
        delivered: &[&'t Sighting<'a>],
    ) -> Self {
        let resumed = resumed_after(trace, id, stream);
        let mut view =
            Self { id, connection, stream, resumed, first: None, places: BTreeMap::new(), ids: BTreeMap::new() };
        // What names no stream may be anything, and so counts.
        let own = delivered.iter().filter(|sighting| sighting.stream.as_deref().is_none_or(|other| other == stream));
        for sighting in own {
            if let Some(order) = sighting.order {
                view.places.entry(order).or_insert(sighting.entry);
                if sighting.stream.is_some() {
                    view.first.get_or_insert((sighting.entry, order));
                }
            }
            if let Some(id) = sighting.id.as_deref() {
                view.ids.entry(id).or_insert(sighting.entry);
            }
        }
        view
    }

    /// Whether this had to be there before the answer of a barrier, with a membership since this index.
    fn owes(&self, owed: &Acked<'_, '_>, barrier: AnsweredBarrier, since: usize) -> bool {
        // Of a connection that is older than the membership only what was sent in the membership is certain.
        let older = self.connection.opened < since;
        let live = self.connection.opened.max(since);
        if owed.began.is_some_and(|began| began > live) {
            return true;
        }
        match (self.resumed, self.first) {
            _ if older => false,
            (Some(after), _) => owed.order > after,
            (None, Some((entry, first))) => entry < barrier.answered && owed.order > first,
            (None, None) => false,
        }
    }

    /// The index at which it came.
    fn got(&self, owed: &Acked<'_, '_>) -> Option<usize> {
        let by_place = self.places.get(&owed.order).copied();
        let by_id = owed.ack.id.as_deref().and_then(|id| self.ids.get(id)).copied();
        by_place.into_iter().chain(by_id).min()
    }
}

fn missed(
    trace: &StreamTrace<'_>,
    view: &ConnectionView<'_, '_>,
    owed: &Acked<'_, '_>,
    barrier: AnsweredBarrier,
    got: Option<usize>,
) -> Evidence {
    let who = view.connection.participant;
    let sender = owed.ack.participant;
    let whereabouts = trace.whereabouts(Some(view.id), view.stream);
    let headline = match got {
        Some(got) => {
            let at = |index: usize| trace.history.entries.get(index).map(|entry| entry.at).unwrap_or_default();
            let late = millis(at(got).saturating_sub(at(barrier.answered)));
            let whose = if owed.ack.kind == SightingKind::Answer { "answer" } else { "ack" };
            format!(
                "{who} got {} {late} behind the answer to a barrier that was asked after {sender} had its {whose} \
                 ({whereabouts}): the server answers before it has delivered",
                owed.ack.place()
            )
        }
        None => {
            let others = seen_by(trace, &[who, sender], view.stream, owed.order);
            let others = if others.is_empty() { "nobody else".to_owned() } else { listed(&others) };
            format!(
                "{who} never got {}, which {sender} had acknowledged before {who}'s barrier was asked and answered \
                 ({whereabouts}); {others} got it",
                owed.ack.place()
            )
        }
    };
    let shown: Vec<usize> = [owed.ack.entry, barrier.asked, barrier.answered].into_iter().chain(got).collect();
    let evidence = evidence_of_entries(trace, headline, owed.ack, &shown);
    Evidence { participant: who.to_owned(), connection: Some(view.id), ..evidence }
}

/// The acknowledgements of new deliveries, by stream, in order, each place once.
fn acked<'t, 'a>(
    trace: &'t StreamTrace<'a>,
    findings: &mut InvariantFindings,
) -> BTreeMap<&'t str, Vec<Acked<'t, 'a>>> {
    let mut acked: BTreeMap<&str, Vec<Acked<'_, '_>>> = BTreeMap::new();
    let mut told = BTreeSet::new();
    let first = |ack: &&Sighting<'_>| {
        matches!(ack.kind, SightingKind::Ack | SightingKind::Receipt | SightingKind::Answer) && ack.misplaced.is_none()
    };
    for ack in trace.sightings.iter().filter(first) {
        let (Some(stream), Some(order)) = (ack.stream.as_deref(), ack.order) else {
            let lacking = if ack.stream.is_none() { "stream" } else { "integer for its order" };
            findings.unknown.push(format!(
                "the acknowledgement of {} to {} has no {lacking} (entry {})",
                ack.place(),
                ack.participant,
                ack.entry
            ));
            continue;
        };
        if told.insert((stream, order)) {
            let began = trace.acknowledged(ack).map(|origin| origin.began);
            acked.entry(stream).or_default().push(Acked { ack, order, began });
        }
    }
    acked
}

/// The barriers that were asked and answered, by connection, in order.
///
/// Answers pair with questions by count. A connection with more answers than questions also got the marks of
/// somebody else's barrier, and nobody can tell which is which, so that it has none.
fn barriers(history: &History) -> BTreeMap<ConnectionId, Vec<AnsweredBarrier>> {
    let mut asked: BTreeMap<ConnectionId, VecDeque<usize>> = BTreeMap::new();
    let mut found: BTreeMap<ConnectionId, Vec<AnsweredBarrier>> = BTreeMap::new();
    let mut unclear = BTreeSet::new();
    for (index, entry) in history.entries.iter().enumerate() {
        match &entry.what {
            EntryKind::Sent { connection, barrier: true, .. } => asked.entry(*connection).or_default().push_back(index),
            EntryKind::Received { connection, barrier: true, .. } => {
                match asked.get_mut(connection).and_then(VecDeque::pop_front) {
                    Some(asked) => {
                        found.entry(*connection).or_default().push(AnsweredBarrier { asked, answered: index });
                    }
                    None => drop(unclear.insert(*connection)),
                }
            }
            _ => {}
        }
    }
    found.retain(|connection, _| !unclear.contains(connection));
    found
}
