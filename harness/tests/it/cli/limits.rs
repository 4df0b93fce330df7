//! Time limits, of a scenario and of the run, and who waited for what when they were reached.

use crate::project::{PROTOCOL, Project};

const WAITS: &str = "steps:\n  - all: enter\n  - parallel:\n      - ann: { receive: { type: said, text: hello } }\n      - ben: { get: /never }\n";

#[test]
fn a_scenario_has_a_limit() {
    let project = Project::new().scenario("a/waits", "They wait", &format!("timeout: 2s\n{WAITS}"));
    project.play(&[]).matches_snapshot("limit_of_a_scenario");
    let project = Project::new().scenario("a/waits", "They wait", WAITS);
    project.play(&["--timeout", "2s"]).matches_snapshot("limit_of_a_scenario_by_option");
    let settings = "timeout = \"2s\"\n";
    project.file("roundtable.toml", settings).play(&[]).matches_snapshot("limit_of_a_scenario_by_configuration");
}

#[test]
fn what_must_always_be_done_is_done_behind_the_limit_too() {
    let steps = format!(
        "timeout: 2s\n{WAITS}always:\n  - ann: {{ post: /rooms/tidy/seat, json: {{ who: ann }}, status: 418 }}\n"
    );
    let late = "deadline = \"20s\"\nlate = \"20s\"\njobs = 1\n";
    let project = Project::new().file("roundtable.toml", late).scenario("a/waits", "They wait", &steps);
    project.play(&[]).matches_snapshot("limit_and_always");
}

#[test]
fn the_limit_bounds_what_ends_a_scenario_too() {
    let always = "timeout: 2s\nsteps: [{ ann: { get: /ready } }]\nalways: [{ ann: { get: /never, within: 20m } }]\n";
    // The read-back of the stream is never answered either.
    let protocol = PROTOCOL.replace(
        "    order: $.number\n",
        "    order: $.number\n    readback: { get: /never, items: '$[*]', id: $.id, order: $.number }\n",
    );
    assert_ne!(protocol, PROTOCOL);
    Project::new().scenario("a/always", "What ends it waits", always).play(&[]).matches_snapshot("limit_bounds_always");
    let said = "timeout: 2s\nsteps:\n  - ann: enter\n  - ann: { say: hello }\n";
    let settings = "deadline = \"20m\"\nlate = \"20ms\"\njobs = 1\n";
    Project::new()
        .file("roundtable.toml", settings)
        .file("scenarios/protocols/rooms.yaml", &protocol)
        .scenario("b/read", "What is read back waits", said)
        .play(&[])
        .matches_snapshot("limit_bounds_the_end");
}

#[test]
fn a_run_has_a_limit() {
    let project = Project::new().scenario("a/waits", "They wait", WAITS).scenario(
        "b/never",
        "It is not begun",
        "steps:\n  - ann: { get: /ready }\n",
    );
    let ran =
        project.play(&["--run-timeout", "2s", "--report", "json=events.jsonl"]).matches_snapshot("limit_of_the_run");
    assert_eq!(ran.code, Some(1));
    let events = project.events("events.jsonl");
    assert_eq!(events.last().unwrap()["event"], "run_finished");
    let waiting = events.iter().find_map(|event| event["outcome"]["waiting"].as_array()).unwrap();
    assert_eq!(waiting.len(), 2, "{waiting:?}");
}
