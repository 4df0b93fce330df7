//! What belongs together in a stream, found without going through all of it for each delivery.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::history::Member;
use crate::invariant::sighting::{Sending, Sighting};

/// Places in the lists of a trace, by what is asked for.
#[derive(Default)]
pub(super) struct TraceLookup<'a> {
    /// Those of the sendings, by the sender's own id.
    sendings: HashMap<String, Vec<usize>>,
    /// Those of the acknowledgements, by id and then by the stream's value.
    acks: HashMap<String, BTreeMap<Option<String>, Vec<usize>>>,
    /// The identity's id of each participant.
    ids: HashMap<&'a str, &'a Value>,
}

impl<'a> TraceLookup<'a> {
    pub(super) fn of(members: &'a [Member]) -> Self {
        Self { ids: members.iter().map(|member| (member.key.as_str(), &member.id)).collect(), ..Self::default() }
    }

    /// The identity's id of a participant; null where nothing is known of it.
    pub(super) fn id_of(&self, key: &str) -> &'a Value {
        self.ids.get(key).copied().unwrap_or(&Value::Null)
    }

    /// Takes the sending that stands at this place.
    pub(super) fn sent(&mut self, place: usize, sending: &Sending<'_>) {
        self.sendings.entry(sending.client_id.clone()).or_default().push(place);
    }

    /// Takes all acknowledgements, when their streams are known.
    pub(super) fn acknowledged(&mut self, sightings: &[Sighting<'_>]) {
        for (place, sighting) in sightings.iter().enumerate().filter(|(_, sighting)| sighting.acknowledges()) {
            if let Some(id) = &sighting.id {
                let streams = self.acks.entry(id.clone()).or_default();
                streams.entry(sighting.stream.clone()).or_default().push(place);
            }
        }
    }

    /// The places of the sendings with a sender's own id, in order.
    pub(super) fn sendings(&self, client_id: &str) -> &[usize] {
        self.sendings.get(client_id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The places of what acknowledges a delivery, in order.
    pub(super) fn acks(&self, delivery: &Sighting<'_>) -> &[usize] {
        let streams = delivery.id.as_deref().and_then(|id| self.acks.get(id));
        streams.and_then(|streams| streams.get(&delivery.stream)).map(Vec::as_slice).unwrap_or_default()
    }
}
