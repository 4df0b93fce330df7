//! The first files, from what a user says of a server and what a probe finds.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::frames::{KINDS, discriminators, flow, json_string, pattern_with_text};
use super::{FoundSocket, ProbeResult, ServerFacts, ServerStart};
use crate::config::command::TCP;

/// A file to write: its path below the folder, and its text.
pub type File = (String, String);

/// `roundtable.toml`, the protocol file and the first scenario.
pub fn first_files(facts: &ServerFacts, found: &ProbeResult) -> Vec<File> {
    vec![
        ("roundtable.toml".to_owned(), configuration(facts, found)),
        (format!("scenarios/protocols/{}.yaml", facts.name), protocol(facts, found)),
        ("scenarios/first.yaml".to_owned(), scenario(facts, found)),
    ]
}

fn configuration(facts: &ServerFacts, found: &ProbeResult) -> String {
    let mut text = "# Where the scenarios are, and how the server under test is started or reached.\n\n".to_owned();
    if matches!(&facts.start, ServerStart::Command { port: Some(_), .. }) {
        text.push_str("jobs = 1                         # one port: one server at a time\n\n");
    }
    text.push_str("[server]\n");
    match &facts.start {
        ServerStart::Url(url) => {
            let _ = writeln!(text, "url = {}", json_string(url));
        }
        ServerStart::Command { env, words, port } => {
            let words: Vec<String> = words.iter().map(|word| json_string(word)).collect();
            let _ = writeln!(text, "command = [{}]", words.join(", "));
            if let Some(port) = port {
                let _ = writeln!(text, "port = {port}");
            }
            let good = found.http.as_ref().filter(|answer| (200..300).contains(&answer.status));
            match good {
                Some(answer) => {
                    let _ = writeln!(text, "ready = {}", json_string(&answer.path));
                }
                None => {
                    let _ = writeln!(
                        text,
                        "ready = {:<24} # better: a path that answers 2xx once it serves",
                        json_string(TCP)
                    );
                }
            }
            if matches!(&found.socket, Some(FoundSocket::Open { message: Some(message), .. }) if message.to_other.is_some())
            {
                text.push_str(
                    "# A process for each scenario, since everybody on this server hears everybody. Where scenarios keep to rooms of\n\
                     # their own, take it out: they then share one.\nown = true\n",
                );
            } else {
                text.push_str(
                    "# Scenarios play at once, and all on one process of this server. Where they hear each other, this gives each a\n\
                     # process of its own:\n# own = true\n",
                );
            }
            if !env.is_empty() {
                let env: Vec<String> =
                    env.iter().map(|(name, value)| format!("{name} = {}", json_string(value))).collect();
                let _ = writeln!(text, "env = {{ {} }}", env.join(", "));
            }
        }
    }
    text
}

fn protocol(facts: &ServerFacts, found: &ProbeResult) -> String {
    let mut text = format!(
        "# What participants of {} can do. A verb is made of the language's own words and of other verbs.\n\
         protocol: {}\n\n\
         # Who takes part. `run` is unique to each playing, so that scenarios may share a server.\n\
         identity: {{ id: \"{{{{ key }}}}_{{{{ run }}}}\", token: \"{{{{ id }}}}\" }}\n",
        facts.name, facts.name
    );
    if facts.headers.is_empty() {
        text.push_str("# headers: { Authorization: \"Bearer {{ me.token }}\" }    # what every request carries\n");
    } else {
        let headers = facts.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let _ = writeln!(text, "headers: {}", flow(&Value::Object(headers)));
    }
    if let Some(FoundSocket::Open { greeting, message, ping, .. }) = &found.socket {
        let carried = message.as_ref().and_then(|message| message.to_other.as_ref().or(message.to_sender.as_ref()));
        let kinds: Vec<_> =
            greeting.iter().chain(carried).chain(ping.as_ref().map(|ping| &ping.answer)).map(discriminators).collect();
        let kind = KINDS.iter().find(|kind| kinds.iter().any(|outline| outline.contains_key(**kind)));
        if let Some(kind) = kind.filter(|kind| **kind != "type") {
            let _ = writeln!(text, "kind: $.{kind}                             # what says which kind a frame is");
        }
    }
    let mut verbs = String::new();
    if let Some(answer) = &found.http {
        let _ = write!(
            verbs,
            "  asks:\n    doc: Asks the server how it is.\n    steps:\n      - me: {{ get: {}, status: {} }}\n",
            flow(&json!(answer.path)),
            answer.status
        );
    }
    match &found.socket {
        Some(FoundSocket::Open { path, greeting, ping, message }) => {
            text.push('\n');
            let both = message.as_ref().filter(|message| message.to_other.is_some() && message.to_sender.is_some());
            if let Some(ping) = ping {
                let _ = write!(
                    text,
                    "# What proves that nothing came: the answer to a ping, if the server sends it behind all deliveries.\n\
                     # `roundtable check --barrier 20` tries whether it does.\n\
                     barrier: {{ echo: {{ send: {}, receive: {} }} }}\n",
                    flow(&ping.sent),
                    flow(&Value::Object(discriminators(&ping.answer)))
                );
            } else if let Some((message, frame)) =
                both.and_then(|message| message.to_other.as_ref().map(|frame| (message, frame)))
            {
                let marker = |pattern: Value| flow(&pattern).replace("{{ text }}", "{{ marker }}");
                let _ = write!(
                    text,
                    "# What proves that nothing came: somebody else's message, which comes behind everything before it.\n\
                     # `roundtable check --barrier 20` tries whether it does.\n\
                     barrier: {{ marker: {{ do: {{ send: {} }}, receive: {} }} }}\n",
                    marker(pattern_with_text(&message.sent, &message.text)),
                    marker(pattern_with_text(frame, &message.text))
                );
            } else {
                text.push_str(
                    "# A barrier proves that nothing came. `echo` is for a server that answers a ping behind its deliveries,\n\
                     # `marker` is somebody else's action that must come through the same stream.\n\
                     # barrier: { echo: { send: { type: ping }, receive: { type: pong } } }\n",
                );
            }
            let _ = write!(
                verbs,
                "  enter:\n    doc: Opens a socket{}.\n    steps:\n      - me: {{ connect: {} }}\n",
                if greeting.is_empty() { "" } else { " and awaits the greeting" },
                flow(&json!(path))
            );
            for frame in greeting {
                let pattern = Value::Object(discriminators(frame));
                let pattern = if discriminators(frame).is_empty() { json!({ "$any": true }) } else { pattern };
                let _ = writeln!(verbs, "      - me: {{ receive: {} }}", flow(&pattern));
            }
            if let Some(message) = message
                && let Some(frame) = message.to_other.as_ref().or(message.to_sender.as_ref())
            {
                let sent = pattern_with_text(&message.sent, &message.text);
                let _ = write!(
                    verbs,
                    "  says:\n    doc: Sends a message.\n    takes: text\n    steps:\n      - me: {{ send: {} }}\n  \
                     sees:\n    doc: Awaits a message.\n    takes: text\n    steps:\n      - me: {{ receive: {} }}\n",
                    flow(&sent),
                    flow(&pattern_with_text(frame, &message.text))
                );
            }
        }
        Some(FoundSocket::Refused { path, status, .. }) => {
            let _ = write!(
                verbs,
                "  enter:\n    doc: Opens a socket, for which the server wants more than a stranger has.\n    steps:\n      \
                 - me: {{ connect: {} }}          # a stranger is refused with {status}\n",
                flow(&json!(path))
            );
        }
        None if found.tried.is_empty() => {}
        None => {
            text.push_str(
                "\n# No WebSocket was found, so participants do requests alone. Where there is one after all,\n\
                 # `roundtable init --force --websocket PATH` looks there.\n",
            );
        }
    }
    if !verbs.is_empty() {
        let _ = write!(text, "\nverbs:\n{verbs}");
    }
    text
}

fn scenario(facts: &ServerFacts, found: &ProbeResult) -> String {
    let mut steps = String::new();
    let mut title = "The server answers".to_owned();
    if found.http.is_some() {
        steps.push_str("  - ann: asks\n");
    }
    let mut both = false;
    match &found.socket {
        Some(FoundSocket::Open { message, ping, .. }) => {
            both = true;
            steps.push_str("  - all: enter\n");
            title = "Two participants enter".to_owned();
            if let Some(message) = message {
                let others = message.to_other.is_some();
                let own = message.to_sender.is_some();
                if others || own {
                    steps.push_str("  - ann: { says: hello }\n");
                }
                if others {
                    steps.push_str("  - ben: { sees: hello }\n");
                    title = "What one says, the other sees".to_owned();
                }
                if others && !own && ping.is_some() {
                    let frame = message.to_other.as_ref().map(discriminators).unwrap_or_default();
                    let frame = flow(&Value::Object(frame));
                    let _ = writeln!(steps, "  - ann: {{ receive_nothing: {frame} }}    # proven by the barrier");
                }
                if own {
                    steps.push_str("  - ann: { sees: hello }\n");
                    if !others {
                        title = "What one says comes back".to_owned();
                    }
                }
            }
        }
        Some(FoundSocket::Refused { path, status, .. }) => {
            let _ = writeln!(steps, "  - ann: {{ connect: {}, refused: {status} }}", flow(&json!(path)));
            title = "A stranger is refused".to_owned();
        }
        None => {}
    }
    let who = if both { "{ ann: {}, ben: {} }" } else { "{ ann: {} }" };
    format!("scenario: {title}\nuse: {}\nparticipants: {who}\nsteps:\n{steps}", facts.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::{HttpAnswer, MessageTest, PingTest};

    fn facts(start: ServerStart) -> ServerFacts {
        ServerFacts { name: "rooms".to_owned(), start, websocket: None, get: None, headers: Vec::new() }
    }

    /// Whatever was found, the files are well formed for the program that reads them.
    #[test]
    fn the_files_are_what_the_program_reads() {
        let message = MessageTest {
            sent: json!({ "op": "message", "text": "hello" }),
            text: "hello".to_owned(),
            to_sender: None,
            to_other: Some(json!({ "type": "said", "data": { "by": "x", "lines": ["hello"] } })),
        };
        let open = FoundSocket::Open {
            path: "/ws?user={{ me.id }}".to_owned(),
            greeting: vec![json!({ "type": "welcome", "id": 7 }), json!([1])],
            ping: Some(Box::new(PingTest { sent: json!({ "op": "ping" }), answer: json!({ "op": "pong" }) })),
            message: Some(Box::new(message)),
        };
        let plain_text = FoundSocket::Open {
            path: "/".to_owned(),
            greeting: Vec::new(),
            ping: None,
            message: Some(Box::new(MessageTest {
                sent: json!({ "type": "message", "text": "hello" }),
                text: "hello".to_owned(),
                to_sender: Some(json!("you said: hello")),
                to_other: None,
            })),
        };
        let refused = FoundSocket::Refused { path: "/ws".to_owned(), status: 401, said: None };
        let answer = HttpAnswer { path: "/health".to_owned(), status: 200, body: None };
        let odd = HttpAnswer { path: "/".to_owned(), status: 426, body: None };
        let command = ServerStart::command("PORT={port} node 'my server.js' --quiet", None).unwrap();
        for (start, http, socket) in [
            (command.clone(), Some(answer), Some(open)),
            (ServerStart::Url("http://127.0.0.1:9".to_owned()), Some(odd.clone()), Some(plain_text)),
            (command, Some(odd), Some(refused)),
            (ServerStart::command("serve", Some(80)).unwrap(), None, None),
        ] {
            let nothing = http.is_none();
            let folder = tempfile::tempdir().unwrap();
            for (path, text) in first_files(&facts(start), &ProbeResult { http, tried: Vec::new(), socket }) {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            let config = crate::config::Config::load(folder.path()).unwrap();
            let selected = crate::select::select(&config, &[], &[]).unwrap();
            let errors: Vec<String> = selected.findings.iter().map(ToString::to_string).collect();
            assert_eq!(errors.is_empty(), !nothing, "{errors:#?}");
        }
    }
}
