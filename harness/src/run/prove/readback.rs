//! Reading back what the server keeps of a stream.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::history::{EntryKind, History};
use crate::run::context::ask::get;
use crate::run::context::step_context::StepContext;
use crate::run::state::streams::stream_of;
use crate::scenario::error::Findings;
use crate::scenario::node::{Kind, Node};
use crate::scenario::stream::{Send, Stream, integer_at, text_at};
use crate::scenario::template::Template;
use crate::text::shorten;

/// How many pages of a stream are read.
const PAGES: usize = 10_000;

/// The values of a stream that a record speaks of.
pub(super) fn values_of(stream: &Stream, record: &History) -> Vec<String> {
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
                    if let Send::Request { request, stream: place, .. } = send {
                        let value = exchange.value(&Value::Null);
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
pub(super) async fn read_back(
    context: &StepContext,
    stream: &Stream,
    value: &str,
) -> Result<Vec<(String, i64)>, String> {
    let Some(readback) = &stream.readback else { return Err("the protocol declares no `readback`".to_owned()) };
    let mut why = "there is no participant to ask".to_owned();
    'participants: for participant in context.world.cast.participants.values() {
        let mut there = context.acting(participant);
        there.locals.insert("stream".to_owned(), json!(value));
        let mut items: Vec<(String, i64)> = Vec::new();
        for _ in 0..PAGES {
            there.locals.insert("after".to_owned(), json!(items.last().map_or(0, |(_, order)| *order)));
            let node = Node { at: Default::default(), kind: Kind::String(readback.get.clone()) };
            let mut findings = Findings::new(Arc::clone(&context.world.scenario.protocol.source));
            let path = Template::lower(&node, &mut findings).render_text(&there).map_err(|error| error.message)?;
            let answer = match get(&there, &path, "read-back").await {
                Ok(answer) => answer,
                Err(failure) => {
                    // Who is refused may be followed by one who isn't; a server that doesn't answer answers nobody.
                    return Err(shorten(&failure.headline, 160));
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
