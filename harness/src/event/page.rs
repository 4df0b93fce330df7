//! The page that describes event files, `docs/events.md`, made from their schema.

use std::fmt::Write as _;

use serde_json::Value;

use super::schema::schema;

const HEAD: &str = include_str!("page.md");

/// The page, as Markdown.
pub fn page() -> String {
    let schema = schema();
    let mut text = format!("{HEAD}\n## Events\n");
    text.push_str("\nEvery line has `event` and the fields of this table; what each event has besides follows.\n");
    table(&mut text, &schema);
    let none = Vec::new();
    for event in schema["oneOf"].as_array().unwrap_or(&none) {
        let name = event["properties"]["event"]["const"].as_str().unwrap_or_default();
        let about = event["description"].as_str().unwrap_or_default();
        let _ = write!(text, "\n### `{name}`\n\n{}\n", flowing(about));
        if let Some(target) = event["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
            let _ = write!(text, "\nIts fields are those of [{target}](#{}).\n", target.to_lowercase());
        }
        table(&mut text, event);
    }
    text.push_str("\n## Values\n");
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        let about = definition["description"].as_str().unwrap_or_default();
        let _ = write!(text, "\n### {name}\n\n{}\n", flowing(about));
        table(&mut text, definition);
        choices(&mut text, definition);
    }
    text
}

/// The fields of an object.
fn table(text: &mut String, object: &Value) {
    let Some(properties) = object["properties"].as_object() else { return };
    let required = |name: &str| object["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
    let rows: Vec<String> = properties
        .iter()
        .filter(|(_, field)| field.get("const").is_none())
        .map(|(name, field)| {
            let always = if required(name) { "" } else { ", may be missing" };
            let about = field["description"].as_str().unwrap_or_default();
            format!("| `{name}` | {}{always} | {} |\n", kind(field), cell(about))
        })
        .collect();
    if !rows.is_empty() {
        let _ = write!(text, "\n| field | value | |\n|---|---|---|\n{}", rows.concat());
    }
}

/// The values, or the shapes, one of which it is.
fn choices(text: &mut String, definition: &Value) {
    let Some(choices) = definition["oneOf"].as_array() else { return };
    text.push('\n');
    for choice in choices {
        let about = cell(choice["description"].as_str().unwrap_or_default());
        if let Some(value) = choice["const"].as_str() {
            let _ = writeln!(text, "- `\"{value}\"`: {about}");
            continue;
        }
        for (name, field) in choice["properties"].as_object().into_iter().flatten() {
            if let Some(value) = field["const"].as_str() {
                let _ = writeln!(text, "- `\"{name}\": \"{value}\"`: {about}");
            }
        }
        for (name, field) in choice["properties"].as_object().into_iter().flatten() {
            if field.get("const").is_none() {
                let about = cell(field["description"].as_str().unwrap_or_default());
                let _ = writeln!(text, "  - `{name}`, {}: {about}", kind(field));
            }
        }
    }
}

/// What a field holds.
fn kind(field: &Value) -> String {
    if let Some(target) = field["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        return format!("[{target}](#{})", target.to_lowercase());
    }
    if let Some(choices) = field["anyOf"].as_array() {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let one = |name: &str| match name {
        "array" => format!("list of {}", kind(&field["items"])),
        "object" => format!("object of {}", kind(&field["additionalProperties"])),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    };
    match &field["type"] {
        Value::String(name) => one(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or "),
        _ => "any value".to_owned(),
    }
}

/// A text in one line; the names of items in brackets lose them.
fn flowing(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace("[`", "`").replace("`]", "`")
}

fn cell(text: &str) -> String {
    flowing(text).replace('|', "\\|")
}
