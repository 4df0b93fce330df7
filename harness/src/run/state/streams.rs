//! The stream that a connection's request names.

use std::collections::BTreeMap;

use serde_json::json;

use crate::scenario::stream::Stream;

/// The value of a stream that a connection's request names.
pub(crate) fn stream_of(stream: &Stream, path: &str, query: &BTreeMap<String, String>) -> Option<String> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let opened = json!({ "path": path, "segments": segments, "query": query });
    stream.named(stream.connection.as_ref(), &opened)
}
