//! Whether what a protocol declares of its streams found anything in a playing.

use crate::event::StreamPattern;
use crate::invariant::uses::Use;
use crate::record::{Record, What};
use crate::scenario::model::Protocol;
use crate::scenario::stream::{Stream, text_at};

/// A use of a pattern for the result; where it found nothing, with the kinds of what was there.
pub(super) fn stream_pattern(protocol: &Protocol, record: &Record, stream: &Stream, used: Use) -> StreamPattern {
    const KINDS: usize = 6;
    let place = protocol.places.get(&format!("stream {}", stream.name));
    let place = place.map(|(source, at)| format!(" ({}:{})", source.path.display(), at.line)).unwrap_or_default();
    let pattern = format!("`{}` of the stream `{}`{place}", used.key, stream.name);
    let mut kinds: Vec<String> = Vec::new();
    for entry in record.entries.iter().filter(|_| !used.matched) {
        let frame = match &entry.what {
            What::Received { frame, barrier: false, .. } if used.key != "sends" => frame.value(),
            What::Sent { frame, barrier: false, .. } if used.key == "sends" => frame.value(),
            _ => continue,
        };
        let kind = match &protocol.snapshot.kind {
            Some(path) => text_at(path, &frame),
            None => frame.get("type").and_then(serde_json::Value::as_str).map(str::to_owned),
        };
        kinds.extend(kind.filter(|kind| !kinds.contains(kind)));
        if kinds.len() == KINDS {
            break;
        }
    }
    StreamPattern { pattern, matched: used.matched, kinds }
}
