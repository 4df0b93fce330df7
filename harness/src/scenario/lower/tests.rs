//! Wrong files and what is said of them, each with line, column and help; names as they are followed through steps;
//! and that no text at all makes the loader panic.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::{Loaded, protocol, scenario};
use crate::scenario::error::{Findings, Severity};
use crate::scenario::model::Protocol;
use crate::scenario::node::Node;
use crate::scenario::yaml;
use crate::source::Source;

mod doubts;
mod one_server;
mod stubs;
mod threads;

const PROTOCOL: &str = r#"
protocol: rooms
identity: { id: "{{ key }}_{{ run }}" }
barrier: { echo: { send: { type: ping }, receive: { type: pong } } }
verbs:
  enter:
    takes: { room: lobby }
    steps:
      - me: { connect: "/rooms/{{ room }}", query: { who: "{{ me.id }}" } }
      - me: { receive: { type: entered } }
  open:
    steps: [{ me: { post: /rooms, status: 201, capture: { room: $.room } } }]
  say:
    takes: text
    gives: [number]
    steps:
      - me: { send: { text: "{{ text }}" } }
      - me: { receive: { type: said }, capture: { number: $.number } }
  thanks:
    takes: who
    steps: [{ me: { say: "Thank you, {{ participants[who].name }}" } }]
  blame:
    takes: { by: someone }
    steps: [{ me: { say: "It was {{ by.name }}" } }]
  accuse:
    takes: who
    steps: [{ me: { blame: { by: "{{ who }}" } } }]
  tell:
    takes: [to, text]
    steps: [{ me: { send: { to: "{{ to }}", text: "{{ text }}" } } }]
  twice:
    steps: [{ me: { get: /a } }, { me: { get: /b } }]
streams: { talk: { frame: { type: said }, stream: $.room, id: $.id, order: $.number } }
invariants: [no_gaps]
state: { room: { get: /room } }
"#;

/// A folder without any other protocol file.
fn nothing(file: &str) -> Loaded {
    Loaded::Missing(vec![file.to_owned()])
}

fn rooms() -> Arc<Protocol> {
    let mut findings = Findings::new(Source::new("protocols/rooms.yaml", PROTOCOL));
    let root = yaml::parse(&mut findings).unwrap();
    let read = protocol(&root, &mut findings, &mut nothing);
    assert!(findings.list.is_empty(), "{:?}", findings.list);
    Arc::new(read.unwrap())
}

/// Reads a scenario file; whether it can be played, and what is said of it.
fn read(text: &str, rooms: &Arc<Protocol>) -> (bool, Vec<String>) {
    let mut findings = Findings::new(Source::new("story.yaml", text));
    let root = yaml::parse(&mut findings);
    let mut find = |name: &str| match name {
        "rooms" => Loaded::Found(Arc::clone(rooms)),
        "broken" => Loaded::Broken,
        _ => Loaded::Missing(vec!["protocols".to_owned()]),
    };
    let read = root.and_then(|root| scenario(&root, &mut findings, "suite/story", &mut find));
    (read.is_some(), told(&findings))
}

fn read_protocol(text: &str) -> (bool, Vec<String>) {
    let mut findings = Findings::new(Source::new("rooms.yaml", text));
    let read = yaml::parse(&mut findings).and_then(|root| protocol(&root, &mut findings, &mut nothing));
    (read.is_some(), told(&findings))
}

fn told(findings: &Findings) -> Vec<String> {
    let one = |finding: &crate::scenario::error::Diagnostic| {
        let help = finding.help.as_ref().map(|help| format!(" [{help}]")).unwrap_or_default();
        let word = if finding.severity == Severity::Error { "" } else { "warning: " };
        format!("{}:{} {word}{}{help}", finding.at.line, finding.at.column, finding.message)
    };
    findings.list.iter().map(one).collect()
}

/// A scenario with these steps, which begin in line 4.
fn story(steps: &str) -> String {
    format!(
        "{{ scenario: x, use: rooms, participants: {{ ann: {{}}, ben: {{}}, guest: {{ count: 2 }} }},\n  steps: [\n\n{steps}\n  ] }}"
    )
}

/// What is said of each text, below it.
fn table(texts: &[&str], read: impl Fn(&str) -> (bool, Vec<String>)) -> String {
    let mut table = String::new();
    for text in texts {
        let (_, told) = read(text);
        assert!(!told.is_empty(), "nothing is said of\n{text}");
        let _ = writeln!(table, "{text}");
        for line in told {
            let _ = writeln!(table, "    {line}");
        }
        table.push('\n');
    }
    table
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn wrong_steps() {
    let rooms = rooms();
    let steps = [
        "- x",
        "{}",
        "enter",
        "{ ana: enter }",
        "{ send: {} }",
        "{ ann: enter, ben: enter }",
        "{ ann: enter, note: x }",
        "{ ann: }",
        "{ ann: {} }",
        "{ ann: [enter] }",
        "{ ann: entre }",
        "{ ann: { get: /a, post: /b } }",
        "{ ann: { getting: /a } }",
        "{ ann: get }",
        "{ ann: { get: a } }",
        "{ ann: { get: [a] } }",
        "{ ann: { get: /a, jsn: {} } }",
        "{ ann: { get: /a, via: x } }",
        "{ ann: { get: /a, main: true } }",
        "{ ann: { post: /a, json: {}, text: x } }",
        "{ ann: { post: /a, eventually: 1s } }",
        "{ ann: { get: /a, gives_up: 1s, status: 200 } }",
        "{ ann: { get: /a, gives_up: 1s, expect_headers: { a: b } } }",
        "{ ann: { get: /a, gives_up: 1s, capture: { x: $.x } } }",
        "{ ann: { get: /a, gives_up: 1s, eventually: 2s } }",
        "{ ann: { get: /a, headers: { 'a b': x } } }",
        "{ ann: { get: /a, within: 3 apples } }",
        "{ ann: { get: /a, capture: { x: id } } }",
        "{ ann: { get: /a, capture: { x: '$.a[?(@.b = 1)].c' } } }",
        "{ ann: { get: /a, capture: { all: $.id } } }",
        "{ ann: { get: /a, capture: { 1x: $.id } } }",
        "{ ann: { get: /a, status: { $gt: [1] } } }",
        "{ ann: { connect: /a, refused: { expect: {} } } }",
        "{ ann: { connect: /a, receive_buffer: big } }",
        "{ ann: { send_binary: xyz } }",
        "{ ann: { drop: now } }",
        "{ ann: { close: { kode: 1 } } }",
        "{ ann: { close: { code: 99999 } } }",
        "{ ann: { receive: { $regx: a } } }",
        "{ ann: { receive: { a: { $regex: '(' } } } }",
        "{ ann: { receive_all: {} } }",
        "{ ann: { receive_in_order: [] } }",
        "{ ann: { received: {} } }",
        "{ ann: { receive_nothing: {}, times: 2 } }",
        "{ ann: say }",
        "{ ann: { say: } }",
        "{ ann: { say: { text: hello, txet: x } } }",
        "{ ann: { say: { text: { a: 1 } } } }",
        "{ ann: { enter: { rom: x } } }",
        "{ ann: { enter: hall } }",
        "{ ann: { open: hall } }",
        "{ ann: { tell: { to: ben } } }",
        "{ ann: { thanks: bem } }",
        "{ ann: { say: x, refused: 403 } }",
        "{ ann: { twice: {}, refused: 403 } }",
        "{ ann: { say: x, status: 200 } }",
        "{ ann: { say: '{{ x' } }",
        "{ ann: { say: '{{ x y }}' } }",
        "{ parallel: x }",
        "{ parallel: { ana: [] } }",
        "{ parallel: { ann: enter } }",
        "{ race: { of: guests, do: enter } }",
        "{ race: { of: guest } }",
        "{ race: { off: guest, do: enter } }",
        "{ race: { off: guest, bo: enter } }",
        "{ race: { of: guest, do: enter, outcomes: [{ as: ann }] } }",
        "{ race: { of: guest, do: enter, outcomes: {} } }",
        "{ repeat: 3 }",
        "{ repeat: often, steps: [] }",
        "{ repeat: 3, steps: x }",
        "{ for_each: { x: [1], y: [2] }, steps: [] }",
        "{ for_each: x, steps: [] }",
        "{ note: x, steps: [] }",
        "{ snapshot: { of: ann } }",
        "{ snapshot: { nam: x } }",
        "{ snapshot: x, of: nobody }",
        "{ check: a b }",
        "{ check: [1] }",
        "{ server: reboot }",
        "{ server: { log: x } }",
    ];
    let shown = table(&steps, |step| read(&story(step), &rooms));
    snapshot("wrong_steps", &shown);
}

#[test]
fn wrong_scenario_files() {
    let rooms = rooms();
    let base = "scenario: x\nuse: rooms\nparticipants: { ann: {} }\nsteps: [{ ann: enter }]\n";
    let read = |text: &str| read(text, &rooms);
    assert_eq!(read(base), (true, Vec::new()));
    let more = |line: &str| format!("{base}{line}");
    let files: Vec<String> = [
        "stric: true", "strict: maybe", "tags: { a: b }", "ignore: {}", "examples: {}", "examples: []",
        "examples: [{ a: 1 }, { b: 2 }]", "examples: [{ me: 1 }]", "server: { own: 1, port: 3 }", "server: { threads: 0 }", "server: { threads: many }", "server: { threads: 65 }", "always: [{ note: x, check: y }]",
        "expect_failure: []", "expect_failure: known defect", "expect_failure: { class: scenario, says: '' }",
        "expect_failure: { class: lates, says: x, why: y, when: z }", "owner: []", "quarantine: yes", "quarantine: {}", "quarantine: { issue: A-1, until: soon }",
        "quarantine: { issue: A-1, until: 2026-02-30, by: me }", "quarantine: { issue: A-1, until: 2999-1-1 }",
        "quarantine: { issue: 7, until: 2020-01-31 }", "timeout: 5", "timeout: 0s",
        "unknown: yes", "unknown: { reaches_al: x }", "unknown: { reaches_all: x }", "unknown: { no_gaps: [] }", "unknown: { no_gaps: ' ' }",
        "unproven: []", "unproven: ''",
    ]
    .map(more)
    .into_iter()
    .chain(
        [
            "", "x", "scenario: x", "scenario: x\nparticipants: {}\nsteps: []", "scenario: x\nparticipants: [ann]\nsteps: [{ note: x }]",
            "scenario: x\nuse: other\nparticipants: { ann: {} }\nsteps: [{ note: x }]",
            "scenario: x\nparticipants: { all: {}, get: {}, 'a b': {}, me: {} }\nsteps: [{ note: x }]",
            "scenario: x\nparticipants: { ann: { count: 0 }, ben: { count: many }, eve: { nam: Eve } }\nsteps: [{ note: x }]",
            "scenario: x\nparticipants: { ann_1: {}, ann: { count: 1 } }\nsteps: [{ note: x }]",
            "scenario: x\nparticipants: { ann: {} }\nsteps:\n  - ann: { get: {{ path }} }\n  - note: {{ x }}\n",
            "a: 1\na: 2",
            "a: [",
            "scenario: x\n\tsteps: []",
            "scenario: *x",
        ]
        .map(str::to_owned),
    )
    .collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    snapshot("wrong_scenario_files", &table(&files, read));
}

#[test]
fn what_is_wrong_in_a_protocol_is_not_told_of_those_who_use_it() {
    let use_broken = "scenario: x\nuse: broken\nparticipants: { ann: {} }\nsteps: [{ ann: whirls }]\n";
    assert_eq!(read(use_broken, &rooms()), (false, Vec::new()));
    let (read, told) = read(&format!("{use_broken}tag: [a]\n"), &rooms());
    assert_eq!((read, told.len()), (false, 1), "what is wrong in the scenario itself: {told:?}");
}

#[test]
fn a_quarantine_that_is_over_is_only_a_warning() {
    let base = "scenario: x\nparticipants: { ann: {} }\nsteps: [{ ann: { get: / } }]\n";
    let (read, told) = read(&format!("{base}quarantine: {{ issue: A-1, until: 2020-01-31 }}"), &rooms());
    assert!(read);
    let expected = "4:34 warning: the quarantine ended on 2020-01-31: failures count again [take the quarantine away, or \
                    give it a new last day]";
    assert_eq!(told, [expected]);
}

#[test]
fn wrong_protocol_files() {
    let verbs = |inside: &str| format!("protocol: x\nverbs: {{ {inside} }}");
    let files = [
        "{}".to_owned(),
        "protocol: x\nverb: {}".to_owned(),
        verbs("all: { steps: [] }, get: { steps: [] }, 'a b': { steps: [] }"),
        verbs("a: {}"),
        verbs("a: { takes: 3.5, steps: [] }"),
        verbs("a: { takes: [me], steps: [] }"),
        verbs("a: { params: [text], steps: [{ me: { send: '{{ text }}' } }] }"),
        verbs("a: { takes: text, arguments: { x: 1 }, steps: [{ me: { send: '{{ text }}' } }] }"),
        verbs("a: { stesp: [{ me: { get: / } }] }"),
        verbs("a: { steps: [{ you: close }] }"),
        verbs("a: { steps: [{ me: { send: {}, main: true } }] }"),
        verbs("a: { steps: [{ me: { get: /, main: true } }, { me: { get: /, main: true } }] }"),
        verbs("a: { steps: [{ me: a }] }"),
        verbs("a: { steps: [{ me: b }] }, b: { steps: [{ repeat: 2, steps: [{ me: a }] }] }"),
        "protocol: x\nidentity: { key: a, run: b }".to_owned(),
        "protocol: x\nidentity: { steps: [{ me: { get: x } }] }".to_owned(),
        "protocol: x\nheaders: { 'a b': c }".to_owned(),
        "protocol: x\nbarrier: {}".to_owned(),
        "protocol: x\nbarrier: ping".to_owned(),
        "protocol: x\nbarrier: { ping: {} }".to_owned(),
        "protocol: x\nbarrier: { echo: { send: {} } }".to_owned(),
        "protocol: x\nbarrier: { get: { get: /, offset: n, frame: {}, passed: $.n } }".to_owned(),
        "protocol: x\nfails: { $typ: x }".to_owned(),
        "protocol: x\ninvariants: [order]".to_owned(),
        "protocol: x\ninvariants: all".to_owned(),
        "protocol: x\nstreams: { a: { frame: {} } }".to_owned(),
        "protocol: x\nstreams: { a: { frame: { $x: 1 }, stream: $.a, id: $.b, order: $.c, ackz: {} } }".to_owned(),
        "protocol: x\nstreams: { a: { frame: {}, stream: $.a, id: $.b, order: $.c, acks: {}, sends: [{}], membership: { join: [{}] }, readback: {} } }".to_owned(),
        // Of several streams a request must name its own, and where there is one it needs not.
        "protocol: x\nstreams: { a: { frame: {}, stream: $.a, id: $.b, order: $.c, sends: [{ request: {}, id: $.b, order: $.c }], membership: { connected: 1, join: { request: {} } } } }".to_owned(),
        "protocol: x\nstreams: { a: { frame: {}, id: $.b, order: $.c, sends: [{ request: {}, id: $.b, order: $.c }], membership: { connect: true, join: { request: {} } } } }".to_owned(),
        "protocol: x\nstate: { a: { post: / } }".to_owned(),
        "protocol: x\nids: { a: '(' }".to_owned(),
        "protocol: x\nkind: type".to_owned(),
        "protocol: x\nephemeral: {}".to_owned(),
        "protocol: x\ncoalesce: [{ frames: {} }]".to_owned(),
        "protocol: x\nredact: [{ path: x, with: y }]".to_owned(),
        "protocol: x\nunordered: [x]".to_owned(),
    ];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    snapshot("wrong_protocol_files", &table(&files, read_protocol));
}

#[test]
fn names_that_are_set_may_be_used() {
    let rooms = rooms();
    for steps in [
        // A capture belongs to the scenario and to the participant who made it.
        "{ ann: { get: /, capture: { x: $.x } } }, { ben: { get: '/{{ x }}/{{ ann.x }}' } }",
        // A verb's captures belong to the scenario, those that it gives to the actor.
        "{ ann: open }, { ben: { enter: { room: '{{ room }}' } } }",
        "{ ann: { say: hi } }, { check: ann.number == 1 }",
        // Everybody in a group has what the group's verb gave.
        "{ guest: { say: hi } }, { check: guest_2.number > guest_1.number }",
        // Branches give their names to what follows.
        "{ parallel: [{ ann: open }, { ben: { say: hi } }] }, { check: 'room and ben.number' }",
        // Loops.
        "{ repeat: 2, steps: [{ note: '{{ index }}' }] }, { for_each: { word: [a, b] }, steps: [{ note: '{{ word }} {{ index }}' }] }",
        // A race names those who ended one way.
        "{ race: { of: guest, do: { get: / }, outcomes: [{ as: first, count: 1, status: 200, capture: { place: $.n } }, { count: 1 }] } }, { first: { get: '/{{ first.place }}' } }",
        // A parameter may be a map.
        "{ ann: { blame: { by: { name: ben } } } }",
        // Built in.
        "{ note: \"{{ uuid() }} {{ run }} {{ ann.id }} {{ ann.key }} {{ ann.name }} {{ ann.token }} {{ env.HOME }}\" }",
        // Marks and connections.
        "{ ann: enter }, { ann: { mark: here } }, { ann: { receive: {}, since: here } }",
        "{ ann: { connect: /, as: phone } }, { ann: { send: {} } }, { ann: { connect: / } }, { ann: { send: {}, via: phone } }",
        "{ ann: { connect: /, as: phone } }, { ann: { connect: / } }, { ann: { drop: {}, via: phone } }, { ben: { receive: {} } }, { ann: { send: {} } }",
        // A snapshot may follow a disconnect that somebody noticed.
        "{ all: enter }, { ann: drop }, { ben: { receive: { type: went } } }, { snapshot: x }",
    ] {
        let (read, mut told) = read(&story(steps), &rooms);
        // Not everybody has something to do in each of these.
        told.retain(|line| !line.contains("does nothing in this scenario"));
        assert_eq!((read, told), (true, Vec::new()), "{steps}");
    }
}

#[test]
fn names_that_are_not_set() {
    let rooms = rooms();
    let steps = [
        "{ note: '{{ x }}' }",
        "{ note: '{{ room }}' }, { ann: open }",
        "{ note: '{{ ann.x }}' }",
        "{ note: '{{ ann.nam }}' }",
        "{ note: '{{ ann.number }}' }, { ann: { say: hi } }",
        "{ ann: { say: hi } }, { note: '{{ ben.number }} {{ number }}' }",
        "{ note: '{{ guest_3.id }}' }",
        "{ note: '{{ x }}' }, { ann: { get: /, capture: { x: $.x } } }",
        "{ parallel: [{ ann: { get: /, capture: { x: $.x } } }, { ben: { get: '/{{ x }}' } }] }",
        "{ parallel: [{ ann: { get: /, capture: { x: $.x } } }, { ben: { get: /, capture: { x: $.x } } }] }",
        "{ parallel: { ann: [open], ben: [open] } }",
        "{ parallel: [{ guest: open }, { ann: open }] }",
        "{ repeat: 2, steps: [] }, { note: '{{ index }}' }",
        "{ for_each: { word: [a] }, steps: [] }, { note: '{{ word }}' }",
        "{ ann: { connect: / } }, { ann: { connect: /, as: phone } }, { ann: { receive: {} } }",
        "{ ann: { connect: / } }, { ann: { connect: /, as: phone } }, { ann: { say: x } }",
        "{ ann: enter }, { ann: { receive: {}, since: here } }",
        "{ ann: enter }, { ann: { mark: there } }, { ann: { receive: {}, since: here } }",
        "{ ann: enter }, { ann: { mark: here } }, { ben: { say: x, since: here } }",
        "{ all: enter }, { ann: close }, { snapshot: x }",
        "{ first: enter }",
        "{ ann: { blame: { by: ben } } }",
        "{ ann: blame }",
        "{ ann: { accuse: ben } }",
        "{ for_each: { who: [ann, ben] }, steps: [{ note: '{{ who.id }}' }] }",
    ];
    snapshot("names_that_are_not_set", &table(&steps, |steps| read(&story(steps), &rooms)));
}

#[test]
fn rows_name_themselves_by_their_first_column() {
    let rooms = rooms();
    let names = |examples: &str| {
        let text = format!(
            "{{ scenario: x, participants: {{ ann: {{}} }}, steps: [{{ ann: {{ get: / }} }}], examples: {examples} }}"
        );
        let mut findings = Findings::new(Source::new("story.yaml", text));
        let root = yaml::parse(&mut findings).unwrap();
        let mut find = |_: &str| Loaded::Found(Arc::clone(&rooms));
        let read = scenario(&root, &mut findings, "story", &mut find).unwrap();
        assert!(findings.list.is_empty(), "{:?}", told(&findings));
        read.rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(names("[{ mode: List All }, { mode: generate }]"), ["list-all", "generate"]);
    assert_eq!(names("[{ n: 1, m: a }, { n: 2, m: b }]"), ["1", "2"]);
    assert_eq!(names("[{ mode: same }, { mode: same }]"), ["1", "2"]);
    assert_eq!(names("[{ frame: {} }, { frame: [] }]"), ["1", "2"]);
}

/// The scenario and protocol files of this repository.
fn real_files() -> Vec<(bool, String)> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                found.push(path);
            }
        }
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    below(&package.join("../scenarios"), &mut paths);
    below(&package.join("examples/rooms/scenarios"), &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let is_protocol = path.parent().is_some_and(|folder| folder.ends_with("protocols"));
        (is_protocol, std::fs::read_to_string(path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

/// Either the file can be played, with all of its steps, or something is said of it, at a place that it has.
fn read_or_refused(is_protocol: bool, text: &str, rooms: &Arc<Protocol>) {
    let mut findings = Findings::new(Source::new("story.yaml", text));
    let root = yaml::parse(&mut findings);
    let mut find = |_: &str| Loaded::Found(Arc::clone(rooms));
    let written = |root: &Node, key: &str| root.get(key).and_then(Node::as_list).unwrap_or_default().len();
    let whole = root.is_some_and(|root| {
        if is_protocol {
            protocol(&root, &mut findings, &mut nothing).is_some()
        } else {
            scenario(&root, &mut findings, "story", &mut find).is_some_and(|scenario| {
                (scenario.steps.len(), scenario.always.len()) == (written(&root, "steps"), written(&root, "always"))
            })
        }
    });
    assert!(whole || !findings.list.is_empty(), "nothing is said of\n{text}");
    let lines = text.lines().count().max(1) + 1;
    for finding in &findings.list {
        assert!((1..=lines).contains(&finding.at.line) && finding.at.column > 0, "{finding}");
        // Rendering must not panic either.
        assert!(!finding.to_string().is_empty());
    }
}

#[derive(Debug, Clone)]
enum Change {
    Delete,
    Double,
    Swap,
    Cut,
    Indent,
    Replace(String),
    Insert(String),
}

fn change() -> impl Strategy<Value = Change> {
    let piece = "[-a-z_:{}\\[\\]$&*!|>'\"%#, .0-9\t\u{e4}\u{1f600}]{0,30}";
    prop_oneof![
        Just(Change::Delete),
        Just(Change::Double),
        Just(Change::Swap),
        Just(Change::Cut),
        Just(Change::Indent),
        piece.prop_map(Change::Replace),
        piece.prop_map(Change::Insert),
    ]
}

fn changed(text: &str, changes: &[(prop::sample::Index, Change)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (place, change) in changes {
        if lines.is_empty() {
            break;
        }
        let at = place.index(lines.len());
        match change {
            Change::Delete => _ = lines.remove(at),
            Change::Double => lines.insert(at, lines[at].clone()),
            Change::Swap => lines.swap(at, 0),
            Change::Cut => {
                let half = lines[at].chars().count() / 2;
                lines[at] = lines[at].chars().take(half).collect();
            }
            Change::Indent => lines[at].insert_str(0, "  "),
            Change::Replace(with) => lines[at].clone_from(with),
            Change::Insert(new) => {
                let half = lines[at].char_indices().nth(lines[at].chars().count() / 2).map_or(0, |(place, _)| place);
                lines[at].insert_str(half, new);
            }
        }
    }
    lines.join("\n")
}

proptest! {
    #[test]
    fn any_text_is_a_scenario_or_refused(text in "\\PC*", is_protocol: bool) {
        read_or_refused(is_protocol, &text, &rooms());
    }

    #[test]
    fn any_steps_are_played_or_refused(steps in "[-a-z_:{}\\[\\]$&*!|>'\"%#, \n0-9]{0,80}") {
        read_or_refused(false, &story(&steps), &rooms());
    }

    #[test]
    fn real_files_that_were_changed_are_played_or_refused(
        file: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), change()), 1..6),
    ) {
        static FILES: LazyLock<Vec<(bool, String)>> = LazyLock::new(real_files);
        let (is_protocol, text) = file.get(&FILES);
        read_or_refused(*is_protocol, &changed(text, &changes), &rooms());
    }
}
