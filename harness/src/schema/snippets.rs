//! Editor snippets for larger structures.

use serde_json::{Value, json};

/// Adds snippets to the definitions.
pub(super) fn add(definitions: &mut Value) {
    definitions["scenario"]["defaultSnippets"] = json!([{
        "label": "scenario",
        "description": "A scenario of two participants.",
        "body": {
            "scenario": "${1:What must hold}",
            "use": "${2:protocol}",
            "participants": { "alice": {}, "bob": {} },
            "steps": [{ "alice": "${3:enter}" }],
        },
    }]);
    definitions["protocol"]["defaultSnippets"] = json!([{
        "label": "protocol",
        "description": "A protocol file with one verb.",
        "body": {
            "protocol": "${1:name}",
            "identity": { "id": "${2:\"{{ key }}_{{ run }}\"}" },
            "verbs": { "${3:enter}": { "doc": "${4:Opens a socket.}", "steps": [{ "me": { "connect": "${5:/ws}" } }] } },
        },
    }]);
    definitions["step"]["defaultSnippets"] = json!([
        {
            "label": "race of a group",
            "description": "Everybody in a group does one thing at one instant.",
            "body": { "race": {
                "of": "${1:all}",
                "do": "${2:verb}",
                "outcomes": [{ "as": "${3:winner}", "count": 1, "status": 201 }, { "as": "${4:loser}", "status": 409 }],
            } },
        },
        {
            "label": "parallel lanes",
            "description": "What two participants do at once.",
            "body": { "parallel": { "${1:alice}": ["${2:verb}"], "${3:bob}": ["${4:verb}"] } },
        },
        {
            "label": "repeat steps",
            "description": "Steps that run several times; `index` counts from 1.",
            "body": { "repeat": "${1:3}", "steps": [{ "${2:alice}": "${3:verb}" }] },
        },
    ]);
    definitions["verb"]["defaultSnippets"] = json!([{
        "label": "verb",
        "description": "A verb with a parameter.",
        "body": { "doc": "${1:What it does.}", "takes": "${2:text}", "steps": [{ "me": { "send": { "type": "${3:say}", "text": "\"{{ ${2:text} }}\"" } } }] },
    }]);
}
