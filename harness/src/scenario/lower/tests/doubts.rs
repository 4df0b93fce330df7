//! Files that can be played and are probably not meant so; one cause that is told once; and that nothing is said of
//! what is right.

use std::sync::Arc;

use super::{nothing, read, read_protocol, rooms, snapshot, story, table, told};
use crate::scenario::error::Findings;
use crate::scenario::lower::protocol;
use crate::scenario::model::Protocol;
use crate::scenario::yaml;
use crate::source::Source;

/// Every participant of a story has something to do here.
const BUSY: &str = "{ all: enter }, ";

#[test]
fn steps_that_are_probably_not_meant_so() {
    let rooms = rooms();
    let steps = [
        "{ ann: { get: /, capture: { x: $.x } } }",
        "{ ann: { get: /, expect: { $any: true } } }",
        "{ ann: { get: /, expect_headers: {} } }",
        "{ ann: { get: /, status: 99 } }",
        "{ ann: { get: /, status: '200' } }",
        "{ ann: { received: {}, times: -1 } }",
        "{ ann: { received: {}, times: 1.5 } }",
        "{ ann: { received: {}, times: '2' } }",
        "{ ann: { received: {}, times: { $gte: 0 } } }",
        "{ ann: { received: {}, times: { $gt: 3, $lt: 4 } } }",
        "{ ann: { closed: { code: 99 } } }",
        "{ check: 1 == 1 }",
        "{ check: 1 == 2 }",
        "{ ann: { say: { txt: hello } } }",
        "{ ann: { say: { text: hello } } }",
        "{ note: '{{ ann.id | uper }}' }",
        "{ check: ann.id is strng }",
        "{ note: '{{ uid() }}' }",
        "{ race: { of: ann, do: enter } }",
        "{ race: { of: guest, do: open, outcomes: [{ as: first, count: 1 }, { as: second, count: 2 }] } }",
        "{ snapshot: x, unordered: [sayd] }",
        "{ snapshot: { name: x, without: [tallk, rom] } }",
    ];
    let read = |step: &str| read(&story(&format!("{BUSY}{step}")), &rooms);
    snapshot("doubtful_steps", &table(&steps, read));
}

#[test]
fn steps_of_which_nothing_is_said() {
    let rooms = rooms();
    for steps in [
        "{ ann: { get: /, capture: { x: $.x } } }, { check: x == 1 }",
        // A snapshot shows a captured id by its name.
        "{ ann: { get: /, capture: { x: $.x } } }, { snapshot: x }",
        "{ ann: { get: /, expect: {} } }",
        "{ ann: { get: /, status: { $any: true } } }",
        "{ ann: { received: {}, times: 0 } }",
        "{ ann: { received: {}, times: { $not: 137 } } }",
        "{ ann: { received: {}, times: { $lte: 5000000 } } }",
        "{ ann: { received: {}, times: '{{ ann.id | length }}' } }",
        "{ ann: { closed: { code: { $gte: 4000 } } } }",
        "{ ann: { closed: {} } }",
        "{ ann: { say: { other: hello } } }",
        "{ ann: { say: { body: hello, more: x } } }",
        "{ race: { of: guest, do: open, outcomes: [{ as: first, count: 1 }, {}] } }",
        "{ race: { of: guest, do: open, outcomes: [{ as: some }, {}] } }, { race: { of: some, do: open, outcomes: [{ count: 1 }] } }",
        "{ snapshot: x, unordered: [said, talk, something_else], without: [room] }",
    ] {
        let (read, told) = read(&story(&format!("{BUSY}{steps}")), &rooms);
        assert_eq!((read, told), (true, Vec::new()), "{steps}");
    }
}

#[test]
fn somebody_who_does_nothing() {
    let rooms = rooms();
    let idle = |steps: &str| {
        let (read, told) = read(&story(steps), &rooms);
        assert!(read, "{told:?}");
        told.iter().map(|line| line.split('`').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(idle("{ ann: enter }"), ["ben", "guest"]);
    assert_eq!(idle("{ ann: enter }, { guest_1: enter }"), ["ben", "guest_2"]);
    assert_eq!(idle("{ ann: enter }, { note: '{{ ben.id }} {{ guest | length }}' }"), [""; 0]);
    assert_eq!(idle("{ ann: { thanks: ben } }, { guest: enter }"), [""; 0]);
    assert_eq!(idle("{ ann: enter }, { snapshot: x, of: [ann, guest] }"), ["ben"]);
    assert_eq!(idle("{ race: { of: guest, do: enter } }, { parallel: { ann: [enter], ben: [enter] } }"), [""; 0]);
}

#[test]
fn nothing_is_proven_without_a_barrier() {
    let rooms = without_barrier();
    let steps = [
        "{ ann: { receive_nothing: {} } }",
        "{ ann: { receive_nothing: {}, for: 200ms } }",
        "{ ann: { received: {}, times: 0, for: 200ms } }",
        "{ ann: { mark: here, for: 200ms } }",
        "{ ann: quiet }, { ben: quiet }",
    ];
    let read = |step: &str| read(&story(&format!("{BUSY}{step}")), &rooms);
    snapshot("unproven", &table(&steps, read));
}

fn without_barrier() -> Arc<Protocol> {
    let text = "protocol: bare\nverbs:\n  enter: { steps: [{ me: { connect: / } }] }\n  quiet: { steps: [{ me: { receive_nothing: {}, for: 1s } }] }\n";
    let mut findings = Findings::new(Source::new("protocols/bare.yaml", text));
    let root = yaml::parse(&mut findings).unwrap();
    let read = protocol(&root, &mut findings, &mut nothing);
    assert!(findings.list.is_empty(), "{:?}", told(&findings));
    Arc::new(read.unwrap())
}

#[test]
fn one_cause_is_told_once() {
    let rooms = rooms();
    let files = [
        "scenario: x\nuse: rooms\nparticpants: { ann: {}, ben: {} }\nsteps: [{ ann: enter }, { ben: enter }, { ann: { say: x } }]",
        "scenario: x\nuse: rooms\nsteps: [{ ann: enter }, { ben: enter }]",
        "scenario: x\nparticipants: { ann: {}, ben: {} }\nsteps: [{ ann: enter }, { ben: enter }, { ann: { hears: x } }]",
        "scenario: x\nuses: rooms\nparticipants: { ann: {}, ben: {} }\nsteps: [{ ann: enter }, { ben: enter }]",
        "scenario: x\nuse: rooms\nparticipants: { ann: {} }\nstep: [{ ann: enter }]",
        "protocol: rooms\nverbs: { enter: { steps: [{ me: { connect: / } }] } }",
        "scenario: x\nparticipants: { ann: { identity: { key: x, run: y } } }\nsteps: [{ ann: { get: / } }]",
        "scenario: x\nuse: rooms\nparticipants: { ann: { identity: { token: '{{ keyy }}' } } }\nsteps: [{ ann: enter }]",
        "scenario: x\nuse: rooms\nparticipants: { ann: {} }\nstrict: true\nignore: [{ who: '{{ ann.idd }}' }]\nsteps: [{ ann: enter }]",
    ];
    snapshot("one_cause", &table(&files, |text| read(text, &rooms)));
}

#[test]
fn invariants_that_have_nothing_to_judge_by() {
    let declared = "frame: {}, id: $.b, order: $.c";
    let acks = "acks: { frame: { type: ack }, id: $.b, order: $.c }";
    let protocol = |barrier: &str, stream: &str, invariants: &str| {
        format!("protocol: x\n{barrier}streams: {{ a: {{ {stream} }} }}\ninvariants: [{invariants}]")
    };
    let echo = "barrier: { echo: { send: { a: 1 }, receive: { a: 2 } } }\n";
    let connected = "membership: { connected: true }";
    let files = [
        "protocol: x\ninvariants: [same_order]".to_owned(),
        protocol("", declared, "same_order, no_duplicates, no_gaps, members_only, acked_not_lost, reaches_all"),
        protocol(echo, &format!("{declared}, {acks}"), "reaches_all, acked_not_lost"),
        protocol("", &format!("{declared}, {acks}, {connected}"), "reaches_all"),
    ];
    let enough = protocol(echo, &format!("{declared}, {acks}, {connected}"), "reaches_all, members_only");
    assert_eq!(read_protocol(&enough), (true, Vec::new()));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    snapshot("idle_invariants", &table(&files, read_protocol));
}

#[test]
fn protocol_files_that_are_probably_not_meant_so() {
    let verbs = |inside: &str| format!("protocol: x\nverbs: {{ {inside} }}");
    let open = "open: { steps: [{ me: { post: /, capture: { room: $.room } } }] }";
    let files = [
        "scenario: x\nparticipants: {}\nsteps: []".to_owned(),
        verbs("a: { gives: [numbr], steps: [{ me: { get: /, capture: { number: $.n } } }] }"),
        verbs(&format!("{open}, a: {{ gives: room, steps: [{{ me: open }}] }}")),
        verbs("a: { steps: [{ repeat: 2, steps: [{ me: { post: /, main: true } }] }] }"),
        verbs("a: { steps: [{ parallel: [{ me: { post: /, main: true } }] }] }"),
        verbs(&format!("{open}, a: {{ takes: where, steps: [{{ me: {{ get: '/{{{{ rom }}}}/{{{{ were }}}}' }} }}] }}")),
        verbs("a: { steps: [{ me: { get: '/{{ me.tokn }}' } }] }"),
        "protocol: x\nheaders: { a: 'Bearer {{ me.tokn }}' }".to_owned(),
        format!("{}\nfails: {{ room: '{{{{ rooom }}}}' }}", verbs(open)),
        format!("{}\nstate: {{ room: {{ get: '/{{{{ rooom }}}}' }} }}", verbs(open)),
        "protocol: x\nstreams: { state: { frame: {}, stream: $.a, id: $.b, order: $.c }, frames: { frame: {}, stream: $.a, id: $.b, order: $.c } }".to_owned(),
        "protocol: x\nstreams: { a: { frame: {}, stream: $.a, id: $.b, order: $.c, readback: { get: '/{{ strem }}', items: '$[*]', id: $.b, order: $.c } } }".to_owned(),
        "protocol: x\ninclude: [common.yaml]".to_owned(),
    ];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    snapshot("doubtful_protocol_files", &table(&files, read_protocol));
}

#[test]
fn what_a_protocol_declares_for_all_is_followed_where_it_is_used() {
    let text = concat!(
        "protocol: p\n",
        "headers: { a: '{{ ticket }}' }\n",
        "fails: { who: '{{ culprit }}' }\n",
        "state: { room: { get: '/{{ chamber }}' } }\n",
        "barrier: { get: { get: '/{{ place }}', offset: $.n, frame: {}, passed: $.n } }\n",
    );
    let mut findings = Findings::new(Source::new("protocols/p.yaml", text));
    let root = yaml::parse(&mut findings).unwrap();
    let protocol = Arc::new(protocol(&root, &mut findings, &mut nothing).unwrap());
    let steps = [
        "{ ann: { get: / } }, { ben: { get: / } }",
        "{ ann: { get: /, headers: { b: c } } }, { ann: { connect: / } }, { ann: { mark: x } }, { snapshot: x, of: ann }",
    ];
    snapshot("declared_for_all", &table(&steps, |steps| read(&story(steps), &protocol)));
}
