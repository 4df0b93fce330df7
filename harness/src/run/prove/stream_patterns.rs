//! Whether what a protocol declares of its streams found anything in a playing.

use serde_json::Value;

use crate::event::StreamPattern;
use crate::history::{EntryKind, History};
use crate::invariant::pattern_uses::{PatternUse, StreamPatternKind};
use crate::scenario::model::Protocol;
use crate::scenario::stream::{Stream, text_at};

/// A use of a pattern for the result; where it found nothing, with the kinds of what was there.
pub(super) fn stream_pattern(
    protocol: &Protocol,
    record: &History,
    stream: &Stream,
    used: PatternUse,
) -> StreamPattern {
    const KINDS: usize = 6;
    let place = protocol.places.get(&format!("stream {}", stream.name));
    let place = place.map(|(source, at)| format!(" ({}:{})", source.path.display(), at.line)).unwrap_or_default();
    let pattern = format!("`{}` of the stream `{}`{place}", used.pattern.key(), stream.name);
    let (source, by_participants) = match used.pattern {
        StreamPatternKind::Frame => (Some(stream.frame.source()), false),
        StreamPatternKind::Acks => (stream.acks.as_ref().map(|acks| acks.frame.source()), false),
        StreamPatternKind::Sends => (None, true),
    };
    let mut list = None;
    let mut kinds: Vec<String> = Vec::new();
    for entry in record.entries.iter().filter(|_| !used.matched) {
        let frame = match &entry.what {
            EntryKind::Received { frame, barrier: false, .. } if !by_participants => frame.value(),
            EntryKind::Sent { frame, barrier: false, .. } if by_participants => frame.value(),
            _ => continue,
        };
        list = list.or_else(|| list_for_one(source?, &frame, "$"));
        let kind = match &protocol.snapshot.kind {
            Some(path) => text_at(path, &frame),
            None => frame.get("type").and_then(Value::as_str).map(str::to_owned),
        };
        kinds.extend(kind.filter(|kind| !kinds.contains(kind)));
        if kinds.len() == KINDS {
            break;
        }
    }
    StreamPattern { pattern, matched: used.matched, kinds, list }
}

/// Where a pattern has a list of texts and the frame one text: a list matches a list, and one of several was meant.
fn list_for_one(pattern: &Value, frame: &Value, at: &str) -> Option<String> {
    match (pattern, frame) {
        (Value::Object(fields), Value::Object(_)) => {
            fields.iter().find_map(|(key, inner)| list_for_one(inner, frame.get(key)?, &format!("{at}.{key}")))
        }
        (Value::Array(items), Value::String(_)) if items.iter().all(Value::is_string) => Some(at.to_owned()),
        _ => None,
    }
}
