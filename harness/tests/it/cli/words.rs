//! Words that have their effect wherever they stand, and expectations that look where they are told to look.

use crate::project::{PROTOCOL, Project};

/// A project whose snapshots ask for this besides the inboxes.
fn asking(state: &str) -> Project {
    let protocol = PROTOCOL.replace("\nstate:\n", &format!("\nstate:\n  seen: {state}\n"));
    assert_ne!(protocol, PROTOCOL);
    Project::new().file("scenarios/protocols/rooms.yaml", &protocol).scenario(
        "one/seen",
        "What is there",
        "steps:\n  - snapshot: end\n",
    )
}

#[test]
fn a_state_is_asked_with_its_headers_and_held_to_its_words() {
    let shown = |state: &str| {
        let project = asking(state);
        let ran = project.play(&["--update-snapshots"]);
        (ran, project.read("snapshots/one/seen/end.snap").unwrap_or_default())
    };
    let (ran, snapshot) = shown("{ get: /echo, headers: { x-k: '{{ me.key }} was here', x-l: [1, two] } }");
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    for line in ["x-k: ann was here", "x-l: \"1 and two\""] {
        assert!(snapshot.contains(line), "{line} in {snapshot}");
    }
    let held = shown("{ get: /echo, expect_headers: { content-type: application/json } }").0;
    assert_eq!(held.code, Some(0), "{}{}", held.stdout, held.stderr);
    for (state, why) in [
        ("{ get: /echo, expect_headers: { content-type: text/html } }", "header $[\"content-type\"]: expected"),
        ("{ get: /never, within: 50ms }", "GET /never: no answer within 50ms"),
    ] {
        let ran = shown(state).0;
        assert_eq!(ran.code, Some(1), "{state}");
        assert!(ran.stdout.contains(why), "{why} in {}", ran.stdout);
    }
}

#[test]
fn a_list_repeats_a_header() {
    let people = "scenario: Headers\nuse: rooms\nparticipants: { ann: { headers: { x-all: [1, two] } } }\nsteps:\n";
    let steps = concat!(
        "  - ann: { get: /echo, headers: { x-own: [a, b] }, expect: { x-all: 1 and two, x-own: a and b } }\n",
        "  - ann: { get: /echo, headers: { x-all: last }, expect: { x-all: last } }\n",
        "  - ann: { get: /echo, headers: { x-all: [] }, expect: { x-all: { $absent: true } } }\n",
    );
    let ran = Project::new().file("scenarios/one/headers.yaml", &format!("{people}{steps}")).play(&[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_count_begins_behind_its_mark() {
    let steps = concat!(
        "steps:\n  - all: enter\n  - ann: { say: one }\n  - ben: { mark: between }\n  - ann: { say: two }\n",
        "  - ben: { received: { type: said }, since: between, times: 1 }\n",
        "  - ben: { received: { type: said }, times: 2 }\n",
        "  - ben: { received: { type: said, text: one }, since: between, times: 0 }\n",
    );
    let ran = Project::new().scenario("talk/since", "Since then", steps).play(&[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn silence_is_that_of_the_connection_which_is_named() {
    let steps = concat!(
        "steps:\n  - all: enter\n",
        "  - ann: { connect: \"/rooms/lobby_{{ run }}/socket\", as: phone, query: { who: ann } }\n",
        "  - ben: { say: hello }\n  - ann: { receive: { type: said }, via: main }\n",
    );
    let silent = |via: &str| {
        let step = format!("{steps}  - ann: {{ receive_nothing: {{ type: said }}, via: {via} }}\n");
        Project::new().scenario("talk/via", "Two connections", &step).play(&[])
    };
    assert_eq!(silent("main").code, Some(0), "it was taken there");
    let phone = silent("phone");
    assert_eq!(phone.code, Some(1), "{}", phone.stdout);
    assert!(phone.stdout.contains("got a frame that it must not get"), "{}", phone.stdout);
}

#[test]
fn a_snapshot_is_compared_to_its_last_participant() {
    let steps = |who: &str, text: &str| {
        format!(
            "steps:\n  - {{ ann: enter }}\n  - ben: {{ enter: {{ room: cellar }} }}\n  - {who}: {{ say: {text} }}\n  - snapshot: end\n"
        )
    };
    for who in ["ann", "ben"] {
        let project = Project::new().scenario("talk/end", "Each in a room", &steps(who, "one"));
        assert_eq!(project.play(&["--update-snapshots"]).code, Some(0));
        assert_eq!(project.play(&[]).code, Some(0));
        let other = project.scenario("talk/end", "Each in a room", &steps(who, "two")).play(&[]);
        assert_eq!(other.code, Some(1), "{who}: {}", other.stdout);
    }
}

#[test]
fn an_end_by_the_server_is_awaited_and_held_to_its_pattern() {
    let ends = |more: &str| {
        let steps =
            format!("steps:\n  - ann: {{ connect: /keyed }}\n  - ann: {{ send: {{ nothing: known }} }}\n{more}");
        Project::new().scenario("talk/end", "The server hangs up", &steps).play(&[])
    };
    let awaited = ends("  - ann: { closed: { none: true } }\n");
    assert_eq!(awaited.code, Some(0), "{}", awaited.stdout);
    let other = ends("  - ann: { closed: { code: 1000 } }\n");
    assert_eq!(other.code, Some(1), "{}", other.stdout);
    assert!(other.stdout.contains("$.code: expected the number 1000, got null"), "{}", other.stdout);
    let unexpected = ends("  - ann: { receive: { op: pong }, within: 5s }\n");
    assert!(
        unexpected.stdout.contains("ann's connection main was lost without a close frame"),
        "{}",
        unexpected.stdout
    );
}

#[test]
fn a_frame_that_can_not_be_read_is_no_silence() {
    let steps = concat!(
        "steps:\n  - all: { connect: /ws }\n  - all: { receive: { type: welcome } }\n",
        "  - ann: { send_text: '{\"type\":\"secret\",\"n\":1e400}' }\n  - ann: { send: { type: after } }\n",
        "  - ben: { receive: { type: after } }\n  - ben: { receive_nothing: { type: secret }, for: 1ms }\n",
    );
    let ran = Project::new().scenario("talk/huge", "A number that nobody can keep", steps).play(&[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("can't be read as JSON: number out of range"), "{}", ran.stdout);
}
