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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pointer_leads_to_its_place() {
        let mut value = json!({ "a/b": { "c~d": [1, 2] }, "e": 3 });
        let path = JsonPath::parse("$['a/b']['c~d'][*]").unwrap();
        assert_eq!(pointers(&path, &value), ["/a~1b/c~0d/0", "/a~1b/c~0d/1"]);
        assert_eq!(child(&child("", "a/b"), "c~d"), "/a~1b/c~0d");
        put(&mut value, "/a~1b/c~0d/1", "[gone]");
        put(&mut value, "/nowhere", "[gone]");
        leave_out(&mut value, Some("/e"));
        leave_out(&mut value, Some("/nowhere/e"));
        leave_out(&mut value, None);
        assert_eq!(value, json!({ "a/b": { "c~d": [1, "[gone]"] } }));
        leave_out(&mut value, Some("/a~1b/c~0d"));
        assert_eq!(value, json!({ "a/b": {} }));
    }
}
