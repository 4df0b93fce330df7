//! Whether the patterns of a stream found anything: one that is misspelt finds nothing, and every invariant holds then.

use crate::history::What;
use crate::invariant::trace::{Role, Trace};

/// A pattern of a stream for which the record has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use {
    /// Its key in the stream.
    pub(crate) key: &'static str,
    /// Whether something matched it.
    pub(crate) matched: bool,
}

/// The patterns that something should have matched, as far as the record says: `frame` where participants sent and got
/// frames, `acks` where something was sent that is acknowledged, `sends` where something was acknowledged.
pub(crate) fn uses(trace: &Trace<'_>) -> Vec<Use> {
    let seen = |role: fn(Role) -> bool| trace.sightings.iter().any(|sighting| role(sighting.role));
    let entries = || trace.record.entries.iter().map(|entry| &entry.what);
    let talked = entries().any(|what| matches!(what, What::Sent { barrier: false, .. }))
        && entries().any(|what| matches!(what, What::Received { barrier: false, .. }));
    let delivered = seen(|role| role == Role::Frame);
    let acked = seen(|role| matches!(role, Role::Ack | Role::Repeated));
    let sent = trace.has_sendings();
    let mut uses = Vec::new();
    if talked || delivered {
        uses.push(Use { key: "frame", matched: delivered });
    }
    if trace.stream.acks.is_some() && (sent || acked) {
        uses.push(Use { key: "acks", matched: acked });
    }
    let by_frame = |send: &crate::scenario::stream::Send| matches!(send, crate::scenario::stream::Send::Frame { .. });
    if trace.stream.sends.iter().any(by_frame) && (sent || acked) {
        uses.push(Use { key: "sends", matched: sent });
    }
    uses
}
