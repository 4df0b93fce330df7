//! Whether the patterns of a stream found anything: one that is misspelt finds nothing, and every invariant holds then.

use crate::history::EntryKind;
use crate::invariant::sighting::SightingKind;
use crate::invariant::trace::StreamTrace;

/// A pattern of a stream for which the history has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PatternUse {
    /// Its key in the stream.
    pub(crate) key: &'static str,
    /// Whether something matched it.
    pub(crate) matched: bool,
}

/// The patterns that something should have matched, as far as the history says: `frame` where participants sent and got
/// frames, `acks` where something was sent that is acknowledged, `sends` where something was acknowledged.
pub(crate) fn uses(trace: &StreamTrace<'_>) -> Vec<PatternUse> {
    let seen = |is: fn(SightingKind) -> bool| trace.sightings.iter().any(|sighting| is(sighting.kind));
    let entries = || trace.history.entries.iter().map(|entry| &entry.what);
    let talked = entries().any(|what| matches!(what, EntryKind::Sent { barrier: false, .. }))
        && entries().any(|what| matches!(what, EntryKind::Received { barrier: false, .. }));
    let delivered = seen(|kind| kind == SightingKind::Delivery);
    let acked = seen(|kind| matches!(kind, SightingKind::Ack | SightingKind::Receipt | SightingKind::RepeatedAck));
    let (sent, accepted) = (!trace.sendings.is_empty(), trace.has_sendings());
    let mut uses = Vec::new();
    if talked || delivered {
        uses.push(PatternUse { key: "frame", matched: delivered });
    }
    if trace.stream.acks.is_some() && (accepted || acked) {
        uses.push(PatternUse { key: "acks", matched: acked });
    }
    let by_frame = |send: &crate::scenario::stream::Send| matches!(send, crate::scenario::stream::Send::Frame { .. });
    if trace.stream.sends.iter().any(by_frame) && (sent || acked) {
        uses.push(PatternUse { key: "sends", matched: sent });
    }
    uses
}
