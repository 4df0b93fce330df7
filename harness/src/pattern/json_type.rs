//! What `$type` can ask for.

use serde_json::Value;

use super::value::is_integral;

/// What `$type` can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonType {
    String,
    Number,
    Integer,
    Boolean,
    Null,
    Object,
    Array,
}

impl JsonType {
    /// Every type there is; integers are numbers.
    pub(super) const EVERY: [JsonType; 6] =
        [JsonType::String, JsonType::Number, JsonType::Boolean, JsonType::Null, JsonType::Object, JsonType::Array];

    pub(super) const NAMES: [&'static str; 7] = ["string", "number", "integer", "boolean", "null", "object", "array"];

    pub(super) fn named(name: &str) -> Option<JsonType> {
        let every = JsonType::EVERY.into_iter().chain([JsonType::Integer]);
        every.into_iter().find(|each| each.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            JsonType::String => "string",
            JsonType::Number => "number",
            JsonType::Integer => "integer",
            JsonType::Boolean => "boolean",
            JsonType::Null => "null",
            JsonType::Object => "object",
            JsonType::Array => "array",
        }
    }

    /// The type with its article.
    pub(super) fn described(self) -> &'static str {
        match self {
            JsonType::String => "a string",
            JsonType::Number => "a number",
            JsonType::Integer => "an integer",
            JsonType::Boolean => "a boolean",
            JsonType::Null => "null",
            JsonType::Object => "an object",
            JsonType::Array => "an array",
        }
    }

    pub(super) fn accepts(self, value: &Value) -> bool {
        match self {
            JsonType::String => value.is_string(),
            JsonType::Number => value.is_number(),
            JsonType::Integer => matches!(value, Value::Number(number) if is_integral(number)),
            JsonType::Boolean => value.is_boolean(),
            JsonType::Null => value.is_null(),
            JsonType::Object => value.is_object(),
            JsonType::Array => value.is_array(),
        }
    }
}
