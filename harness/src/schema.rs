//! The JSON Schema of scenario and protocol files, for editors: made from the same tables of words as the parsers.

mod snippets;
mod verbs;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::pattern;
use crate::scenario::model::Protocol;
use crate::scenario::words::{NESTED_MAPS, NestedMap, Word, WordPlace, words_of};

/// A JSON Schema (2020-12) that accepts a scenario file or a protocol file.
pub fn schema() -> Value {
    schema_with(&[])
}

/// The same, which also knows the verbs, streams and states of some protocols: editors then offer them. Other verbs
/// stay right, because a participant may speak another protocol.
pub fn schema_with(protocols: &[Arc<Protocol>]) -> Value {
    let mut definitions = json!({
        "scenario": file(WordPlace::File, &[("participants", "participant")]),
        "protocol": file(WordPlace::Protocol, &[("verbs", "verb"), ("streams", "stream")]),
        "participant": object("a participant", WordPlace::Participant),
        "verb": object("a verb", WordPlace::Verb),
        "stream": object("a stream", WordPlace::Stream),
        "outcome": object("an outcome", WordPlace::Outcome),
        "step": step(),
        "action": action(),
        "pattern": pattern_schema(),
    });
    for inner in NESTED_MAPS {
        definitions[inner.name] = inside(inner);
    }
    snippets::add(&mut definitions);
    verbs::add(&mut definitions, protocols);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a scenario or protocol file",
        "description": "A scenario says who takes part and what each of them does and sees. A protocol file gives it verbs.",
        "if": { "type": "object", "required": ["protocol"] },
        "then": { "$ref": "#/$defs/protocol" },
        "else": { "$ref": "#/$defs/scenario" },
        "$defs": definitions,
    })
}

/// A word's value, with what an editor shows of it.
fn fragment(word: &Word) -> Value {
    let mut schema: Value = serde_json::from_str(word.schema).unwrap_or_else(|_| json!({}));
    let example = format!("{}: {}", word.name, word.example);
    if let Value::Object(map) = &mut schema {
        // What stands beside `$ref` is heard since draft 2019-09.
        map.insert("title".to_owned(), json!(word.name));
        map.insert("description".to_owned(), json!(format!("{} Example: `{example}`", word.doc)));
        map.insert("markdownDescription".to_owned(), json!(format!("{}\n\n```yaml\n{example}\n```", word.doc)));
    }
    schema
}

fn required(place: WordPlace) -> Vec<&'static str> {
    words_of(place).filter(|word| word.required).map(|word| word.name).collect()
}

fn properties(places: &[WordPlace]) -> Map<String, Value> {
    places.iter().flat_map(|place| words_of(*place)).map(|word| (word.name.to_owned(), fragment(word))).collect()
}

fn object(title: &str, place: WordPlace) -> Value {
    json!({ "title": title, "type": ["object", "null"], "properties": properties(&[place]), "required": required(place), "additionalProperties": false })
}

/// A smaller map within another one.
fn inside(inner: &NestedMap) -> Value {
    let place = WordPlace::Inside(inner.name);
    let kinds = if inner.nullable { json!(["object", "null"]) } else { json!("object") };
    let mut map = json!({
        "title": inner.name,
        "type": kinds,
        "properties": properties(&[place]),
        "required": required(place),
        "additionalProperties": inner.open,
    });
    if inner.name == "sending" {
        map["oneOf"] = json!([
            { "title": "a frame that sends", "required": ["frame", "client_id"], "not": { "required": ["request"] } },
            {
                "title": "a request that sends",
                "required": ["request", "stream", "id", "order"],
                "not": { "anyOf": [{ "required": ["frame"] }, { "required": ["refused"] }] },
            },
        ]);
    }
    map
}

/// A file's object; some of its keys are maps whose values have a definition of their own.
fn file(place: WordPlace, inner: &[(&str, &str)]) -> Value {
    let mut properties = properties(&[place]);
    for (key, definition) in inner {
        if let Some(Value::Object(map)) = properties.get_mut(*key) {
            map.insert("additionalProperties".to_owned(), json!({ "$ref": format!("#/$defs/{definition}") }));
        }
    }
    json!({ "type": "object", "properties": properties, "required": required(place), "additionalProperties": false })
}

/// A step: a control with what stands beside it, or one actor with an action.
fn step() -> Value {
    let controls: Vec<&Word> = words_of(WordPlace::Control).collect();
    let names: Vec<&str> = controls
        .iter()
        .map(|word| word.name)
        .chain(words_of(WordPlace::ControlModifier).map(|word| word.name))
        .collect();
    let mut alternatives: Vec<Value> = controls
        .iter()
        .map(|word| {
            let mut allowed = Map::from_iter([(word.name.to_owned(), fragment(word))]);
            for name in word.beside {
                if let Some(modifier) = words_of(WordPlace::ControlModifier).find(|modifier| modifier.name == *name) {
                    allowed.insert((*name).to_owned(), fragment(modifier));
                }
            }
            let needs: Vec<&str> =
                std::iter::once(word.name).chain(word.beside.iter().copied().filter(|name| *name == "steps")).collect();
            json!({ "title": word.name, "required": needs, "properties": allowed, "additionalProperties": false })
        })
        .collect();
    alternatives.push(json!({
        "title": "what somebody does",
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": { "not": { "enum": names } },
        "additionalProperties": { "$ref": "#/$defs/action" },
    }));
    json!({ "title": "a step", "type": "object", "properties": properties(&[WordPlace::Control, WordPlace::ControlModifier]), "oneOf": alternatives })
}

/// An action: a bare verb, or a map with one action or verb and what may stand beside it.
fn action() -> Value {
    let mut alternatives: Vec<Value> = words_of(WordPlace::Action)
        .map(|word| {
            let mut allowed = Map::from_iter([(word.name.to_owned(), json!(true))]);
            allowed.extend(word.beside.iter().map(|name| ((*name).to_owned(), json!(true))));
            // A count without its number would be a `receive` that doesn't wait.
            // Nor does a stream end by itself.
            let needs = match word.name {
                "received" => vec![word.name, "times"],
                "collect" => vec![word.name, "until"],
                name => vec![name],
            };
            json!({ "title": word.name, "required": needs, "properties": allowed, "additionalProperties": false })
        })
        .collect();
    let actions: Vec<Value> = words_of(WordPlace::Action).map(|word| json!({ "required": [word.name] })).collect();
    alternatives.push(json!({ "title": "a verb", "description": "The call of a verb of the protocol file.", "not": { "anyOf": actions }, "minProperties": 1 }));
    json!({
        "oneOf": [
            { "title": "a verb", "type": "string" },
            { "title": "an action", "type": "object", "properties": properties(&[WordPlace::Action, WordPlace::Modifier]), "oneOf": alternatives },
        ]
    })
}

fn pattern_schema() -> Value {
    let matchers: Map<String, Value> = pattern::words()
        .iter()
        .map(|word| {
            let mut schema = json!({ "anyOf": [word.argument_schema(), { "type": "string", "pattern": "\\{\\{" }] });
            if let Value::Object(map) = &mut schema {
                map.insert("title".to_owned(), json!(word.name));
                map.insert("description".to_owned(), json!(format!("{} Example: `{}`", word.doc, word.example)));
                let markdown = format!("{}\n\n```yaml\n{}\n```", word.doc, word.example);
                map.insert("markdownDescription".to_owned(), json!(markdown));
            }
            (word.name.to_owned(), schema)
        })
        .collect();
    json!({
        "title": "a pattern",
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
