//! Whether what a connection sent is known to have arrived, by the ids that its sender gave it.

use std::collections::BTreeSet;

use crate::history::{ConnectionId, EntryKind, History, Member};
use crate::invariant::trace::StreamTrace;
use crate::scenario::stream::Stream;

/// Whether everything that a connection sent behind its first `through` frames was acknowledged or delivered, to anybody.
pub(crate) fn all_seen(
    history: &History,
    members: &[Member],
    streams: &[Stream],
    connection: ConnectionId,
    through: u64,
) -> bool {
    let sent = history.entries.iter().enumerate().filter_map(|(index, entry)| match &entry.what {
        EntryKind::Sent { connection: on, barrier: false, .. } if *on == connection => Some(index),
        _ => None,
    });
    let mut waiting: BTreeSet<usize> = sent.skip(usize::try_from(through).unwrap_or(usize::MAX)).collect();
    for stream in streams {
        if waiting.is_empty() {
            break;
        }
        let trace = StreamTrace::new(history, members, stream);
        let seen: BTreeSet<&str> =
            trace.sightings.iter().filter_map(|sighting| sighting.client_id.as_deref()).collect();
        for sending in &trace.sendings {
            if sending.refused || seen.contains(sending.client_id.as_str()) {
                waiting.remove(&sending.entry);
            }
        }
    }
    waiting.is_empty()
}
