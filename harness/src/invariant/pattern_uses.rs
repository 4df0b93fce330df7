//! Whether the patterns of a stream found anything: one that is misspelt finds nothing, and every invariant holds then.

use crate::history::EntryKind;
use crate::invariant::sighting::SightingKind;
use crate::invariant::trace::StreamTrace;

/// A pattern that a stream declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamPatternKind {
    Frame,
    Acks,
    Sends,
}

impl StreamPatternKind {
    /// Its key in the stream.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Acks => "acks",
            Self::Sends => "sends",
        }
    }
}

/// A pattern of a stream for which the history has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PatternUse {
    /// Which of the stream's.
    pub(crate) pattern: StreamPatternKind,
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
        uses.push(PatternUse { pattern: StreamPatternKind::Frame, matched: delivered });
    }
    if trace.stream.acks.is_some() && (accepted || acked) {
        uses.push(PatternUse { pattern: StreamPatternKind::Acks, matched: acked });
    }
    let by_frame = |send: &crate::scenario::stream::Send| matches!(send, crate::scenario::stream::Send::Frame { .. });
    if trace.stream.sends.iter().any(by_frame) && (sent || acked) {
        uses.push(PatternUse { pattern: StreamPatternKind::Sends, matched: sent });
    }
    uses
}
