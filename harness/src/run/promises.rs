//! What a protocol promises of its streams, judged at the end of a scenario.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::here::Here;
use super::world::lock;
use crate::event::{EventKind, Failure, FailureKind, StreamPattern};
use crate::history::{EntryKind, History};
use crate::invariant::{self, judge_all};
use crate::scenario::stream::{StoredStream, Stream, integer_at, text_at};
use crate::scenario::template::Template;

/// Judges the invariants over the whole record; violations are failures, and what is unknown is told.
pub(super) async fn promises(top: &Here, failures: &mut Vec<Failure>) -> (Vec<String>, Vec<StreamPattern>) {
    let world = &top.world;
    let protocol = Arc::clone(&world.scenario.protocol);
    if protocol.invariants.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut stored = Vec::new();
    for stream in &protocol.streams {
        let values = values_of(stream, &lock(&world.record));
        for value in values {
            let items = read_back(top, stream, &value).await;
            stored.push(StoredStream { name: stream.name.clone(), stream: value, items });
        }
    }
    let record = lock(&world.record);
    for stream in protocol.streams.iter().filter(|_| world.detail) {
        for link in invariant::links(&record, &world.members(), stream) {
            world.tell(|| EventKind::Linked {
                stream: stream.name.clone(),
                id: link.id,
                order: link.order,
                sent: link.sent,
                acks: link.acks,
                deliveries: link.deliveries,
            });
        }
    }
    let mut unknown = Vec::new();
    let (verdicts, uses) = judge_all(&record, &world.members(), &protocol.streams, &stored, &protocol.invariants);
    for verdict in verdicts {
        match verdict.outcome {
            invariant::Judgement::Holds { .. } => {}
            invariant::Judgement::Unknown { why } => {
                unknown.push(format!("{} ({}): {why}", verdict.invariant.name(), verdict.stream));
            }
            invariant::Judgement::Violated(evidence) => {
                let headline = format!("{}: {}", verdict.invariant.name(), evidence.headline);
                let mut failure = Failure::new(FailureKind::Invariant, headline);
                failure.participant = Some(evidence.participant.clone());
                // They describe the entries of the record, each in a line.
                failure.details = evidence.details;
                failure.entries = evidence.entries.iter().map(|mention| mention.index).collect();
                failures.push(failure);
            }
        }
    }
    let patterns = protocol.streams.iter().zip(uses).flat_map(|(stream, uses)| {
        uses.into_iter()
            .map(|used| super::patterns::stream_pattern(&protocol, &record, stream, used))
            .collect::<Vec<_>>()
    });
    (unknown, patterns.collect())
}

/// The value of a stream that a connection's request names.
pub(super) fn stream_of(stream: &Stream, path: &str, query: &BTreeMap<String, String>) -> Option<String> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let opened = json!({ "path": path, "segments": segments, "query": query });
    stream.named(stream.connection.as_ref(), &opened)
}

/// The values of a stream that a record speaks of.
fn values_of(stream: &Stream, record: &History) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let mut add = |value: Option<String>| {
        if let Some(value) = value
            && !values.contains(&value)
        {
            values.push(value);
        }
    };
    for entry in &record.entries {
        match &entry.what {
            EntryKind::Received { frame, .. } => {
                let frame = frame.value();
                if stream.frame.matches(&frame) {
                    add(stream.named(stream.stream.as_ref(), &frame));
                }
            }
            EntryKind::Opened { path, query, .. } => add(stream_of(stream, path, query)),
            EntryKind::Exchange(exchange) => {
                for send in &stream.sends {
                    if let crate::scenario::stream::Send::Request { request, stream: place, .. } = send {
                        let value = exchange.value("");
                        if request.matches(&value) {
                            add(stream.named(place.as_ref(), &value));
                        }
                    }
                }
            }
            EntryKind::Sent { .. } | EntryKind::Closed { .. } | EntryKind::Stub { .. } => {}
        }
    }
    values
}

/// Reads a stream back as the first participant who may.
async fn read_back(top: &Here, stream: &Stream, value: &str) -> Result<Vec<(String, i64)>, String> {
    const PAGES: usize = 10_000;
    let Some(readback) = &stream.readback else { return Err("the protocol declares no `readback`".to_owned()) };
    let mut why = "there is no participant to ask".to_owned();
    'participants: for participant in top.world.participants.values() {
        let mut there = top.clone();
        there.me = Some(Arc::clone(participant));
        there.locals.insert("stream".to_owned(), json!(value));
        let mut items: Vec<(String, i64)> = Vec::new();
        for _ in 0..PAGES {
            there.locals.insert("after".to_owned(), json!(items.last().map_or(0, |(_, order)| *order)));
            let node = crate::scenario::node::Node {
                at: Default::default(),
                kind: crate::scenario::node::Kind::String(readback.get.clone()),
            };
            let mut findings = crate::scenario::error::Findings::new(Arc::clone(&top.world.scenario.protocol.source));
            let path = Template::lower(&node, &mut findings).render_text(&there).map_err(|error| error.message)?;
            let answer = match there.get(&path, "read-back").await {
                Ok(answer) => answer,
                Err(failure) => {
                    // Who is refused may be followed by one who isn't; a server that doesn't answer answers nobody.
                    return Err(crate::text::shorten(&failure.headline, 160));
                }
            };
            if !(200..300).contains(&answer.status) {
                why = format!("{} answered {} to `{}`", answer.what, answer.status, participant.key());
                continue 'participants;
            }
            let page = readback.items.query(&answer.body).all();
            let before = items.len();
            for item in &page {
                match (text_at(&readback.id, item), integer_at(&readback.order, item)) {
                    (Some(id), Some(order)) => items.push((id, order)),
                    _ => return Err(format!("an item of {path} has no id or order: {item}")),
                }
            }
            let more = readback
                .more
                .as_ref()
                .and_then(|more| more.query(&answer.body).first())
                .and_then(Value::as_bool)
                .unwrap_or(false);
            if !more || items.len() == before {
                return Ok(items);
            }
        }
        return Err(format!("more than {PAGES} pages"));
    }
    Err(why)
}
