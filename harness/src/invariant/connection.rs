//! The connections of a history.

use std::collections::BTreeMap;

use serde_json::json;

use crate::history::{ConnectionId, EntryKind, History};
use crate::scenario::stream::Stream;

/// A connection of a participant.
pub(crate) struct Connection<'a> {
    pub(crate) participant: &'a str,
    /// Its name, with a number where the participant opened one of that name before: `main`, `main 2`.
    pub(crate) label: String,
    pub(crate) query: BTreeMap<String, String>,
    /// The index of its opening.
    pub(crate) opened: usize,
    /// The stream that its request named, or else the only one that was seen on it.
    pub(crate) stream: Option<String>,
}

/// The connections of the history, with the stream that their requests name.
pub(crate) fn connections<'a>(history: &'a History, of: Option<&Stream>) -> BTreeMap<ConnectionId, Connection<'a>> {
    let mut connections = BTreeMap::new();
    let mut names: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (index, entry) in history.entries.iter().enumerate() {
        let EntryKind::Opened { connection, name, path, query } = &entry.what else {
            continue;
        };
        let count = names.entry((&entry.participant, name)).or_default();
        *count += 1;
        let label = if *count == 1 { name.clone() } else { format!("{name} {count}") };
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let opening = json!({ "path": path, "segments": segments, "query": query });
        connections.insert(
            *connection,
            Connection {
                participant: entry.participant.as_str(),
                label,
                query: query.clone(),
                opened: index,
                stream: of.and_then(|stream| stream.named(stream.connection.as_ref(), &opening)),
            },
        );
    }
    connections
}
