//! Evidence made of what was seen of a stream.

use crate::invariant::describe::describe_entry;
use crate::invariant::trace::{Sighting, StreamTrace};
use crate::invariant::verdict::{EntryRef, Evidence};

/// Evidence about what happened to `who`, with the frames that `shown` were seen in.
pub(crate) fn evidence(
    trace: &StreamTrace<'_>,
    headline: String,
    who: &Sighting<'_>,
    shown: &[&Sighting<'_>],
) -> Evidence {
    let indices: Vec<usize> = shown.iter().map(|sighting| sighting.entry).collect();
    evidence_of_entries(trace, headline, who, &indices)
}

/// Evidence about what happened to `who`, with the entries at these indices.
pub(crate) fn evidence_of_entries(
    trace: &StreamTrace<'_>,
    headline: String,
    who: &Sighting<'_>,
    indices: &[usize],
) -> Evidence {
    let entries = EntryRef::of(trace.history, indices);
    let details = entries.iter().filter_map(|entry| describe_entry(trace.history, entry.index)).collect();
    Evidence { headline, participant: who.participant.to_owned(), connection: who.connection, entries, details }
}
