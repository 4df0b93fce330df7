//! A scenario's events as the page wants them. Names are short, because they stand in every frame; each text of a
//! frame or body is kept once, since a message to a hundred participants is the same text a hundred times.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::diff::attempts::FlakyPair;
use crate::diff::describe::DescribedDivergence;
use crate::event::{Event, EventKind, Instance, Outcome, Place, ScenarioResult};
use crate::history::Closing;

/// What the page reads.
#[derive(Debug, Default, Serialize)]
pub(super) struct TraceData<'e> {
    pub(super) label: &'e str,
    title: &'e str,
    file: Option<&'e Path>,
    tags: &'e [String],
    server: &'e str,
    participants: Vec<&'e str>,
    sources: Vec<TraceSource<'e>>,
    steps: Vec<TraceStep<'e>>,
    items: Vec<TraceItem<'e>>,
    texts: Vec<&'e str>,
    /// Connection, step, numbers in the inbox.
    taken: Vec<(usize, usize, &'e [usize])>,
    links: Vec<&'e EventKind>,
    result: Option<&'e ScenarioResult>,
    /// The attempt before this one, which failed, beside this one, which passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compared: Option<ComparedAttempts>,
    /// Whether the page of the report stands in the folder that has the folder of traces.
    pub(super) report: bool,
    #[serde(skip)]
    known: BTreeMap<&'e str, usize>,
}

/// Two attempts beside each other.
#[derive(Debug, Serialize)]
pub(super) struct ComparedAttempts {
    names: (String, String),
    #[serde(flatten)]
    divergence: DescribedDivergence,
}

impl ComparedAttempts {
    /// None where nothing differs.
    pub(super) fn of(pair: &FlakyPair) -> Option<Self> {
        Some(Self { names: pair.names.clone(), divergence: pair.described()? })
    }
}

#[derive(Debug, Serialize)]
struct TraceSource<'e> {
    file: &'e Path,
    text: &'e str,
}

/// A step; `t` and `end` are in microseconds.
#[derive(Debug, Serialize)]
struct TraceStep<'e> {
    number: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<usize>,
    depth: usize,
    #[serde(flatten)]
    place: &'e Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'e str>,
    t: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<u64>,
}

/// Something that happened; the fields that don't apply are left out.
#[derive(Debug, Default, Serialize)]
#[serde(default)]
struct TraceItem<'e> {
    /// `request`, `answer`, `open`, `sent`, `received`, `close`, `note`.
    k: &'static str,
    /// When, in microseconds since the scenario's start.
    t: u64,
    /// The participant's place in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<usize>,
    /// The connection's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<usize>,
    /// The connection's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'e str>,
    /// The step that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<usize>,
    /// Its entry in the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<usize>,
    /// Its number in the inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<usize>,
    /// The place of its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<usize>,
    /// Whether it belongs to a barrier.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    b: bool,
    /// The number of the exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<&'e BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'e Closing>,
    /// The line of a note.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'e str>,
}

impl<'e> TraceData<'e> {
    /// The data of one playing: the first whose details, beginning or end stand in the events.
    pub(super) fn of(events: impl Iterator<Item = &'e Event>) -> Self {
        let mut data = Self::default();
        let mut instance: Option<&Arc<Instance>> = None;
        for event in events {
            let Some(scenario) = &event.scenario else { continue };
            if *instance.get_or_insert(scenario) == scenario {
                data.label = &scenario.label;
                data.take(event);
            }
        }
        data
    }

    /// How it ended, for the page's title.
    pub(super) fn mark(&self) -> &'static str {
        match self.result.map(|result| &result.outcome) {
            Some(Outcome::Passed | Outcome::FailedAsExpected { .. }) => "✓",
            Some(Outcome::Failed { .. } | Outcome::NoServer { .. }) => "✗",
            _ => "–",
        }
    }

    fn take(&mut self, event: &'e Event) {
        let t = u64::try_from(event.at.as_micros()).unwrap_or(u64::MAX);
        let item = match &event.kind {
            EventKind::ScenarioStarted { title, file, tags, participants, stubs, server, .. } => {
                (self.title, self.file, self.tags, self.server) = (title, Some(file.as_path()), tags, server);
                for participant in participants.iter().chain(stubs) {
                    self.participant(participant);
                }
                return;
            }
            EventKind::Source { file, text } => return self.sources.push(TraceSource { file, text }),
            EventKind::StepStarted { number, parent, depth, place, actor } => {
                let actor = actor.as_deref();
                let step = TraceStep { number: *number, parent: *parent, depth: *depth, place, actor, t, end: None };
                return self.steps.push(step);
            }
            EventKind::StepFinished { number } => {
                if let Some(step) = self.steps.iter_mut().rev().find(|step| step.number == *number) {
                    step.end = Some(t);
                }
                return;
            }
            EventKind::Taken { id, step, numbers, .. } => return self.taken.push((*id, *step, numbers)),
            EventKind::Linked { .. } => return self.links.push(&event.kind),
            EventKind::ScenarioFinished(result) => {
                self.result = Some(result);
                if self.title.is_empty() {
                    (self.title, self.file, self.server) = (&result.title, Some(result.file.as_path()), &result.server);
                }
                return;
            }
            kind => self.item(kind),
        };
        self.items.extend(item.map(|item| TraceItem { t, ..item }));
    }

    fn item(&mut self, kind: &'e EventKind) -> Option<TraceItem<'e>> {
        Some(match kind {
            EventKind::Requested { participant, step, exchange, method, path, headers, body, .. } => TraceItem {
                k: "request",
                p: self.participant(participant),
                s: Some(*step),
                exchange: Some(*exchange),
                method: Some(method),
                path: Some(path),
                headers: Some(headers).filter(|headers| !headers.is_empty()),
                x: body.as_deref().and_then(|body| self.text(body)),
                ..TraceItem::default()
            },
            EventKind::Answered { participant, exchange, entry, status, headers, body, .. } => TraceItem {
                k: "answer",
                p: self.participant(participant),
                exchange: Some(*exchange),
                e: Some(*entry),
                status: Some(*status),
                headers: Some(headers).filter(|headers| !headers.is_empty()),
                x: self.text(body),
                ..TraceItem::default()
            },
            EventKind::Opened { participant, connection, id, step, path, status } => TraceItem {
                k: "open",
                p: self.participant(participant),
                c: *id,
                name: Some(connection),
                s: Some(*step),
                path: Some(path),
                status: Some(*status),
                ..TraceItem::default()
            },
            EventKind::Sent { participant, connection, id, step, entry, frame, barrier } => TraceItem {
                k: "sent",
                p: self.participant(participant),
                c: Some(*id),
                name: Some(connection),
                s: *step,
                e: Some(*entry),
                x: self.text(frame),
                b: *barrier,
                ..TraceItem::default()
            },
            EventKind::Received { participant, connection, id, entry, number, frame, barrier } => TraceItem {
                k: "received",
                p: self.participant(participant),
                c: Some(*id),
                name: Some(connection),
                e: Some(*entry),
                n: *number,
                x: self.text(frame),
                b: *barrier,
                ..TraceItem::default()
            },
            EventKind::Closed { participant, connection, id, entry, end } => TraceItem {
                k: "close",
                p: self.participant(participant),
                c: Some(*id),
                name: Some(connection),
                e: Some(*entry),
                end: Some(end),
                ..TraceItem::default()
            },
            EventKind::Note { text } => TraceItem { k: "note", text: Some(text), ..TraceItem::default() },
            _ => return None,
        })
    }

    #[expect(clippy::unnecessary_wraps, reason = "the field is missing where nobody acts")]
    fn participant(&mut self, name: &'e str) -> Option<usize> {
        Some(self.participants.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.participants.push(name);
            self.participants.len() - 1
        }))
    }

    fn text(&mut self, text: &'e str) -> Option<usize> {
        if text.is_empty() {
            return None;
        }
        Some(*self.known.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() - 1
        }))
    }
}
