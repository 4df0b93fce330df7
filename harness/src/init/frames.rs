//! Frames as the first files write them.

use serde_json::{Map, Value, json};

/// Fields that usually say which kind a frame is.
pub(super) const KINDS: [&str; 8] = ["type", "event", "kind", "op", "action", "topic", "method", "cmd"];

/// The fields of a frame that say which kind it is, where their values are short strings.
pub(super) fn discriminators(frame: &Value) -> Map<String, Value> {
    let Value::Object(fields) = frame else { return Map::new() };
    let word = |value: &Value| value.as_str().is_some_and(|text| text.len() <= 40);
    KINDS
        .iter()
        .filter_map(|name| {
            fields.get(*name).filter(|value| word(value)).map(|value| ((*name).to_owned(), value.clone()))
        })
        .collect()
}

/// A pattern of a frame: the fields that say its kind, and the one that carries the text, as `{{ text }}`.
pub(super) fn pattern_with_text(frame: &Value, text: &str) -> Value {
    fn find(value: &Value, text: &str) -> Option<Value> {
        match value {
            Value::String(found) if found == text => Some(json!("{{ text }}")),
            Value::String(found) if found.contains(text) => Some(json!({ "$contains": "{{ text }}" })),
            Value::Object(fields) => fields
                .iter()
                .find_map(|(name, value)| Some(Value::Object(Map::from_iter([(name.clone(), find(value, text)?)])))),
            Value::Array(items) => {
                items.iter().find_map(|item| find(item, text)).map(|item| json!({ "$contains": item }))
            }
            _ => None,
        }
    }
    let found = find(frame, text).unwrap_or(Value::Null);
    match found {
        Value::Object(fields) if frame.is_object() => {
            let mut pattern = discriminators(frame);
            pattern.extend(fields);
            Value::Object(pattern)
        }
        other => other,
    }
}

/// A value in YAML's flow style, quoted where it must be.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            // The kind is read first.
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| KINDS.iter().position(|kind| kind == name).unwrap_or(KINDS.len()));
            let fields: Vec<String> =
                fields.into_iter().map(|(name, value)| format!("{}: {}", yaml_string(name), flow(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) => yaml_string(text),
        other => other.to_string(),
    }
}

/// A string as it is where YAML takes it for one, else quoted.
fn yaml_string(text: &str) -> String {
    const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"];
    let safe = text.starts_with(|sign: char| sign.is_ascii_alphabetic() || matches!(sign, '/' | '$' | '_'))
        && text.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '/' | '.' | '$'))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if safe { text.to_owned() } else { json_string(text) }
}

/// A string in double quotes, as JSON, YAML and TOML write it.
pub(super) fn json_string(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_plain_only_where_yaml_reads_it_as_one() {
        for (text, shown) in
            [("abc", "abc"), ("a b", "\"a b\""), ("true", "\"true\""), ("1", "\"1\""), ("{{ x }}", "\"{{ x }}\"")]
        {
            assert_eq!(yaml_string(text), shown);
        }
    }
}
