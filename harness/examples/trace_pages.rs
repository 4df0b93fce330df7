//! Writes trace pages of made-up scenarios for the browser's tests: `cargo run --example trace_pages -- FOLDER`.
//!
//! The same events every time: `many.html` has 10,000 frames of twelve participants, `broken.html` a message that came
//! too early and one that never came, `hostile.html` payloads that try to be markup.

use std::error::Error;
use std::path::{Path, PathBuf};

use roundtable::event::Event;
use roundtable::report::files::trace;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("which folder?")?;
    let place = |name: &str| folder.join(name);
    many(&place("many.html"))?;
    broken(&place("broken.html"))?;
    hostile(&place("hostile.html"))
}

/// Events of one scenario, in the making.
struct Tale {
    events: Vec<Value>,
    at: u64,
    entries: usize,
    inboxes: Vec<usize>,
}

impl Tale {
    /// A scenario with so many steps of one line each.
    fn new(title: &str, participants: &[String], lines: &[String]) -> Self {
        let mut tale = Self { events: Vec::new(), at: 0, entries: 0, inboxes: vec![0; participants.len()] };
        tale.tell(
            json!({ "event": "scenario_started", "title": title, "file": "scenarios/made/up.yaml", "tags": ["made-up"],
            "participants": participants, "server": "http://127.0.0.1:1" }),
        );
        let text = format!("scenario: {title}\nuse: chat\nsteps:\n{}", lines.concat());
        tale.tell(json!({ "event": "source", "file": "scenarios/made/up.yaml", "text": text }));
        tale
    }

    fn tell(&mut self, mut event: Value) {
        event["at_us"] = json!(self.at);
        event["scenario"] = json!({ "label": "made/up", "repetition": 1, "attempt": 1 });
        self.events.push(event);
    }

    fn begin(&mut self, number: usize, actor: &str, text: &str) {
        self.at += 40;
        self.tell(json!({ "event": "step_started", "number": number, "parent": null, "depth": 0, "actor": actor,
            "place": { "file": "scenarios/made/up.yaml", "line": number + 4, "column": 5, "text": text.trim() } }));
    }

    fn end(&mut self, number: usize) {
        self.at += 10;
        self.tell(json!({ "event": "step_finished", "number": number }));
    }

    fn entry(&mut self) -> usize {
        self.entries += 1;
        self.entries - 1
    }

    fn open(&mut self, step: usize, who: &str, id: usize) {
        self.at += 300;
        self.entry();
        self.tell(json!({ "event": "opened", "participant": who, "connection": "main", "id": id, "step": step,
            "path": "/table", "status": 101 }));
    }

    fn sent(&mut self, step: usize, who: &str, id: usize, frame: &Value) -> usize {
        self.at += 60;
        let entry = self.entry();
        self.tell(json!({ "event": "sent", "participant": who, "connection": "main", "id": id, "step": step,
            "entry": entry, "frame": frame.to_string(), "barrier": false }));
        entry
    }

    fn received(&mut self, who: &str, id: usize, frame: &Value) -> usize {
        self.at += 25;
        self.inboxes[id] += 1;
        let (entry, number) = (self.entry(), self.inboxes[id]);
        self.tell(json!({ "event": "received", "participant": who, "connection": "main", "id": id, "entry": entry,
            "number": number, "frame": frame.to_string(), "barrier": false }));
        entry
    }

    fn linked(&mut self, order: usize, sent: usize, acks: &[usize], deliveries: &[usize]) {
        self.tell(json!({ "event": "linked", "stream": "talk", "id": format!("m{order}"), "order": order,
            "sent": sent, "acks": acks, "deliveries": deliveries }));
    }

    fn write(mut self, outcome: &Value, to: &Path) -> Result<(), Box<dyn Error>> {
        let mut log: Vec<Value> =
            (0..20).map(|line| json!({ "at_us": self.at * line / 20, "text": format!("INFO tick {line}") })).collect();
        let trace = [
            "ERROR the handler failed",
            "Traceback (most recent call last):",
            "  File \"server.py\", line 7, in handle",
            "    rooms[name]",
            "KeyError: 'room'",
        ];
        log.extend(trace.map(|text| json!({ "at_us": self.at, "text": text })));
        let result = json!({ "event": "scenario_finished", "label": "made/up", "title": "Made up", "file": "scenarios/made/up.yaml",
            "repetition": 1, "attempt": 1, "outcome": outcome, "took_us": self.at, "unproven": 0, "unknown": [], "log": log,
            "snapshots": [], "updated": 0, "idle_redactions": [], "server": "http://127.0.0.1:1", "people": [] });
        self.tell(result);
        let events: Vec<Event> = self.events.into_iter().map(serde_json::from_value).collect::<Result<_, _>>()?;
        Ok(trace::write(&events, to)?)
    }
}

fn step_line(who: &str, what: &str) -> String {
    format!("  - {who}: {{ {what} }}\n")
}

/// Twelve people say 770 messages: each is one frame to the server, an acknowledgement, and eleven deliveries.
fn many(to: &Path) -> Result<(), Box<dyn Error>> {
    const MESSAGES: usize = 770;
    let people: Vec<String> = (1..=12).map(|number| format!("guest_{number}")).collect();
    let mut lines: Vec<String> = people.iter().map(|who| step_line(who, "enter")).collect();
    lines.extend((0..MESSAGES).map(|message| step_line(&people[message % 12], &format!("say: word {message}"))));
    let mut tale = Tale::new("Twelve people say a lot", &people, &lines);
    for (id, who) in people.iter().enumerate() {
        tale.begin(id, who, &lines[id]);
        tale.open(id, who, id);
        tale.end(id);
    }
    for message in 0..MESSAGES {
        let (sender, step) = (message % 12, message + 12);
        tale.begin(step, &people[sender], &lines[step]);
        let words = "lorem ipsum dolor sit amet ".repeat(1 + message % 9);
        let sent = tale.sent(
            step,
            &people[sender],
            sender,
            &json!({ "type": "say", "text": format!("word {message}"), "words": words }),
        );
        let ack = tale.received(&people[sender], sender, &json!({ "type": "ack", "seq": message + 1 }));
        let said = json!({ "type": "said", "seq": message + 1, "from": people[sender], "text": format!("word {message}"), "words": words });
        // Every other one is told to each in an own frame, as protocols do whose frames name their receiver.
        let deliveries: Vec<usize> = (0..12)
            .filter(|id| *id != sender)
            .map(|id| {
                let mut own = said.clone();
                if message % 2 == 0 {
                    own["to"] = json!(people[id]);
                }
                tale.received(&people[id], id, &own)
            })
            .collect();
        tale.end(step);
        tale.linked(message + 1, sent, &[ack], &deliveries);
    }
    tale.write(&json!({ "status": "passed" }), to)
}

/// Carol gets 2 before 1, and bob never gets 3.
fn broken(to: &Path) -> Result<(), Box<dyn Error>> {
    let people: Vec<String> = ["alice", "bob", "carol"].map(str::to_owned).to_vec();
    let mut lines: Vec<String> = people.iter().map(|who| step_line(who, "enter")).collect();
    lines.extend((1..=3).map(|message| step_line("alice", &format!("say: word {message}"))));
    lines.push(step_line("bob", "sees: word 3"));
    let mut tale = Tale::new("Three people, two mistakes", &people, &lines);
    for (id, who) in people.iter().enumerate() {
        tale.begin(id, who, &lines[id]);
        tale.open(id, who, id);
        tale.end(id);
    }
    let said = |message: usize| json!({ "type": "said", "seq": message, "text": format!("word {message}") });
    let mut sent = Vec::new();
    for message in 1..=3 {
        tale.begin(message + 2, "alice", &lines[message + 2]);
        sent.push(tale.sent(message + 2, "alice", 0, &json!({ "type": "say", "text": format!("word {message}") })));
        tale.end(message + 2);
    }
    let bob = [tale.received("bob", 1, &said(1)), tale.received("bob", 1, &said(2))];
    let carol_two = tale.received("carol", 2, &said(2));
    let carol_one = tale.received("carol", 2, &said(1));
    let carol_three = tale.received("carol", 2, &said(3));
    tale.begin(6, "bob", &lines[6]);
    tale.at += 6_000_000;
    tale.end(6);
    tale.linked(1, sent[0], &[], &[bob[0], carol_one]);
    tale.linked(2, sent[1], &[], &[bob[1], carol_two]);
    tale.linked(3, sent[2], &[], &[carol_three]);
    let blank = json!({ "place": null, "inside": [], "participant": null, "expected": null, "nearest": null, "came": [],
        "late": null, "details": [], "diff": [], "step": null, "entries": [], "snapshot": null });
    let failure = |fields: Value| {
        let mut failure = blank.clone();
        if let (Some(all), Value::Object(own)) = (failure.as_object_mut(), fields) {
            all.extend(own);
        }
        failure
    };
    let failures = json!([
        failure(json!({ "kind": "invariant", "headline": "same_order: carol got 2 before 1", "participant": "carol",
            "details": ["1.0 ms: carol got 2", "1.1 ms: carol got 1"], "entries": [carol_two, carol_one] })),
        failure(
            json!({ "kind": "invariant", "headline": "reaches_all: bob never got 3; carol got it", "participant": "bob",
            "details": ["1.2 ms: carol got 3"], "entries": [carol_three] })
        ),
        failure(json!({ "kind": "expectation", "headline": "bob never got word 3", "participant": "bob", "step": 6,
            "expected": json!({ "type": "said", "text": "word 3" }).to_string(),
            "nearest": { "what": "frame 2 on main", "entry": bob[1], "whole": said(2).to_string(),
                "differences": ["$.text: expected \"word 3\", got \"word 2\""] },
            "came": [{ "at_us": 1000, "entry": bob[0], "frame": said(1).to_string(), "taken_by": null },
                { "at_us": 1025, "entry": bob[1], "frame": said(2).to_string(), "taken_by": null }],
            "late": "it never came: the runner listened 1s longer" })),
        failure(json!({ "kind": "snapshot", "headline": "the snapshot `end` changed its shape",
            "diff": [{ "kind": "shape", "text": "carol.frames.said[0].text: a string became a number" },
                { "kind": "hunk", "text": "@@ -1 +1 @@" }, { "kind": "removed", "text": "a" }, { "kind": "added", "text": "b" }] })),
    ]);
    tale.write(&json!({ "status": "failed", "failures": failures }), to)
}

/// Everything that comes from outside tries to be markup.
fn hostile(to: &Path) -> Result<(), Box<dyn Error>> {
    let evil =
        "</script><script>document.title='hurt'</script><!-- <img src=x onerror=\"document.title='hurt'\"> {script}";
    let people = vec![format!("a{evil}"), "bob".to_owned()];
    let lines = [step_line("a", evil)];
    let mut tale = Tale::new(evil, &people, &lines);
    tale.begin(0, &people[0], evil);
    tale.open(0, &people[0], 0);
    tale.open(0, "bob", 1);
    let frame = json!({ "type": evil, "text": evil, "separators": "\u{2028}\u{2029}", evil: evil });
    tale.sent(0, &people[0], 0, &frame);
    tale.received("bob", 1, &json!(evil));
    tale.received("bob", 1, &json!(null));
    tale.received("bob", 1, &json!([evil, { "deep": { "deeper": { "deepest": ["x".repeat(300_000)] } } }]));
    tale.end(0);
    tale.tell(json!({ "event": "note", "text": evil }));
    tale.write(&json!({ "status": "skipped", "reason": evil }), to)
}
