//! The JSON Schema of scenario and protocol files, for editors: made from the same tables of words as the parsers.

use serde_json::{Map, Value, json};

use crate::pattern;
use crate::scenario::words::{Place, Word, words_of};

/// A JSON Schema (2020-12) that accepts a scenario file or a protocol file.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Roundtable scenario or protocol",
        "description": "A scenario says who takes part and what each of them does and sees. A protocol file gives it verbs.",
        "if": { "type": "object", "required": ["protocol"] },
        "then": { "$ref": "#/$defs/protocol" },
        "else": { "$ref": "#/$defs/scenario" },
        "$defs": {
            "scenario": file(Place::File, &["scenario", "participants", "steps"], &[("participants", "participant")]),
            "protocol": file(Place::Protocol, &["protocol"], &[("verbs", "verb"), ("streams", "stream")]),
            "participant": object(Place::Participant, &[]),
            "verb": object(Place::Verb, &["steps"]),
            "stream": object(Place::Stream, &["frame", "stream", "id", "order"]),
            "outcome": object(Place::Outcome, &[]),
            "step": step(),
            "action": action(),
            "pattern": pattern_schema(),
        }
    })
}

fn fragment(word: &Word) -> Value {
    let mut schema: Value = serde_json::from_str(word.schema).unwrap_or_else(|_| json!({}));
    if let Value::Object(map) = &mut schema {
        // A description beside `$ref` is heard since draft 2019-09.
        map.insert("description".to_owned(), json!(word.doc));
        if let Ok(example) = serde_json::from_str::<Value>(word.example) {
            map.insert("examples".to_owned(), json!([example]));
        }
    }
    schema
}

fn properties(places: &[Place]) -> Map<String, Value> {
    places.iter().flat_map(|place| words_of(*place)).map(|word| (word.name.to_owned(), fragment(word))).collect()
}

fn object(place: Place, required: &[&str]) -> Value {
    json!({ "type": ["object", "null"], "properties": properties(&[place]), "required": required, "additionalProperties": false })
}

/// A file's object; some of its keys are maps whose values have a definition of their own.
fn file(place: Place, required: &[&str], inner: &[(&str, &str)]) -> Value {
    let mut properties = properties(&[place]);
    for (key, definition) in inner {
        if let Some(Value::Object(map)) = properties.get_mut(*key) {
            map.insert("additionalProperties".to_owned(), json!({ "$ref": format!("#/$defs/{definition}") }));
        }
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// A step: a control with what stands beside it, or one actor with an action.
fn step() -> Value {
    let controls: Vec<&Word> = words_of(Place::Control).collect();
    let names: Vec<&str> =
        controls.iter().map(|word| word.name).chain(words_of(Place::ControlModifier).map(|word| word.name)).collect();
    let mut alternatives: Vec<Value> = controls
        .iter()
        .map(|word| {
            let mut allowed = Map::from_iter([(word.name.to_owned(), fragment(word))]);
            for name in word.beside {
                if let Some(modifier) = words_of(Place::ControlModifier).find(|modifier| modifier.name == *name) {
                    allowed.insert((*name).to_owned(), fragment(modifier));
                }
            }
            let needs: Vec<&str> =
                std::iter::once(word.name).chain(word.beside.iter().copied().filter(|name| *name == "steps")).collect();
            json!({ "required": needs, "properties": allowed, "additionalProperties": false })
        })
        .collect();
    alternatives.push(json!({
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": { "not": { "enum": names } },
        "additionalProperties": { "$ref": "#/$defs/action" },
    }));
    json!({ "type": "object", "properties": properties(&[Place::Control, Place::ControlModifier]), "oneOf": alternatives })
}

/// An action: a bare verb, or a map with one action or verb and what may stand beside it.
fn action() -> Value {
    let mut alternatives: Vec<Value> = words_of(Place::Action)
        .map(|word| {
            let mut allowed = Map::from_iter([(word.name.to_owned(), json!(true))]);
            allowed.extend(word.beside.iter().map(|name| ((*name).to_owned(), json!(true))));
            // A count without its number would be a `receive` that doesn't wait.
            let needs = if word.name == "received" { vec![word.name, "times"] } else { vec![word.name] };
            json!({ "required": needs, "properties": allowed, "additionalProperties": false })
        })
        .collect();
    let actions: Vec<Value> = words_of(Place::Action).map(|word| json!({ "required": [word.name] })).collect();
    alternatives.push(json!({ "description": "The call of a verb of the protocol file.", "not": { "anyOf": actions }, "minProperties": 1 }));
    json!({
        "oneOf": [
            { "type": "string" },
            { "type": "object", "properties": properties(&[Place::Action, Place::Modifier]), "oneOf": alternatives },
        ]
    })
}

fn pattern_schema() -> Value {
    let matchers: Map<String, Value> = pattern::words()
        .iter()
        .map(|word| {
            let mut schema = json!({ "anyOf": [word.argument_schema(), { "type": "string", "pattern": "\\{\\{" }] });
            if let Value::Object(map) = &mut schema {
                map.insert("description".to_owned(), json!(word.doc));
            }
            (word.name.to_owned(), schema)
        })
        .collect();
    json!({
        "description": "A pattern: objects match as subsets, arrays by length and element, scalars by value; matchers begin with `$`.",
        "type": ["object", "array", "string", "number", "boolean", "null"],
        "properties": matchers,
        // A literal key that begins with `$` has one more in front.
        "patternProperties": { "^(\\$\\$|[^$]|$)": { "$ref": "#/$defs/pattern" } },
        "additionalProperties": false,
        "items": { "$ref": "#/$defs/pattern" },
    })
}

#[cfg(test)]
mod tests;
