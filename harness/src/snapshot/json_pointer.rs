//! JSON pointers (RFC 6901) to places in a value.

use serde_json::Value;
use serde_json_path::{JsonPath, NormalizedPath};

/// Where a path points, as JSON pointers.
pub(crate) fn pointers(path: &JsonPath, value: &Value) -> Vec<String> {
    path.query_located(value).locations().map(NormalizedPath::to_json_pointer).collect()
}

/// Puts a text at a pointer.
pub(crate) fn put(value: &mut Value, pointer: &str, with: &str) {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = Value::from(with);
    }
}

/// Removes the member at a pointer, if there is one.
pub(crate) fn leave_out(value: &mut Value, pointer: Option<&str>) {
    if let Some((parent, key)) = pointer.and_then(|pointer| pointer.rsplit_once('/'))
        && let Some(Value::Object(entries)) = value.pointer_mut(parent)
    {
        entries.remove(&key.replace("~1", "/").replace("~0", "~"));
    }
}

/// The JSON pointer of a member.
pub(crate) fn child(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}
