//! The way in: every asked invariant, over every declared stream.

use crate::history::{History, Member};
use crate::invariant::pattern_uses::{PatternUse, uses};
use crate::invariant::trace::StreamTrace;
use crate::invariant::verdict::Verdict;
use crate::invariant::{acked, gaps, members, order, reaches};
use crate::scenario::stream::{Invariant, StoredStream, Stream};

/// Judges what a protocol asks of its streams over everything that a scenario's connections saw. The verdicts
/// stand by stream in the order of the protocol file, then by invariant as asked.
///
/// `stored` is what the server gave when the streams were read back at the scenario's end; only
/// [`Invariant::AckedNotLost`] needs it, and [`Invariant::NoGaps`] tells by it what the server has of a missing place.
pub fn judge(
    history: &History,
    members: &[Member],
    streams: &[Stream],
    stored: &[StoredStream],
    asked: &[Invariant],
) -> Vec<Verdict> {
    judge_all(history, members, streams, stored, asked).0
}

/// The verdicts, and for each stream whether its patterns found anything.
pub(crate) fn judge_all(
    history: &History,
    members: &[Member],
    streams: &[Stream],
    stored: &[StoredStream],
    asked: &[Invariant],
) -> (Vec<Verdict>, Vec<Vec<PatternUse>>) {
    let mut verdicts = Vec::new();
    let mut used = Vec::new();
    for stream in streams {
        let trace = StreamTrace::new(history, members, stream);
        used.push(uses(&trace));
        let duplicates_asked = asked.contains(&Invariant::NoDuplicates);
        for invariant in asked {
            let findings = match invariant {
                Invariant::SameOrder => order::same_order(&trace, duplicates_asked),
                Invariant::NoDuplicates => order::no_duplicates(&trace),
                Invariant::NoGaps => gaps::no_gaps(&trace, stored),
                Invariant::ReachesAll => reaches::reaches_all(&trace),
                Invariant::MembersOnly => members::members_only(&trace),
                Invariant::AckedNotLost => acked::acked_not_lost(&trace, stored),
            };
            verdicts.push(Verdict { invariant: *invariant, stream: stream.name.clone(), outcome: findings.outcome() });
        }
    }
    (verdicts, used)
}
