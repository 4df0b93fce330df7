//! The script of the GitHub Action, as `action.yml` calls it.

use std::process::Command;

use super::sample;
use crate::project::Project;
use crate::server;

fn play(project: &Project, env: &[(&str, &str)]) -> (Option<i32>, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/action");
    let mut command = Command::new(script);
    command.arg("play").current_dir(project.path()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("ROUNDTABLE", env!("CARGO_BIN_EXE_roundtable")).env("GITHUB_OUTPUT", project.path().join("outputs"));
    let ran = command.envs(env.iter().copied()).output().unwrap();
    (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
}

#[test]
fn it_plays_what_its_inputs_say_and_leaves_every_report() {
    let hello = "steps:\n  - ann: enter\n";
    let project = Project::new().scenario("talk/one two", "First", hello).scenario("talk/three", "Second", hello);
    let url = server::url();
    let env = [
        ("SELECT", "scenarios/talk/one two.yaml\n\n"),
        ("SERVER", &*url),
        ("SHARD", "1/1"),
        ("ARGUMENTS", "--trace=on\n"),
        ("REPORT", "out/report"),
        ("ARTIFACT", "report"),
    ];
    assert_eq!(play(&project, &env), (Some(0), String::new()));
    let outputs = project.read("outputs").unwrap();
    assert!(outputs.contains("out/report\n") && outputs.ends_with("artifact=report-1-of-1\n"), "{outputs}");
    let junit = project.read("out/report/junit.xml").unwrap();
    assert!(junit.contains("talk/one two") && !junit.contains("talk/three"), "{junit}");
    for file in ["events.jsonl", "index.html", "traces/talk/one two.html"] {
        assert!(project.read(&format!("out/report/{file}")).is_some(), "{file} is missing");
    }
}

#[test]
fn it_merges_parts_and_fails_as_they_did() {
    let project = Project::new().file("parts/a/events.jsonl", &sample::text(&sample::everything(1)));
    let env = [("MERGE", "parts"), ("REPORT", "out"), ("ARTIFACT", "report")];
    assert_eq!(play(&project, &env), (Some(1), String::new()));
    assert!(project.read("out/junit.xml").unwrap().contains("talk/changed"));
}
