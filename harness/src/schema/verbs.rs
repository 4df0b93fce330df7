//! What protocols add to the schema: their verbs as keys of a participant's step, and the names that snapshots know.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::scenario::model::{Protocol, Verb};

/// Adds what some protocols declare to the definitions.
pub(super) fn add(definitions: &mut Value, protocols: &[Arc<Protocol>]) {
    if protocols.is_empty() {
        return;
    }
    let mut bare: BTreeSet<String> =
        ["close", "drop", "stop_reading", "resume_reading"].map(str::to_owned).into_iter().collect();
    let mut shown: BTreeSet<String> = BTreeSet::new();
    let mut verbs: Map<String, Value> = Map::new();
    for protocol in protocols {
        for verb in protocol.verbs.values() {
            if verb.params.values().all(Option::is_some) {
                bare.insert(verb.name.clone());
            }
            let one = value_of(verb, protocol);
            match verbs.get_mut(&verb.name) {
                // Two protocols have a verb of that name: what either of them takes is right.
                Some(known) if *known != one => {
                    *known = json!({ "title": verb.name, "description": described(verb, protocol), "anyOf": [known.take(), one] });
                }
                Some(_) => {}
                None => _ = verbs.insert(verb.name.clone(), one),
            }
        }
        shown.extend(protocol.kinds());
        shown.extend(protocol.streams.iter().map(|stream| stream.name.clone()));
        shown.extend(protocol.state.iter().map(|(name, _)| name.clone()));
    }
    let alternatives = &mut definitions["action"]["oneOf"];
    alternatives[0] = json!({ "title": "a verb", "anyOf": [{ "enum": bare }, { "type": "string" }] });
    if let Some(properties) = alternatives[1]["properties"].as_object_mut() {
        properties.extend(verbs);
    }
    let names: Vec<&String> = protocols.iter().map(|protocol| &protocol.name).collect();
    for place in ["scenario", "participant"] {
        definitions[place]["properties"]["use"]["anyOf"] = json!([{ "enum": names }, { "type": "string" }]);
    }
    for place in ["step", "snapshot"] {
        for word in ["unordered", "without"] {
            definitions[place]["properties"][word]["items"] =
                json!({ "anyOf": [{ "enum": shown }, { "type": "string" }] });
        }
    }
}

/// The schema of a verb's call.
fn value_of(verb: &Verb, protocol: &Protocol) -> Value {
    let example = call(verb);
    let doc = described(verb, protocol);
    let mut schema = json!({
        "title": verb.name,
        "description": format!("{doc} Example: `{example}`"),
        "markdownDescription": format!("{doc}\n\n```yaml\n{example}\n```"),
    });
    if verb.positional {
        return schema;
    }
    let properties: Map<String, Value> = verb
        .params
        .iter()
        .map(|(name, default)| {
            let shown = default
                .as_ref()
                .and_then(|default| default.written().or_else(|| default.as_literal().map(Value::to_string)));
            let needed = if default.is_none() { "; it must be given." } else { "." };
            let shown = shown.map(|shown| format!(" The default is `{shown}`.")).unwrap_or_default();
            let doc = format!("`{name}` of `{}`{needed}{shown}", verb.name);
            let mut value = json!({ "title": name, "description": doc, "markdownDescription": doc });
            if let Some(default) = default.as_ref().and_then(|default| default.as_literal()) {
                value["default"] = default.clone();
            }
            (name.clone(), value)
        })
        .collect();
    let required: Vec<&String> =
        verb.params.iter().filter(|(_, default)| default.is_none()).map(|(name, _)| name).collect();
    schema["type"] = if required.is_empty() { json!(["object", "null"]) } else { json!("object") };
    schema["properties"] = Value::Object(properties);
    schema["required"] = json!(required);
    schema["additionalProperties"] = json!(false);
    schema
}

fn described(verb: &Verb, protocol: &Protocol) -> String {
    let doc = verb.doc.clone().unwrap_or_else(|| "A verb without a description.".to_owned());
    let gives = if verb.gives.is_empty() {
        String::new()
    } else {
        format!(" Afterwards the actor has {}.", verb.gives.join(", "))
    };
    format!("{doc}{gives} (`{}`)", protocol.name)
}

/// A call as it is written.
fn call(verb: &Verb) -> String {
    let needed: Vec<&String> =
        verb.params.iter().filter(|(_, default)| default.is_none()).map(|(name, _)| name).collect();
    match (verb.positional, &needed[..]) {
        (true, [name, ..]) => format!("alice: {{ {}: {name} }}", verb.name),
        (_, []) => format!("alice: {}", verb.name),
        (_, names) => {
            let pairs: Vec<String> = names.iter().map(|name| format!("{name}: …")).collect();
            format!("alice: {{ {}: {{ {} }} }}", verb.name, pairs.join(", "))
        }
    }
}
