//! Finds what the history says of one stream: its deliveries, its acknowledgements and its sendings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::{ConnectionId, Entry, EntryKind, Exchange, History, Member};
use crate::invariant::connection::{StreamConnection, connections};
use crate::invariant::lookup::TraceLookup;
use crate::invariant::membership::Memberships;
use crate::invariant::sighting::{Sending, Sighting, SightingKind};
use crate::scenario::stream::{Acks, Send, Stream, order_at, text_at};

/// One stream as the history shows it.
pub(crate) struct StreamTrace<'a> {
    pub(crate) history: &'a History,
    pub(crate) members: &'a [Member],
    pub(crate) stream: &'a Stream,
    pub(crate) connections: BTreeMap<ConnectionId, StreamConnection<'a>>,
    /// Every place of the stream that somebody saw, in order.
    pub(crate) sightings: Vec<Sighting<'a>>,
    /// The frames that carry the sender's own id, in order.
    pub(super) sendings: Vec<Sending<'a>>,
    pub(crate) memberships: Memberships,
    pub(super) lookup: TraceLookup<'a>,
}

impl<'a> StreamTrace<'a> {
    pub(crate) fn new(history: &'a History, members: &'a [Member], stream: &'a Stream) -> Self {
        let mut trace = Self {
            history,
            members,
            stream,
            connections: connections(history, Some(stream)),
            sightings: Vec::new(),
            sendings: Vec::new(),
            memberships: Memberships::default(),
            lookup: TraceLookup::of(members),
        };
        for (index, entry) in history.entries.iter().enumerate() {
            trace.read(index, entry);
        }
        trace.place_nameless();
        trace.lookup.acknowledged(&trace.sightings);
        trace.memberships =
            Memberships::read(history, stream, &trace.connections, |participant| trace.lookup.id_of(participant));
        trace
    }

    fn read(&mut self, index: usize, entry: &'a Entry) {
        match &entry.what {
            EntryKind::Received { connection, frame, .. } => {
                let frame = frame.value();
                match self.sighting(index, entry, *connection, &frame) {
                    Some(sighting) => self.sightings.push(sighting),
                    None => self.note_refusal(&entry.participant, &frame),
                }
            }
            EntryKind::Sent { frame, .. } => {
                let frame = frame.value();
                let client_id = self.stream.sends.iter().find_map(|send| match send {
                    Send::Frame { frame: pattern, client_id, .. } if pattern.matches(&frame) => {
                        text_at(client_id, &frame)
                    }
                    _ => None,
                });
                if let Some(client_id) = client_id {
                    let participant = entry.participant.as_str();
                    let sending = Sending { entry: index, participant, client_id, refused: false };
                    self.lookup.sent(self.sendings.len(), &sending);
                    self.sendings.push(sending);
                }
            }
            EntryKind::Exchange(exchange) => {
                if let Some(answer) = self.answer(index, entry, exchange) {
                    self.sightings.push(answer);
                }
            }
            EntryKind::Opened { .. } | EntryKind::Closed { .. } | EntryKind::Stub { .. } => {}
        }
    }

    /// The place that a received frame shows: it is a delivery, an ack, or of no concern here.
    fn sighting(&self, entry: usize, at: &'a Entry, connection: ConnectionId, frame: &Value) -> Option<Sighting<'a>> {
        let declared = || self.connections.get(&connection).and_then(|connection| connection.stream.clone());
        let seen = |kind, stream: Option<String>, id, order: Result<Option<i64>, String>, client_id| Sighting {
            entry,
            participant: &at.participant,
            connection: Some(connection),
            kind,
            stream: stream.or_else(declared),
            id,
            order: order.as_ref().ok().copied().flatten(),
            misplaced: order.err(),
            client_id,
        };
        let stream = self.stream;
        if stream.frame.matches(frame) {
            let client_id = stream.client_id.as_ref().and_then(|path| text_at(path, frame));
            return Some(seen(
                SightingKind::Delivery,
                stream.named(stream.stream.as_ref(), frame),
                text_at(&stream.id, frame),
                order_at(&stream.order, frame),
                client_id,
            ));
        }
        let acks = stream.acks.as_ref().filter(|acks| acks.frame.matches(frame))?;
        Some(seen(
            ack_kind(acks, frame),
            stream.named(acks.stream.as_ref(), frame),
            text_at(&acks.id, frame),
            order_at(&acks.order, frame),
            acks.client_id.as_ref().and_then(|path| text_at(path, frame)),
        ))
    }

    /// Of several sendings with one id a refusal is that of the oldest that isn't refused yet.
    fn note_refusal(&mut self, participant: &str, frame: &Value) {
        let client_id = self.stream.sends.iter().find_map(|send| match send {
            Send::Frame { refused: Some(refused), .. } if refused.frame.matches(frame) => {
                text_at(&refused.client_id, frame)
            }
            _ => None,
        });
        let Some(client_id) = client_id else { return };
        let refused = self.lookup.sendings(&client_id).iter().copied().find(|place| {
            let one = &self.sendings[*place];
            one.participant == participant && !one.refused
        });
        if let Some(place) = refused {
            self.sendings[place].refused = true;
        }
    }

    /// The place that the answer of a sending request shows.
    fn answer(&self, entry: usize, at: &'a Entry, exchange: &Exchange) -> Option<Sighting<'a>> {
        let value = exchange.value(self.id_of(&at.participant));
        self.stream.sends.iter().find_map(|send| match send {
            Send::Request { request, stream, id, order } if request.matches(&value) => {
                let order = order_at(order, &value);
                Some(Sighting {
                    entry,
                    participant: at.participant.as_str(),
                    connection: None,
                    kind: SightingKind::Answer,
                    stream: self.stream.named(stream.as_ref(), &value),
                    id: text_at(id, &value),
                    order: order.as_ref().ok().copied().flatten(),
                    misplaced: order.err(),
                    client_id: None,
                })
            }
            _ => None,
        })
    }

    /// A frame that doesn't name its stream belongs to the only one that was seen on its connection.
    fn place_nameless(&mut self) {
        let mut seen: BTreeMap<ConnectionId, BTreeSet<&str>> = BTreeMap::new();
        for sighting in &self.sightings {
            if let (Some(connection), Some(stream)) = (sighting.connection, &sighting.stream) {
                seen.entry(connection).or_default().insert(stream);
            }
        }
        let only: BTreeMap<ConnectionId, String> = seen
            .into_iter()
            .filter_map(|(connection, streams)| match streams.into_iter().collect::<Vec<_>>().as_slice() {
                [one] => Some((connection, (*one).to_owned())),
                _ => None,
            })
            .collect();
        for (id, connection) in &mut self.connections {
            if connection.stream.is_none() {
                connection.stream = only.get(id).cloned();
            }
        }
        for sighting in &mut self.sightings {
            if sighting.stream.is_none() {
                sighting.stream = sighting.connection.and_then(|connection| only.get(&connection).cloned());
            }
        }
    }

    /// The identity's id of a participant; null where nothing is known of it.
    pub(crate) fn id_of(&self, key: &str) -> &'a Value {
        self.lookup.id_of(key)
    }

    /// Whether a frame was sent that carries the sender's own id, and not refused.
    pub(crate) fn has_sendings(&self) -> bool {
        self.sendings.iter().any(|sending| !sending.refused)
    }

    /// Whether the stream was used: something was sent, acknowledged or delivered.
    pub(crate) fn saw_something(&self) -> bool {
        self.has_sendings() || !self.sightings.is_empty()
    }

    /// Whether participants sent frames, whatever they mean.
    pub(crate) fn saw_frames_sent(&self) -> bool {
        self.history.entries.iter().any(|entry| matches!(entry.what, EntryKind::Sent { barrier: false, .. }))
    }

    /// Whether whoever isn't seen to be a member of a stream is none: connections make members, nothing else does, and
    /// every connection says of which stream.
    pub(crate) fn knows_all_members(&self) -> bool {
        let by_connection = self.stream.membership.as_ref().is_some_and(|it| it.connected && it.join.is_empty());
        by_connection && (self.stream.stream.is_none() || self.stream.connection.is_some())
    }

    /// Whether connections make members and don't say of which stream: then whoever isn't seen to be a member may be one.
    pub(crate) fn may_hide_members(&self) -> bool {
        let by_connection = self.stream.membership.as_ref().is_some_and(|it| it.connected);
        by_connection && self.stream.stream.is_some() && self.stream.connection.is_none()
    }

    /// The connection's name in texts.
    pub(crate) fn label(&self, connection: Option<ConnectionId>) -> &str {
        connection.and_then(|connection| self.connections.get(&connection)).map_or("?", |connection| &connection.label)
    }

    /// What is deliveries, acks included, by connection and stream, in the order of arrival.
    pub(crate) fn arrivals(&self) -> BTreeMap<(ConnectionId, &str), Vec<&Sighting<'a>>> {
        let mut arrivals: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for sighting in self.sightings.iter().filter(|sighting| sighting.is_delivery()) {
            if let (Some(connection), Some(stream)) = (sighting.connection, sighting.stream.as_deref()) {
                arrivals.entry((connection, stream)).or_default().push(sighting);
            }
        }
        arrivals
    }

    /// The stream and connection, for the end of a headline: `messages, connection main`. The stream's value
    /// stands there only where the history has several.
    pub(crate) fn whereabouts(&self, connection: Option<ConnectionId>, stream: &str) -> String {
        let mut text = self.stream.name.clone();
        let several =
            self.sightings.iter().filter_map(|sighting| sighting.stream.as_deref()).any(|other| other != stream);
        if several {
            text = format!("{text} of {stream}");
        }
        if connection.is_some() {
            text = format!("{text}, connection {}", self.label(connection));
        }
        text
    }
}

fn ack_kind(acks: &Acks, frame: &Value) -> SightingKind {
    match &acks.repeated {
        Some(repeated) if repeated.matches(frame) => SightingKind::RepeatedAck,
        _ if acks.delivers => SightingKind::Ack,
        _ => SightingKind::Receipt,
    }
}
