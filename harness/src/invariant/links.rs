//! What belongs together in a stream: each message's sending, acknowledgements and deliveries, for reports that draw it.

use indexmap::IndexMap;

use crate::history::{History, Member};
use crate::invariant::trace::{SightingKind, StreamTrace};
use crate::scenario::stream::Stream;

/// One message of a stream; numbers are those of entries.
pub(crate) struct Link {
    pub(crate) id: Option<String>,
    pub(crate) order: Option<i64>,
    pub(crate) sent: Option<usize>,
    pub(crate) acks: Vec<usize>,
    pub(crate) deliveries: Vec<usize>,
}

/// Every message that the history shows of a stream, in the order in which it was first seen.
pub(crate) fn links(history: &History, members: &[Member], stream: &Stream) -> Vec<Link> {
    let trace = StreamTrace::new(history, members, stream);
    /// The stream's value, the id, and the order where there is no id.
    type Key<'k> = (Option<&'k str>, Option<&'k str>, Option<i64>);
    let mut messages: IndexMap<Key<'_>, Vec<usize>> = IndexMap::new();
    for (place, sighting) in trace.sightings.iter().enumerate() {
        // A place without an id is known by its order.
        let order = if sighting.id.is_some() { None } else { sighting.order };
        messages.entry((sighting.stream.as_deref(), sighting.id.as_deref(), order)).or_default().push(place);
    }
    let link = |places: Vec<usize>| {
        let seen = || places.iter().map(|place| &trace.sightings[*place]);
        let first = seen().next()?;
        let of = |wanted: fn(SightingKind) -> bool| -> Vec<usize> {
            seen().filter(|sighting| wanted(sighting.kind)).map(|sighting| sighting.entry).collect()
        };
        Some(Link {
            id: first.id.clone(),
            order: seen().find_map(|sighting| sighting.order),
            sent: trace.origin(first).map(|origin| origin.entry),
            acks: of(|kind| kind != SightingKind::Delivery),
            deliveries: of(|kind| kind == SightingKind::Delivery),
        })
    };
    messages.into_values().filter_map(link).collect()
}
