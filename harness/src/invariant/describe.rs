//! Entries and times in words, for evidence.

use serde_json::Value;

use crate::history::{EntryKind, History, StubEntry};
use crate::text::millis;

/// An entry on one line: participant, time, content.
pub(crate) fn describe_entry(history: &History, index: usize) -> Option<String> {
    let entry = history.entries.get(index)?;
    let (verb, value) = match &entry.what {
        EntryKind::Received { frame, .. } => ("got", excerpt(&frame.value(), 160)),
        EntryKind::Sent { frame, .. } => ("sent", excerpt(&frame.value(), 160)),
        EntryKind::Exchange(exchange) => {
            ("asked", format!("{} {}: {}", exchange.method, exchange.path, exchange.status))
        }
        EntryKind::Opened { path, .. } => ("connected to", path.clone()),
        EntryKind::Stub { what, .. } => match what {
            StubEntry::Asked(request) => ("was asked", excerpt(request, 160)),
            StubEntry::Answered(answer) => ("answered", excerpt(answer, 160)),
            StubEntry::Sent(piece) => ("sent", excerpt(&Value::from(piece.as_str()), 160)),
            StubEntry::Ended(_) => ("was", "disconnected".to_owned()),
        },
        EntryKind::Closed { .. } => ("was", "disconnected".to_owned()),
    };
    Some(format!("{}: {} {verb} {value}", millis(entry.at), entry.participant))
}

/// A value on one line, cut after `limit` characters.
pub(crate) fn excerpt(value: &Value, limit: usize) -> String {
    let text = value.to_string();
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
