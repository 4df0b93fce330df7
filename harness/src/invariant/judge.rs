//! The entry point: judges every requested invariant over every declared stream.

use crate::history::{History, Member};
use crate::invariant::pattern_uses::{PatternUse, uses};
use crate::invariant::sighting::Sighting;
use crate::invariant::trace::StreamTrace;
use crate::invariant::verdict::Verdict;
use crate::invariant::{acked, gaps, members, order, reaches};
use crate::scenario::stream::{Invariant, Send, StoredStream, Stream};

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
            let missing = missing(*invariant, stream);
            let outcome = findings.outcome(is_asked(*invariant, &trace, missing.is_some()), || match missing {
                Some(missing) => missing.to_owned(),
                None => unjudged(*invariant, &trace).to_owned(),
            });
            verdicts.push(Verdict { invariant: *invariant, stream: stream.name.clone(), outcome });
        }
    }
    (verdicts, used)
}

/// What a stream has to declare for an invariant and doesn't.
fn missing(invariant: Invariant, stream: &Stream) -> Option<&'static str> {
    let acknowledges = stream.acks.is_some() || stream.sends.iter().any(|send| matches!(send, Send::Request { .. }));
    match invariant {
        Invariant::ReachesAll | Invariant::MembersOnly if stream.membership.is_none() => {
            Some("the protocol declares no membership of this stream")
        }
        Invariant::AckedNotLost if stream.readback.is_none() => {
            Some("the protocol declares no readback of this stream")
        }
        Invariant::ReachesAll | Invariant::AckedNotLost if !acknowledges => {
            Some("the protocol declares nothing that acknowledges a sending: neither `acks` nor a request in `sends`")
        }
        _ => None,
    }
}

/// Whether the history has something that the invariant is about.
fn is_asked(invariant: Invariant, trace: &StreamTrace<'_>, undeclared: bool) -> bool {
    let about_acks = matches!(invariant, Invariant::ReachesAll | Invariant::AckedNotLost);
    // Where nothing says what a sending is, any frame may be one.
    let blind = undeclared && about_acks && trace.stream.sends.is_empty() && trace.stream.acks.is_none();
    let saw = trace.saw_something() || (blind && trace.saw_frames_sent());
    // Where nobody is connected nothing can be delivered; what a request sent is stored all the same.
    saw && (invariant == Invariant::AckedNotLost || !trace.connections.is_empty())
}

/// What the history has instead of something that could be judged.
fn unjudged(invariant: Invariant, trace: &StreamTrace<'_>) -> &'static str {
    let acknowledged = trace.sightings.iter().any(Sighting::acknowledges);
    match invariant {
        Invariant::ReachesAll | Invariant::AckedNotLost if trace.has_sendings() => {
            "nothing that was sent was acknowledged"
        }
        Invariant::ReachesAll | Invariant::AckedNotLost => "nobody got an acknowledgement of what was delivered",
        _ if acknowledged => "what was acknowledged was delivered to nobody",
        _ => "what was sent was neither acknowledged nor delivered",
    }
}
