//! The strings of a value.

use serde_json::Value;

/// Every string of a value, keys too, in its order.
pub(crate) fn strings(value: &Value, take: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, take)),
        Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            take(key);
            strings(value, take);
        }),
        _ => {}
    }
}
