//! Stubs: files that are wrong, files that are probably not meant so, and files of which nothing is said.

use super::{read, rooms, snapshot, table};

/// A scenario with these stubs and steps, in which everybody does something.
fn story(stubs: &str, steps: &str) -> String {
    format!(
        "scenario: x\nuse: rooms\nparticipants: {{ ann: {{}} }}\nstubs: {{ {stubs} }}\nserver: {{ config: {{ url: '{{{{ llm.url }}}}' }} }}\nsteps: [{{ ann: enter }}, {steps}]"
    )
}

#[test]
fn wrong_stubs() {
    let rooms = rooms();
    let stubs = [
        "llm: 3",
        "llm: { listen: true }",
        "llm: { listening: maybe }",
        "llm: {}, ann: {}",
        "llm: {}, note: {}",
        "llm: { answers: {} }",
        "llm: { answers: [{ reply: 200 }] }",
        "llm: { answers: [{ to: {} }] }",
        "llm: { answers: [{ to: { $regx: x }, reply: 200 }] }",
        "llm: { answers: [{ to: {}, reply: { stream: sse } }] }",
        "llm: { answers: [{ to: {}, reply: { text: '{{ ann.id }}' } }] }",
        "llm: { answers: [{ to: {}, reply: { text: '{{ llm.urls }}' } }] }",
    ];
    let read = |stubs: &str| read(&story(stubs, "{ llm: { receive: {} } }"), &rooms);
    snapshot("wrong_stubs", &table(&stubs, read));
}

#[test]
fn wrong_steps_of_stubs() {
    let rooms = rooms();
    let steps = [
        "{ llm: enter }",
        "{ llm: { say: hello } }",
        "{ llm: { get: / } }",
        "{ llm: drop }",
        "{ llm: reply }",
        "{ llm: { replie: 200 } }",
        "{ llm: { reply: 99 } }",
        "{ llm: { reply: { status: 700 } } }",
        "{ llm: { reply: { statsu: 200 } } }",
        "{ llm: { reply: { json: 1, text: x } } }",
        "{ llm: { reply: { stream: see } } }",
        "{ llm: { reply: { headers: { 'a b': c } } } }",
        "{ llm: { chunk_event: {} } }",
        "{ llm: { chunk_event: { evnt: x } } }",
        "{ llm: { chunk: x, within: 1s } }",
        "{ llm: { chunk: x, to: { $regx: y } } }",
        "{ llm: { finish: now } }",
        "{ llm: { stop_listening: {}, to: {} } }",
        "{ llm: { closed: { code: 1000 } } }",
        "{ llm: { receive: {}, via: x } }",
        "{ llm: { receive: {}, since: x } }",
        "{ llm: { receive_nothing: {} } }",
        "{ llm: { received: {}, times: 1 } }",
        "{ llm: { mark: x } }",
        "{ llm: { collect: {}, until: {} } }",
        "{ ann: { reply: 200 } }",
        "{ ann: finish }",
        "{ ann: { closed: {}, to: {} } }",
        "{ all: { chunk: x } }",
        "{ race: { of: llm, do: finish } }",
        "{ snapshot: { name: x, of: llm } }",
        "{ note: '{{ llm.urll }}' }",
        "{ ann: { get: /, capture: { llm: $.x } } }",
        "{ ann: { collect: { type: piece } } }",
        "{ ann: { receive: {}, until: {} } }",
    ];
    let read = |step: &str| read(&story("llm: {}", &format!("{{ llm: {{ receive: {{}} }} }}, {step}")), &rooms);
    snapshot("wrong_steps_of_stubs", &table(&steps, read));
}

#[test]
fn who_has_no_stub_learns_how_to_declare_one() {
    let rooms = rooms();
    let file = "scenario: x\nuse: rooms\nparticipants: { ann: {} }\nsteps: [{ ann: { hang_up: {} } }]";
    let file_of_names = "scenario: x\nuse: rooms\nparticipants: { ann: {} }\nserver: { args: '--to={{ llm.url }}' }\nsteps: [{ ann: enter }]";
    snapshot("no_stub", &table(&[file, file_of_names], |text| read(text, &rooms)));
}

#[test]
fn stubs_that_are_probably_not_meant_so() {
    let rooms = rooms();
    let head = "scenario: x\nuse: rooms\nparticipants: { ann: {} }\n";
    let files = [
        format!("{head}stubs: {{ llm: {{}} }}\nsteps: [{{ ann: enter }}, {{ llm: {{ receive: {{}} }} }}]"),
        story("llm: {}", "{ note: hello }"),
        format!(
            "{head}stubs: {{ llm: {{}} }}\nserver: {{ env: {{ A: '{{{{ ann.id }}}}', B: '{{{{ lm.url }}}}' }} }}\nsteps: [{{ ann: enter }}]"
        ),
    ];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    snapshot("doubtful_stubs", &table(&files, |text| read(text, &rooms)));
}

#[test]
fn stubs_of_which_nothing_is_said() {
    let rooms = rooms();
    for (stubs, steps) in [
        (
            "llm:",
            "{ llm: { receive: { path: /, json: { a: '{{ ann.id }}' } }, capture: { x: $.json.a } } }, { llm: { reply: { json: '{{ x }}{{ llm.x }}' } } }",
        ),
        (
            "llm: {}",
            "{ llm: { receive: {} } }, { llm: { reply: { stream: lines } } }, { llm: { chunk: 1 } }, { llm: finish }",
        ),
        ("llm: {}", "{ parallel: { llm: [{ receive: {} }, { hang_up: {}, to: { path: / } }], ann: [{ get: / }] } }"),
        ("llm: { listening: false }", "{ note: x }"),
        ("llm: { answers: [{ to: {}, reply: 503 }] }", "{ note: x }"),
        (
            "llm: {}, other: {}",
            "{ llm: stop_listening }, { other: { receive: {} } }, { ann: { post: /hooks, json: { url: '{{ other.url }}' } } }",
        ),
        (
            "llm: {}",
            "{ llm: { receive_all: [{}, {}] } }, { llm: { received: {}, times: 2, for: 1s } }, { llm: { closed: {}, within: 1s } }",
        ),
        (
            "llm: {}",
            "{ llm: { receive: {} } }, { ann: { collect: { type: a }, until: { type: b }, capture: { x: $.t } } }, { check: x == 'y' }",
        ),
    ] {
        let (read, told) = read(&story(stubs, steps), &rooms);
        assert_eq!((read, told), (true, Vec::new()), "{stubs}: {steps}");
    }
}

#[test]
fn a_server_that_knows_a_stub_is_the_scenarios_own() {
    use crate::scenario::error::Findings;
    use crate::scenario::lower::{Loaded, scenario};
    use crate::source::Source;
    let own = |text: &str| {
        let mut findings = Findings::new(Source::new("story.yaml", text));
        let root = crate::scenario::yaml::parse(&mut findings).unwrap();
        let mut find = |_: &str| Loaded::Missing(Vec::new());
        scenario(&root, &mut findings, "suite/story", &mut find).unwrap().acts_on_server
    };
    let head = "scenario: x\nparticipants: { ann: {} }\nstubs: { llm: {} }\nsteps: [{ ann: { get: / } }]\n";
    assert!(own(&format!("{head}server: {{ env: {{ A: '{{{{ llm.url }}}}' }} }}\n")));
    assert!(own(&format!("{head}server: {{ config: {{ a: [{{ b: '{{{{ llm.port }}}}' }}] }} }}\n")));
    assert!(!own(&format!("{head}server: {{ env: {{ A: llm }} }}\n")));
}
