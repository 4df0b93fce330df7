//! A case as files: the scenario, whose steps have a line each, and the protocol.

use serde_json::{Value, json};

use crate::case::{Absence, Acks, Action, Barrier, Case, Pattern, Protocol, Step};

/// What stands in a line of a scenario's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Step(usize),
    /// A request that tells the server which step begins.
    Clock,
    /// A key that is judged at the end.
    Key,
}

/// What stands in a line of a case's scenario, counted from 1.
pub(crate) fn line(case: &Case, line: usize) -> Line {
    lines(case).get(line.saturating_sub(1)).map_or(Line::Key, |(_, line)| *line)
}

/// The scenario's file.
pub(crate) fn scenario(case: &Case) -> String {
    lines(case).into_iter().map(|(text, _)| text + "\n").collect()
}

/// Each step has a line of its own, and a request stands before it that tells the server that it begins.
fn lines(case: &Case) -> Vec<(String, Line)> {
    let people: Vec<String> = case.people.iter().map(|who| format!("{who}: {{}}")).collect();
    let mut lines = vec![
        (format!("scenario: Case {}", case.number), Line::Key),
        (format!("use: {}", case.protocol_name()), Line::Key),
        (format!("participants: {{ {}, clock: {{}} }}", people.join(", ")), Line::Key),
        ("steps:".to_owned(), Line::Key),
        (format!("  - clock: {{ get: /case/{} }}", case.number), Line::Clock),
    ];
    let clock = |number: usize| (format!("  - clock: {{ get: /step/{number} }}"), Line::Clock);
    for (number, step) in case.steps.iter().enumerate() {
        let group = case.group(number);
        if group.start == number {
            lines.push(clock(number));
            if group.len() > 1 {
                lines.push(("  - parallel:".to_owned(), Line::Clock));
            }
        }
        let indent = if group.len() > 1 { "      " } else { "  " };
        lines.push((format!("{indent}- {}: {}", step.link.who, flow(&action(step))), Line::Step(number)));
    }
    // A whole turn more, in which everything arrives that had been written.
    lines.extend([clock(case.steps.len()), clock(case.steps.len() + 1)]);
    if case.strict {
        lines.push(("strict: true".to_owned(), Line::Key));
    }
    lines
}

fn action(step: &Step) -> Value {
    let name = &step.link.name;
    let via = |mut value: Value| {
        value["via"] = json!(name);
        value
    };
    match &step.action {
        Action::Connect { room, resume } => {
            let mut query = json!({ "who": step.link.who, "as": name });
            if *resume {
                query["after"] = json!(format!("{{{{ seen_{} }}}}", step.link.who));
            }
            json!({ "connect": format!("/rooms/{room}/socket"), "as": name, "query": query })
        }
        Action::Say(text) => via(json!({ "send": { "type": "say", "text": text, "key": text } })),
        Action::Ping => via(json!({ "send": { "type": "ping" } })),
        Action::Post { room, text } => {
            json!({ "post": format!("/rooms/{room}/said"), "json": { "who": step.link.who, "text": text } })
        }
        Action::Receive { pattern: wanted, capture } => {
            let mut value = json!({ "receive": pattern(wanted) });
            if *capture {
                value["capture"] = json!({ format!("seen_{}", step.link.who): "$.n" });
            }
            via(value)
        }
        Action::Next(wanted) => via(json!({ "receive_next": pattern(wanted) })),
        Action::InOrder(list) => via(json!({ "receive_in_order": patterns(list) })),
        Action::All(list) => via(json!({ "receive_all": patterns(list) })),
        Action::Nothing(absence) => via(absent(json!({ "receive_nothing": pattern(&absence.pattern) }), absence)),
        Action::Count { of, times } => via(absent(json!({ "received": pattern(&of.pattern), "times": times }), of)),
        Action::Mark { name, listen } => {
            let mut value = json!({ "mark": name });
            if let Some(ms) = listen {
                value["for"] = json!(format!("{ms}ms"));
            }
            via(value)
        }
        Action::Closed { code } => {
            via(json!({ "closed": code.map_or_else(|| json!({}), |code| json!({ "code": code })) }))
        }
        Action::Close => via(json!({ "close": { "code": 1000 } })),
        Action::Drop => via(json!({ "drop": {} })),
    }
}

fn absent(mut value: Value, absence: &Absence) -> Value {
    if let Some(ms) = absence.listen {
        value["for"] = json!(format!("{ms}ms"));
    }
    if let Some(mark) = &absence.since {
        value["since"] = json!(mark);
    }
    value
}

fn patterns(list: &[Pattern]) -> Value {
    list.iter().map(pattern).collect()
}

fn pattern(pattern: &Pattern) -> Value {
    match &pattern.text {
        Some(text) => json!({ "type": pattern.kind.name(), "text": text }),
        None => json!({ "type": pattern.kind.name() }),
    }
}

/// The protocol's file.
pub(crate) fn protocol(protocol: &Protocol) -> String {
    let mut text = format!("protocol: {protocol}\nidentity: {{ id: \"{{{{ key }}}}\" }}\n");
    match protocol.barrier {
        Barrier::Echo => {
            text.push_str("barrier: { echo: { send: { type: ping }, receive: { type: pong } } }\n");
        }
        Barrier::Marker => text.push_str(concat!(
            "barrier:\n  marker:\n",
            "    do: { send: { type: say, text: \"{{ marker }}\", key: \"{{ marker }}\" } }\n",
            "    receive: { type: said, text: \"{{ marker }}\" }\n",
            "    hides: [{ type: stored, text: \"{{ marker }}\" }]\n",
        )),
        Barrier::Get => text.push_str(concat!(
            "barrier:\n  get:\n    get: /rooms/hall/position\n    offset: $.position\n",
            "    frame: { type: { $one_of: [said, stored] } }\n    passed: $.n\n    answers: { type: stored }\n",
        )),
        Barrier::None => {}
    }
    if protocol.fails {
        text.push_str("fails: { type: error }\n");
    }
    if !protocol.closes.is_empty() {
        let codes: Vec<String> = protocol.closes.iter().map(allowed).collect();
        text.push_str(&format!("closes: [{}]\n", codes.join(", ")));
    }
    if protocol.invariants {
        text.push_str(&stream(protocol.acks));
    }
    text
}

fn allowed(code: &Option<u16>) -> String {
    code.map_or_else(|| "{ none: true }".to_owned(), |code| format!("{{ code: {code} }}"))
}

fn stream(acks: Acks) -> String {
    let mut text = concat!(
        "streams:\n  talk:\n    frame: { type: said }\n    stream: $.room\n    connection: $.segments[1]\n",
        "    id: $.id\n    order: $.n\n    resume: after\n",
        "    sends: [{ frame: { type: say }, client_id: $.key }]\n    membership: { connected: true }\n",
        "    readback: { get: \"/rooms/{{ stream }}/said?after={{ after }}\", items: \"$.items[*]\", id: $.id, order: $.n }\n",
    )
    .to_owned();
    let delivers = match acks {
        Acks::None => None,
        Acks::Instead => Some(""),
        Acks::Beside => Some(", delivers: false"),
    };
    if let Some(delivers) = delivers {
        text.push_str(&format!(
            "    acks: {{ frame: {{ type: stored }}, stream: $.room, id: $.id, order: $.n, client_id: $.key{delivers} }}\n"
        ));
    }
    text.push_str("invariants: [same_order, no_duplicates, no_gaps, reaches_all, members_only, acked_not_lost]\n");
    text
}

/// A value in YAML's flow style, with quotes only where they are needed.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let fields: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
        }
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) if text.contains("{{") => format!("{text:?}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
