//! One playing of a scenario as channels, and what happened before what.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::event::{Event, EventKind, Instance, ScenarioResult};

/// One kind of thing that a participant does or gets, on one connection. Order counts within a channel only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// The requests that it made.
    Asks(String),
    /// The answers that it got.
    Answers(String),
    /// The connections that it opened, or was refused.
    Opens(String),
    /// What it sent on a connection, by its name and its number among those of that name.
    Out(String, String, usize),
    /// What it got on a connection, and how that ended.
    In(String, String, usize),
}

impl Channel {
    /// Whose it is.
    pub fn participant(&self) -> &str {
        match self {
            Self::Asks(who) | Self::Answers(who) | Self::Opens(who) | Self::Out(who, ..) | Self::In(who, ..) => who,
        }
    }
}

/// Something that a participant did or got.
#[derive(Debug, Clone)]
pub struct TimelineNode {
    /// Where.
    pub channel: Channel,
    /// Its place in the channel, from 0.
    pub place: usize,
    /// Since the scenario's start.
    pub at: Duration,
    /// What is compared.
    pub value: Value,
    /// How many of the scenario's own steps had begun.
    pub top: usize,
    /// What directly happened before it.
    before: Vec<usize>,
}

/// One playing of a scenario.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// The scenario, attempt and repetition that was played.
    pub instance: Option<Instance>,
    /// How it ended.
    pub result: Option<ScenarioResult>,
    /// Each participant's identity, by its key.
    pub people: BTreeMap<String, String>,
    /// Everything, in the order of the file.
    pub nodes: Vec<TimelineNode>,
    /// The nodes of each channel.
    pub channels: BTreeMap<Channel, Vec<usize>>,
}

impl Timeline {
    /// The playings in an event file, in its order. Those without details have no nodes.
    pub fn all(events: &[Event]) -> Vec<Self> {
        let mut by_instance: BTreeMap<Instance, Vec<&Event>> = BTreeMap::new();
        let mut order: Vec<Instance> = Vec::new();
        for event in events {
            if let Some(instance) = &event.scenario {
                let list = by_instance.entry(Instance::clone(instance)).or_default();
                if list.is_empty() {
                    order.push(Instance::clone(instance));
                }
                list.push(event);
            }
        }
        order
            .into_iter()
            .map(|instance| {
                let events = by_instance.remove(&instance).unwrap_or_default();
                Self { instance: Some(instance), ..Self::of(events) }
            })
            .collect()
    }

    /// A playing from its events.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut building = TimelineBuilder::default();
        let mut playing = Self::default();
        for event in events {
            match &event.kind {
                EventKind::ScenarioFinished(result) => {
                    playing.people =
                        result.people.iter().map(|person| (person.key.clone(), person.id.clone())).collect();
                    playing.result = Some(ScenarioResult::clone(result));
                }
                _ => building.take(event, &mut playing),
            }
        }
        playing
    }

    /// The nodes of a channel, in order.
    pub fn channel(&self, channel: &Channel) -> &[usize] {
        self.channels.get(channel).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether one node happened before another: by the order of a channel, as request and answer, as sending and
    /// delivery, or because a step ended before another began.
    pub fn precedes(&self, one: usize, other: usize) -> bool {
        let mut seen = vec![false; self.nodes.len()];
        let mut open = self.nodes.get(other).map(|node| node.before.clone()).unwrap_or_default();
        while let Some(next) = open.pop() {
            if next == one {
                return true;
            }
            if let Some(seen) = seen.get_mut(next)
                && !std::mem::replace(seen, true)
            {
                open.extend(&self.nodes[next].before);
            }
        }
        false
    }

    /// What a delivery, an acknowledgement or an answer answers: the node in another channel that directly caused it.
    pub fn cause(&self, node: usize) -> Option<usize> {
        let this = self.nodes.get(node)?;
        let sends = |channel: &Channel| matches!(channel, Channel::Out(..) | Channel::Asks(_));
        this.before.iter().copied().find(|before| sends(&self.nodes[*before].channel))
    }
}

/// What is known while the events of a playing are read.
#[derive(Default)]
struct TimelineBuilder {
    /// Steps that have begun: the scenario's own one that they stand in.
    tops: BTreeMap<usize, usize>,
    top: usize,
    /// What ended before the running one of the scenario's own steps began, and what has ended since.
    gate: Vec<usize>,
    next_gate: Vec<usize>,
    exchanges: BTreeMap<usize, usize>,
    entries: BTreeMap<usize, usize>,
    /// By a connection's number: its name, and its number among those of that name.
    connections: BTreeMap<usize, (String, usize)>,
    opened: BTreeMap<(String, String), usize>,
    /// Nodes that stand in an inbox, by connection and number.
    frames: BTreeMap<(usize, usize), usize>,
}

impl TimelineBuilder {
    fn take(&mut self, event: &Event, playing: &mut Timeline) {
        match &event.kind {
            EventKind::StepStarted { number, parent, .. } => match parent {
                Some(parent) => {
                    let top = self.tops.get(parent).copied().unwrap_or(self.top);
                    self.tops.insert(*number, top);
                }
                None => {
                    self.top += 1;
                    self.tops.insert(*number, self.top);
                    self.gate.append(&mut self.next_gate);
                    // What came before is before what came later in the same channel already.
                    if self.gate.len() > 64 {
                        self.thin(playing);
                    }
                }
            },
            EventKind::Requested { participant, exchange, method, path, body, .. } => {
                let body = body.as_deref().map_or(Value::Null, parsed);
                let value = json!({ "method": method, "path": path, "body": body });
                let node = self.add(playing, Channel::Asks(participant.clone()), event.at, value, self.gate.clone());
                self.exchanges.insert(*exchange, node);
            }
            EventKind::Answered { participant, exchange, entry, status, body, .. } => {
                let asked = self.exchanges.get(exchange).copied();
                let value = json!({ "status": status, "body": parsed(body) });
                let before = asked.into_iter().collect();
                let node = self.add(playing, Channel::Answers(participant.clone()), event.at, value, before);
                // What a request caused may come before its answer.
                self.entries.insert(*entry, asked.unwrap_or(node));
                self.next_gate.push(node);
            }
            EventKind::Opened { participant, connection, id, path, status, .. } => {
                let value = json!({ "open": connection, "path": path, "status": status });
                let node = self.add(playing, Channel::Opens(participant.clone()), event.at, value, self.gate.clone());
                self.next_gate.push(node);
                if let Some(id) = id {
                    self.name(*id, participant, connection);
                }
            }
            EventKind::Sent { participant, connection, id, entry, frame, barrier: false, .. } => {
                let nth = self.name(*id, participant, connection);
                let channel = Channel::Out(participant.clone(), connection.clone(), nth);
                let node = self.add(playing, channel, event.at, parsed(frame), self.gate.clone());
                self.entries.insert(*entry, node);
            }
            EventKind::Received { participant, connection, id, entry, number, frame, barrier: false, .. } => {
                let nth = self.name(*id, participant, connection);
                let channel = Channel::In(participant.clone(), connection.clone(), nth);
                let node = self.add(playing, channel, event.at, parsed(frame), Vec::new());
                self.entries.insert(*entry, node);
                if let Some(number) = number {
                    self.frames.insert((*id, *number), node);
                }
            }
            EventKind::Closed { participant, connection, id, end, .. } => {
                let nth = self.name(*id, participant, connection);
                let by = if end.by_participant { "by itself" } else { "by the server" };
                let value = json!({ "closed": by, "code": end.code, "reason": end.reason });
                let node = self.add(
                    playing,
                    Channel::In(participant.clone(), connection.clone(), nth),
                    event.at,
                    value,
                    Vec::new(),
                );
                self.next_gate.push(node);
            }
            EventKind::Taken { id, numbers, .. } => {
                let taken = numbers.iter().filter_map(|number| self.frames.get(&(*id, *number)).copied());
                self.next_gate.extend(taken);
            }
            EventKind::Linked { sent, acks, deliveries, .. } => {
                let node = |entry: &usize| self.entries.get(entry).copied();
                if let Some(sent) = sent.as_ref().and_then(node) {
                    // An answer is the acknowledgement of its own request, which it knows already.
                    for later in acks.iter().chain(deliveries).filter_map(node).filter(|later| *later != sent) {
                        playing.nodes[later].before.push(sent);
                    }
                }
            }
            _ => {}
        }
    }

    /// The number of a connection among those of its name.
    fn name(&mut self, id: usize, participant: &str, connection: &str) -> usize {
        if let Some((_, nth)) = self.connections.get(&id) {
            return *nth;
        }
        let nth = self.opened.entry((participant.to_owned(), connection.to_owned())).or_default();
        *nth += 1;
        self.connections.insert(id, (connection.to_owned(), *nth));
        *nth
    }

    fn add(
        &self,
        playing: &mut Timeline,
        channel: Channel,
        at: Duration,
        value: Value,
        mut before: Vec<usize>,
    ) -> usize {
        let index = playing.nodes.len();
        let nodes = playing.channels.entry(channel.clone()).or_default();
        before.extend(nodes.last());
        let place = nodes.len();
        nodes.push(index);
        playing.nodes.push(TimelineNode { channel, place, at, value, top: self.top, before });
        index
    }

    /// Keeps the latest node of each channel.
    fn thin(&mut self, playing: &Timeline) {
        let mut latest: BTreeMap<&Channel, usize> = BTreeMap::new();
        for node in &self.gate {
            let latest = latest.entry(&playing.nodes[*node].channel).or_insert(*node);
            *latest = (*latest).max(*node);
        }
        self.gate = latest.into_values().collect();
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
