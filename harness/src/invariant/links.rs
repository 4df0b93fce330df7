//! What belongs together in a stream: each message's sending, acknowledgements and deliveries, for reports that draw it.

use indexmap::IndexMap;

use crate::event::EventKind;
use crate::invariant::trace::{Role, Trace};
use crate::record::{Member, Record};
use crate::scenario::stream::Stream;

/// Every message that the record shows of a stream, in the order in which it was first seen, as
/// [`EventKind::Linked`].
pub(crate) fn links(record: &Record, members: &[Member], stream: &Stream) -> Vec<EventKind> {
    let trace = Trace::new(record, members, stream);
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
        let of = |wanted: fn(Role) -> bool| -> Vec<usize> {
            seen().filter(|sighting| wanted(sighting.role)).map(|sighting| sighting.entry).collect()
        };
        Some(EventKind::Linked {
            stream: stream.name.clone(),
            id: first.id.clone(),
            order: seen().find_map(|sighting| sighting.order),
            sent: trace.origin(first).map(|origin| origin.entry),
            acks: of(|role| role != Role::Frame),
            deliveries: of(|role| role == Role::Frame),
        })
    };
    messages.into_values().filter_map(link).collect()
}
