//! Values as texts and as conditions.

use std::fmt::Write as _;

use serde_json::Value;

/// Whether a value counts as true in a condition.
pub fn is_true(value: &Value) -> bool {
    minijinja::Value::from(minijinja::value::Serde(value.clone())).is_true()
}

/// A value as text: strings as they are, anything else as JSON.
pub fn as_text(value: &Value) -> String {
    let mut text = String::new();
    push_text(&mut text, value);
    text
}

/// The texts of what may stand several times: of a list each element's, else one.
pub fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(as_text).collect(),
        one => vec![as_text(one)],
    }
}

/// Adds a value as text: strings as they are, anything else as JSON.
pub(super) fn push_text(text: &mut String, value: &Value) {
    match value {
        Value::String(string) => text.push_str(string),
        other => {
            let _ = write!(text, "{other}");
        }
    }
}
