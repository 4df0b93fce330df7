//! Event files and their schema.

use serde_json::{Value, json};

use super::sample;
use crate::project::Project;

/// Checks lines against the schema that the program prints.
#[track_caller]
fn validates(project: &Project, text: &str) {
    let printed = project.run(&["schema", "--events"]);
    let schema: Value = serde_json::from_str(&printed.stdout).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("events.json", schema).unwrap();
    let schema = compiler.compile("events.json", &mut schemas).unwrap();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if let Err(error) = schemas.validate(&event, schema) {
            panic!("{event:#}\n{error:#}");
        }
    }
}

#[test]
fn what_a_run_writes_fits_its_schema() {
    let project = Project::new()
        .scenario(
            "talk/all",
            "Steps, frames, requests, a race and a note",
            concat!(
                "steps:\n  - all: enter\n  - note: they are in\n  - parallel:\n",
                "      ann: [{ say: one }]\n      ben: [{ say: two }]\n",
                "  - ann: { send_text: \"not JSON \\u0001\" }\n  - ann: { get: /never, gives_up: 5ms }\n",
                "  - ann: { get: /nowhere, status: 404 }\n",
                "  - ann: { connect: /nowhere, as: other, refused: 404 }\n  - ben: close\n",
            ),
        )
        .scenario(
            "talk/miss",
            "Nobody speaks",
            "steps:\n  - ann: enter\n  - ann: { receive: { type: said }, within: 5ms }\n",
        )
        .scenario("talk/new", "A snapshot is missing", "steps:\n  - all: enter\n  - snapshot: end\n");
    let ran = project.play(&["--report", "json=run.jsonl", "--trace", "on"]);
    let text = project.read("run.jsonl").unwrap();
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    validates(&project, &text);
    let mut kinds: Vec<&str> = Vec::new();
    for kind in [
        "run_started",
        "scenario_started",
        "source",
        "step_started",
        "requested",
        "answered",
        "opened",
        "sent",
        "received",
        "taken",
        "closed",
        "scenario_finished",
        "run_finished",
    ] {
        if text.contains(&format!("\"event\":\"{kind}\"")) {
            kinds.push(kind);
        }
    }
    assert_eq!(kinds.len(), 13, "only {kinds:?} came");
}

#[test]
fn the_sample_of_every_end_fits_the_schema() {
    let project = Project::new();
    validates(&project, &sample::text(&sample::everything(1)));
}

#[test]
fn fields_and_events_that_a_later_program_adds_are_left_out() {
    let mut lines = sample::everything(1);
    lines[0]["colour"] = json!("blue");
    lines.insert(2, json!({ "at_us": 1, "event": "foretold", "by": ["nobody"] }));
    for line in &mut lines {
        if line["event"] == "scenario_finished" {
            line["weather"] = json!({ "rain": true });
        }
    }
    let project = Project::new()
        .file("run.jsonl", &sample::text(&lines))
        .file("plain.jsonl", &sample::text(&sample::everything(1)));
    let (ran, plain) = (project.run(&["report", "run.jsonl"]), project.run(&["report", "plain.jsonl"]));
    assert_eq!((ran.code, &ran.stderr, &ran.stdout), (Some(1), &String::new(), &plain.stdout));
}

#[test]
fn files_that_are_no_event_files_of_this_version_are_refused() {
    let mut later = sample::everything(0);
    later[0]["version"] = 3.into();
    let mut broken = sample::text(&sample::everything(0));
    broken.insert_str(broken.find('\n').unwrap() + 1, "{\"event\": \"note\"}\n");
    let project = Project::new()
        .file("later.jsonl", &sample::text(&later))
        .file("broken.jsonl", &broken)
        .file("headless.jsonl", &sample::text(&sample::everything(0)[1..]))
        .file("empty.jsonl", "")
        .file("other.jsonl", "hello\n");
    let told: Vec<String> =
        ["later.jsonl", "broken.jsonl", "headless.jsonl", "empty.jsonl", "other.jsonl", "none.jsonl"]
            .map(|file| {
                let ran = project.run(&["report", file]);
                format!("{} {}", ran.code.unwrap(), ran.stderr)
            })
            .to_vec();
    crate::project::snapshot("reports_refused_files", &told.concat());
}
