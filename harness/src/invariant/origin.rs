//! Who sent what was delivered, and where the sending stands in the history.

use std::time::Duration;

use crate::history::EntryKind;
use crate::invariant::sighting::{Sending, Sighting, SightingKind};
use crate::invariant::trace::StreamTrace;

/// Where the sending of a delivery stands in the history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// The index of the entry that sent it: the frame, or the exchange whose request did.
    pub(crate) entry: usize,
    /// The index of the first entry that came after the beginning of the sending step.
    pub(crate) began: usize,
    /// When it was sent, since the scenario's start.
    pub(crate) at: Duration,
    pub(crate) participant: &'a str,
}

impl<'a> StreamTrace<'a> {
    /// The sending of what was delivered: by the request whose answer has its id, by the frame whose ack has
    /// its id, or by the only participant that sent a frame with the sender's own id that it carries. Of
    /// repeated sendings the first counts that was not refused.
    pub(crate) fn origin(&self, delivery: &Sighting<'a>) -> Option<Origin<'a>> {
        let mut origins: Vec<Origin<'a>> = Vec::new();
        for ack in self.acks_of(delivery) {
            origins.extend(self.acknowledged(ack));
        }
        if origins.is_empty()
            && let Some(client_id) = &delivery.client_id
            && let Some(sender) = self.only_sender(client_id)
        {
            origins.extend(self.sent_by(sender, client_id));
        }
        origins.into_iter().min_by_key(|origin| origin.began)
    }

    /// The sending that an acknowledgement answers.
    pub(crate) fn acknowledged(&self, ack: &Sighting<'a>) -> Option<Origin<'a>> {
        match (ack.kind, &ack.client_id) {
            (SightingKind::Answer, _) => self.sent_at(ack.entry),
            (_, Some(client_id)) => self.sent_by(ack.participant, client_id),
            (_, None) => None,
        }
    }

    /// Who sent what was delivered: the one who got its acknowledgement, or else the only participant that sent
    /// a frame with the sender's own id that it carries.
    pub(crate) fn sender(&self, delivery: &Sighting<'a>) -> Option<&'a str> {
        let ack = self.acks_of(delivery).next();
        ack.map(|ack| ack.participant).or_else(|| self.only_sender(delivery.client_id.as_deref()?))
    }

    /// The acknowledgements with a delivery's id, in order.
    fn acks_of(&self, delivery: &Sighting<'a>) -> impl Iterator<Item = &Sighting<'a>> {
        self.lookup.acks(delivery).iter().map(|place| &self.sightings[*place])
    }

    /// The sendings with a sender's own id, in order.
    fn sendings_of(&self, client_id: &str) -> impl Iterator<Item = &Sending<'a>> {
        self.lookup.sendings(client_id).iter().map(|place| &self.sendings[*place])
    }

    fn only_sender(&self, client_id: &str) -> Option<&'a str> {
        let mut senders = self.sendings_of(client_id);
        let first = senders.next()?.participant;
        senders.all(|other| other.participant == first).then_some(first)
    }

    fn sent_by(&self, participant: &str, client_id: &str) -> Option<Origin<'a>> {
        let own = self.sendings_of(client_id).filter(|one| one.participant == participant);
        // What was refused and comes all the same was sent by it.
        own.min_by_key(|sending| (sending.refused, sending.entry)).and_then(|sending| self.sent_at(sending.entry))
    }

    fn sent_at(&self, index: usize) -> Option<Origin<'a>> {
        let entry = self.history.entries.get(index)?;
        let (own, at) = match &entry.what {
            EntryKind::Exchange(exchange) => (exchange.began, exchange.sent_at),
            _ => (index, entry.at),
        };
        // A step counts from its beginning: what it sends may already have been on its way then.
        let step = entry.step.and_then(|step| self.history.step_began.get(&step).copied());
        let began = step.map_or(own, |step| step.min(own));
        Some(Origin { entry: index, began, at, participant: &entry.participant })
    }
}
