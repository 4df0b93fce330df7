//! How scenarios pass and fail, and what a failure tells.

use crate::project::{PROTOCOL, Project};

#[test]
fn passing_scenarios() {
    Project::new()
        .scenario(
            "talk/hello",
            "Ann greets Ben",
            "steps:\n  - all: enter\n  - ann: { say: hello }\n  - ben: { hears: hello }\n",
        )
        .scenario(
            "talk/quiet",
            "Nobody speaks",
            "steps:\n  - all: enter\n  - ben: { receive_nothing: { type: said } }\n",
        )
        .play(&[])
        .matches_snapshot("passing");
}

#[test]
fn a_near_miss_names_the_path_where_it_differs() {
    Project::new()
        .scenario(
            "talk/miss",
            "Ben awaits another text",
            "steps:\n  - all: enter\n  - ann: { say: hello }\n  - ben: { mark: here }\n  - ben: { receive: { type: said, text: help, who: \"{{ ann.id }}\" }, within: 20ms }\n",
        )
        .play(&[])
        .matches_snapshot("failing_near_miss");
}

#[test]
fn a_frame_that_came_late_is_no_frame_that_never_came() {
    // Ben speaks when his request was given up, long after Ann's patience ended.
    Project::with("")
        .file("roundtable.toml", "deadline = \"20s\"\nlate = \"20s\"\njobs = 1\n")
        .scenario(
            "talk/late",
            "Ann is impatient",
            concat!(
                "steps:\n  - all: enter\n  - parallel:\n",
                "      ann:\n        - { receive: { type: said }, within: 5ms }\n",
                "      ben:\n        - { get: /never, gives_up: 1s }\n        - { say: sorry }\n",
            ),
        )
        .play(&[])
        .matches_snapshot("failing_late");
}

#[test]
fn a_frame_that_never_came() {
    Project::new()
        .scenario(
            "talk/never",
            "Ann hears nothing",
            "steps:\n  - ann: enter\n  - ann: { receive: { type: said }, within: 5ms }\n",
        )
        .play(&[])
        .matches_snapshot("failing_never");
}

#[test]
fn a_frame_that_another_step_took() {
    Project::new()
        .scenario(
            "talk/taken",
            "Ann hears once what she awaits twice",
            "steps:\n  - all: enter\n  - ben: { say: once }\n  - ann: { hears: once }\n  - ann: { receive_all: [{ text: once }, { type: said }], within: 5ms }\n",
        )
        .play(&[])
        .matches_snapshot("failing_taken");
}

#[test]
fn whom_else_it_holds_for_where_all_look() {
    Project::new()
        .scenario(
            "talk/all",
            "Ann has taken it already",
            "steps:\n  - all: enter\n  - ann: { say: once }\n  - ben: { mark: heard }\n  - all: { receive: { type: said, text: once }, within: 5ms }\n",
        )
        .play(&[])
        .matches_snapshot("failing_for_some");
}

#[test]
fn what_needs_a_barrier_is_not_asked_of_the_others() {
    let ran = Project::new()
        .scenario(
            "talk/none",
            "Everybody heard it",
            "steps:\n  - all: enter\n  - ann: { say: psst }\n  - all: { receive_nothing: { type: entered, who: \"{{ ben.id }}\" } }\n",
        )
        .play(&[]);
    ran.matches_snapshot("failing_forbidden_for_all");
}

#[test]
fn a_forbidden_frame_a_wrong_count_and_the_wrong_next_one() {
    let began = "steps:\n  - all: enter\n  - ann: { say: psst }\n";
    Project::new()
        .scenario(
            "a/forbidden",
            "Ben must not hear it",
            &format!("{began}  - ben: {{ receive_nothing: {{ type: said }} }}\n"),
        )
        .scenario(
            "b/count",
            "Ben hears it twice",
            &format!("{began}  - ben: {{ received: {{ type: said }}, times: 2 }}\n"),
        )
        .scenario(
            "c/next",
            "Ben hears it before everything else",
            &format!("{began}  - ben: {{ receive_next: {{ type: went }} }}\n"),
        )
        .scenario(
            "d/fails",
            "Ann's frame is wrong",
            "steps:\n  - ann: enter\n  - ann: { send: { type: shout } }\n  - ann: { receive: { type: said } }\n",
        )
        .play(&[])
        .matches_snapshot("failing_forbidden");
}

#[test]
fn answers_that_differ() {
    Project::new()
        .scenario(
            "rest/body",
            "The room is empty",
            "steps:\n  - ann: enter\n  - ann: { get: \"/rooms/lobby_{{ run }}\", expect: { people: [], said: { $gte: 1 } } }\n",
        )
        .scenario("rest/status", "The room is there", "steps:\n  - ann: { get: /rooms/cellar }\n")
        .scenario("rest/capture", "The answer has an id", "steps:\n  - ann: { get: /rooms/cellar, status: 404, capture: { room_id: $.id } }\n")
        .scenario("rest/slow", "The answer comes", "steps:\n  - ann: { get: /never, within: 20ms }\n")
        .scenario("rest/eventually", "The room is there at last", "steps:\n  - ann: { get: /rooms/cellar, eventually: 20ms }\n")
        .play(&[])
        .matches_snapshot("failing_answers");
}

#[test]
fn a_handshake_and_a_call_that_should_have_been_refused() {
    Project::new()
        .scenario("refused/call", "Nobody may sit", "steps:\n  - ann: { sit: {}, refused: { status: 403 } }\n")
        .scenario(
            "refused/connect",
            "Nobody may come in",
            "steps:\n  - ann: { connect: /rooms/lobby/socket, query: { who: ann }, refused: 403 }\n",
        )
        .scenario(
            "refused/rightly",
            "Only one may sit",
            "steps:\n  - ann: { sit: {} }\n  - ben: { sit: {}, refused: { status: 409 } }\n",
        )
        .scenario("refused/unexpectedly", "Two may sit", "steps:\n  - ann: { sit: {} }\n  - ben: { sit: {} }\n")
        .play(&[])
        .matches_snapshot("failing_refused");
}

#[test]
fn branches_fail_in_the_order_of_the_file() {
    Project::new()
        .scenario(
            "talk/both",
            "Both wait in vain",
            concat!(
                "steps:\n  - all: enter\n  - ann: { mark: here }\n  - parallel:\n",
                "      - ann: { receive: { text: first in the file }, within: 60ms }\n",
                "      - ben: { receive: { text: second in the file }, within: 5ms }\n",
                "      - note: this branch is well\n",
            ),
        )
        .play(&[])
        .matches_snapshot("failing_parallel");
}

#[test]
fn a_race_that_ends_otherwise() {
    Project::new()
        .scenario(
            "seat/two",
            "A seat for one of two",
            "steps:\n  - ann: { sit: {} }\n  - race: { of: all, do: sit, outcomes: [{ as: seated, count: 1, status: 201 }, { as: standing, count: 1, status: 409 }] }\n",
        )
        .scenario(
            "seat/unforeseen",
            "An answer that fits no outcome",
            "steps:\n  - ann: { sit: {} }\n  - race: { of: all, do: sit, outcomes: [{ as: seated, status: 201 }] }\n",
        )
        .play(&["--seed", "1"])
        .matches_snapshot("failing_race");
}

#[test]
fn a_check_shows_its_parts() {
    Project::new()
        .scenario(
            "talk/check",
            "Counting",
            "steps:\n  - ann: enter\n  - ann: { say: one }\n  - check: ann.number == 2\n",
        )
        .play(&[])
        .matches_snapshot("failing_check");
}

#[test]
fn a_check_of_what_the_server_left_out_is_a_failure_of_the_server() {
    Project::new()
        .scenario(
            "talk/check",
            "Who keeps the room",
            "steps:\n  - ann: enter\n  - ann: { get: \"/rooms/lobby_{{ run }}\", capture: { room: $ } }\n  - check: room.keeper.id == ann.id\n",
        )
        .play(&[])
        .matches_snapshot("failing_check_of_nothing");
}

#[test]
fn always_runs_after_a_failure_and_fails_beside_it() {
    Project::new()
        .scenario(
            "talk/always",
            "The end is told in any case",
            "steps:\n  - ann: enter\n  - ann: { get: /rooms/cellar }\n  - ann: { say: never reached }\nalways:\n  - ann: { say: goodbye }\n  - ann: { hears: another goodbye, within: 5ms }\n",
        )
        .play(&[])
        .matches_snapshot("failing_always");
}

#[test]
fn expected_failures_both_ways() {
    let known = "expect_failure: { class: product, says: got 404, why: the cellar is not built yet }\n";
    let fails = "steps:\n  - ann: { get: /rooms/cellar }\n";
    Project::new()
        .scenario("known/fails", "The cellar", &format!("{known}{fails}"))
        .scenario("known/older", "The cellar", &format!("expect_failure: the cellar is not built yet\n{fails}"))
        .scenario("known/otherwise", "The cellar", &format!("{}{fails}", known.replace("404", "500")))
        .scenario("known/late", "The cellar", &format!("{}{fails}", known.replace("product", "late")))
        .scenario(
            "known/passes",
            "The cellar's absence",
            &format!("{known}steps:\n  - ann: {{ get: /rooms/cellar, status: 404 }}\n"),
        )
        .play(&[])
        .matches_snapshot("expected_failures");
}

#[test]
fn nobody_who_acts_is_a_failure_wherever_it_stands() {
    let race = "  - race: { of: all, do: { get: /ready }, outcomes: [{ as: winner, count: 2, status: 200 }, { as: loser, count: 0, status: 500 }] }\n";
    let then = |step: &str| format!("steps:\n{race}  - {step}\n");
    Project::new()
        .scenario("nobody/alone", "In sequence", &then("loser: { get: /ready }"))
        .scenario(
            "nobody/beside",
            "In parallel",
            &then("parallel: { loser: [{ get: /ready }], winner: [{ get: /ready }] }"),
        )
        .scenario(
            "nobody/lane",
            "In a lane",
            &then("parallel: { loser: [{ get: /ready }, { get: /ready }], winner: [{ get: /ready }] }"),
        )
        .scenario("nobody/race", "In a race", &then("race: { of: loser, do: { get: /ready } }"))
        .scenario("nobody/seen", "In a snapshot", &then("snapshot: { name: end, of: loser }"))
        .play(&["--seed", "7"])
        .matches_snapshot("nobody_acts");
}

#[test]
fn strict_scenarios_leave_nothing_untaken() {
    let steps = "steps:\n  - all: enter\n  - ann: { say: hello }\n  - ben: { hears: hello }\n";
    Project::new()
        .scenario(
            "strict/ignoring",
            "Entries may be left",
            &format!("strict: true\nignore: [{{ type: entered }}]\n{steps}"),
        )
        .scenario("strict/strict", "Nothing may be left", &format!("strict: true\n{steps}"))
        .play(&[])
        .matches_snapshot("failing_strict");
}

#[test]
fn nothing_is_unproven_without_a_barrier() {
    Project::new()
        .file(
            "scenarios/quiet.yaml",
            concat!(
                "scenario: Silence without a barrier\nparticipants: { ann: {} }\nsteps:\n",
                "  - ann: { connect: /rooms/lobby/socket, query: { who: ann } }\n",
                "  - ann: { receive: { type: entered } }\n",
                "  - ann: { receive_nothing: { type: said }, for: 10ms }\n",
            ),
        )
        .play(&[])
        .matches_snapshot("unproven");
}

#[test]
fn every_frame_of_many_is_kept_in_its_order() {
    let steps = concat!(
        "steps:\n  - all: enter\n  - repeat: 120\n    steps: [{ ann: { say: \"text {{ index }}\" } }]\n",
        "  - ben: { received: { type: said }, times: 120 }\n",
        "  - for_each: { n: \"{{ range(1, 121) | list }}\" }\n",
        "    steps: [{ ben: { receive: { type: said, number: \"{{ n }}\", text: \"text {{ n }}\" } } }]\n",
        "  - ben: { receive_nothing: { type: said } }\n",
    );
    let ran = Project::new().scenario("talk/many", "Much is said", steps).play(&[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn what_could_not_be_judged_can_be_denied_and_excepted() {
    let protocol = PROTOCOL.replace("[same_order, no_duplicates, no_gaps]", "[same_order, no_gaps, reaches_all]");
    let steps = "steps:\n  - all: enter\n  - ann: { say: hello }\n  - ben: { hears: hello }\n";
    let excepted = |exceptions: &str| format!("unknown: {{ {exceptions} }}\n{steps}");
    let project = || {
        Project::new()
            .file("scenarios/protocols/rooms.yaml", &protocol)
            .scenario("talk/silent", "Nobody says anything", "steps:\n  - all: enter\n")
            .scenario("talk/excepted", "An exception", &excepted("reaches_all: rooms have no acks"))
            .scenario("talk/needless", "One exception too many", &excepted("reaches_all: no acks, no_gaps: none"))
            .scenario("talk/unknown", "No exception", steps)
    };
    project().play(&[]).matches_snapshot("unknown");
    project().play(&["--deny-unknown", "--report", "json=events.jsonl"]).matches_snapshot("unknown_denied");
    assert_eq!(project().file("roundtable.toml", "deny_unknown = true\n").play(&[]).code, Some(1));
    let allowed = project().file("roundtable.toml", "deny_unknown = true\n").play(&["--deny-unknown=false"]);
    assert_eq!(allowed.code, Some(0));
}

#[test]
fn what_nothing_proves_can_be_denied_and_excepted() {
    let quiet = |more: &str| {
        let steps = concat!(
            "steps:\n  - ann: { connect: /rooms/lobby/socket, query: { who: ann } }\n",
            "  - ann: { receive: { type: entered } }\n  - ann: { receive_nothing: { type: said }, for: 10ms }\n",
        );
        let text = format!("scenario: Silence without a barrier\nparticipants: {{ ann: {{}} }}\n{more}{steps}");
        Project::new().file("scenarios/quiet.yaml", &text)
    };
    quiet("").play(&["--deny-unproven"]).matches_snapshot("unproven_denied");
    assert_eq!(quiet("unproven: there is no barrier\n").play(&["--deny-unproven"]).code, Some(0));
}

#[test]
fn names_that_are_missing_while_it_runs() {
    Project::new()
        .scenario("wrong/index", "A member that is not there", "steps:\n  - ann: { get: \"/rooms/{{ [1, 2][7] }}\" }\n")
        .scenario("wrong/unconnected", "Nothing to send on", "steps:\n  - ann: { send: { type: say } }\n")
        .play(&[])
        .matches_snapshot("failing_scenario_errors");
}

#[test]
fn a_broken_promise_shows_its_evidence() {
    // Read like this, whoever speaks twice is heard twice with the same message.
    let protocol = PROTOCOL.replace("id: $.id", "id: $.who");
    assert_ne!(protocol, PROTOCOL);
    Project::new()
        .file("scenarios/protocols/rooms.yaml", &protocol)
        .scenario(
            "talk/twice",
            "Ann speaks twice",
            "steps:\n  - ann: enter\n  - ann: { say: one }\n  - ann: { say: two }\n",
        )
        .play(&[])
        .matches_snapshot("failing_invariant");
}
