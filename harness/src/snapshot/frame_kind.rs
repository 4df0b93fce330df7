//! The kind of a frame.

use std::sync::LazyLock;

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::history::Payload;
use crate::snapshot::material::Material;

static TYPE: LazyLock<JsonPath> = LazyLock::new(|| JsonPath::parse("$.type").expect("a constant path"));

/// A frame's kind, and where it stands as a member that can be left out of the body.
pub(crate) fn frame_kind(material: &Material<'_>, frame: &Payload, value: &Value) -> (String, Option<String>) {
    let path = material.rules.kind.as_ref().unwrap_or(&TYPE);
    let found = path
        .query_located(value)
        .first()
        .map(|located| (located.node().as_str().map(str::to_owned), located.location().to_json_pointer()));
    match (found, frame) {
        (Some((Some(kind), at)), _) => (kind, Some(at)),
        (_, Payload::Text(_)) => ("text".to_owned(), None),
        (_, Payload::Binary(_)) => ("binary".to_owned(), None),
        _ => ("other".to_owned(), None),
    }
}
