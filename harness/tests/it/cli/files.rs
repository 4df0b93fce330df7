//! Files that are wrong: everything in them is told at once, and nothing is played.

use crate::project::Project;

#[test]
fn every_error_of_a_scenario_file_at_once() {
    Project::new()
        .scenario(
            "wrong/many",
            "A file with many mistakes",
            concat!(
                "tagz: [x]\n",
                "steps:\n",
                "  - all: enetr\n",
                "  - anna: enter\n",
                "  - ann: { get: \"/rooms/{{ cellar }}\" }\n",
                "  - ann: { get: /rooms, capture: { cellar: \"$.[\" } }\n",
                "  - ann: { get: /rooms, capture: { cellar: $.id } }\n",
                "  - ann: { say: {{ cellar }} }\n",
                "  - ann: { say: a, say: b }\n",
                "  - ann: { receive: { text: { $regexp: x } } }\n",
                "  - ann: { receive: { text: { $regex: \"(\" } } }\n",
                "  - ann: { receive: { text: x }, within: soon }\n",
                "  - ann: { get: rooms }\n",
                "  - ann: { get: /rooms, json: {} }\n",
                "  - ann: { post: /rooms, eventually: 2s }\n",
                "  - ann: { received: { type: said } }\n",
                "  - ann: { hears: x, since: before }\n",
                "  - ann: { sit: { rom: x } }\n",
                "  - say: hello\n",
                "  - snapshot: { nam: x }\n",
                "  - repeat: 3\n",
                "  - check: ann.id ==\n",
                "  - server: rest\n",
                "  - enter\n",
            ),
        )
        .run(&["check"])
        .matches_snapshot("wrong_many");
}

#[test]
fn names_and_connections_are_followed_through_the_steps() {
    Project::new()
        .scenario(
            "wrong/branches",
            "Two branches capture one name",
            concat!(
                "steps:\n",
                "  - parallel:\n",
                "      - ann: { get: /rooms/a, capture: { said: $.said } }\n",
                "      - ben: { get: /rooms/a, capture: { said: $.said } }\n",
            ),
        )
        .scenario(
            "wrong/connections",
            "Which connection",
            concat!(
                "steps:\n",
                "  - ann: enter\n",
                "  - ann: { connect: /rooms/x/socket, as: phone, query: { who: ann } }\n",
                "  - ann: { send: { type: say } }\n",
                "  - ann: { say: hello }\n",
                "  - ann: { say: hello, via: phone }\n",
            ),
        )
        .scenario(
            "wrong/snapshot",
            "A snapshot that races with a disconnect",
            "steps:\n  - all: enter\n  - ben: drop\n  - snapshot: afterwards\n",
        )
        .scenario(
            "wrong/early",
            "Used before it is set",
            "steps:\n  - check: ann.number == 1\n  - ann: enter\n  - ann: { say: x }\n",
        )
        .run(&["check"])
        .matches_snapshot("wrong_names");
}

#[test]
fn a_missing_protocol_and_one_that_is_wrong() {
    Project::new()
        .file(
            "scenarios/a/missing.yaml",
            "scenario: Misspelt\nuse: room\nparticipants: { ann: {} }\nsteps: [{ ann: enter }]\n",
        )
        .file(
            "scenarios/b/broken.yaml",
            "scenario: Broken\nuse: broken\nparticipants: { ann: {} }\nsteps: [{ ann: enter }]\n",
        )
        .file(
            "scenarios/protocols/broken.yaml",
            concat!(
                "protocol: broken\n",
                "barrier: { eco: {} }\n",
                "invariants: [same_ordr]\n",
                "verbs:\n",
                "  enter: { steps: [{ me: leave }] }\n",
                "  leave: { steps: [{ me: enter }] }\n",
                "  get: { steps: [] }\n",
                "  say: { takes: text, step: [] }\n",
                "streams: { talk: { frame: { type: said }, id: id } }\n",
            ),
        )
        .run(&["run"])
        .matches_snapshot("wrong_protocols");
}

#[test]
fn a_file_that_is_no_yaml_and_one_that_is_empty() {
    Project::new()
        .file("scenarios/empty.yaml", "")
        .file("scenarios/tab.yaml", "scenario: Tabs\nsteps:\n\t- note: x\n")
        .file(
            "scenarios/two.yaml",
            "scenario: One\nparticipants: { a: {} }\nsteps: [{ note: x }]\n---\nscenario: Two\n",
        )
        .file("scenarios/list.yaml", "- scenario\n")
        .file("scenarios/nothing.yaml", "scenario: Nothing\nparticipants: {}\nsteps: []\n")
        .run(&["check"])
        .matches_snapshot("wrong_yaml");
}

#[test]
fn wrong_files_elsewhere_do_not_stop_what_is_selected() {
    let project = Project::new()
        .scenario("good/hello", "Ann greets Ben", "steps:\n  - ann: enter\n")
        .file("scenarios/bad/broken.yaml", "scenario: [\n");
    assert_eq!(project.play(&["good"]).code, Some(0));
    assert_eq!(project.play(&["scenarios/good/hello.yaml"]).code, Some(0));
    assert_eq!(project.play(&[]).code, Some(2));
}

#[test]
fn a_wrong_roundtable_toml() {
    Project::with("[server]\ncomand = [\"x\"]\nstart_timeout = \"soon\"\n[servers.other]\nport = 0\n")
        .scenario("good/hello", "Ann greets Ben", "steps:\n  - ann: enter\n")
        .run(&["run"])
        .matches_snapshot("wrong_config");
}

#[test]
fn wrong_usage() {
    let project = Project::new().scenario("good/hello", "Ann greets Ben", "steps:\n  - ann: enter\n");
    project.run(&["run", "--server", "localhost:8000"]).matches_snapshot("usage_server");
    project.run(&["run", "--jobs", "0", "--slow", "-1"]).matches_snapshot("usage_jobs");
    project.run(&["run", "--config", "elsewhere.toml"]).matches_snapshot("usage_config");
    project.run(&["play"]).matches_snapshot("usage_command");
    project.run_with(&["run", "--update-snapshots"], &[("CI", "true")]).matches_snapshot("usage_update_under_ci");
    project.run(&["run", "--server", "subprocess"]).matches_snapshot("usage_no_command");
    project.run(&["run", "--server", "in-process"]).matches_snapshot("usage_not_in_process");
}
