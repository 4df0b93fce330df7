//! Secrets, which stand nowhere; and the trace ids, which stand where somebody looks for them.

use std::path::Path;

use crate::project::Project;

const VALUE: &str = "s3cr3t \"value\"/ü";

/// Sends the secret in a header, which comes back in the answer; says it; and awaits it in vain.
const STEPS: &str = concat!(
    "steps:\n",
    "  - all: enter\n",
    "  - ann: { say: \"{{ env.API_KEY }}\" }\n",
    "  - snapshot: said\n",
    "  - ann: { get: /echo, query: { key: \"{{ env.API_KEY }}\" }, headers: { x-key: \"{{ env.API_KEY }}\" }, expect: { x-key: other } }\n",
);

/// Every file below a folder that holds a text.
fn holds(folder: &Path, text: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds(&path, text, found);
        } else if String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(text) {
            found.push(path.display().to_string());
        }
    }
}

#[test]
fn a_secret_stands_nowhere() {
    let table = crate::server::table();
    for (args, settings) in [(&["--secret", "API_KEY"][..], ""), (&[], "secrets = [\"API_KEY\"]\n")] {
        let project = Project::with(&table).scenario("a/talk", "A secret is said", STEPS);
        let toml = format!("{settings}{}", project.read("roundtable.toml").unwrap());
        let project = project.file("roundtable.toml", &toml);
        let more = ["run", "--server", "subprocess", "--debug", "--trace", "on", "--report", "json=events.jsonl"];
        let env = [("API_KEY", VALUE)];
        let ran = project.run_with(&[&more, args, &["--retries", "1"]].concat(), &env);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("[secret API_KEY]"), "{said}");
        let pending = project.read("snapshots/a/talk/said.snap.new");
        assert!(pending.is_none(), "what failed otherwise leaves no snapshot");
        // The snapshot alone is accepted with the secret masked.
        let passing = STEPS.replace(", expect: { x-key: other }", "");
        let project = project.scenario("a/talk", "A secret is said", &passing);
        let ran = project.run_with(&[&more, args, &["--update-snapshots"]].concat(), &env);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        assert!(project.read("snapshots/a/talk/said.snap").unwrap().contains("[secret API_KEY]"));
        let said = format!("{said}{}{}", ran.stdout, ran.stderr);
        for form in [VALUE, "s3cr3t", "s3cr3t%20", "s3cr3t \\\"value"] {
            assert!(!said.contains(form), "{form} in\n{said}");
            let mut found = Vec::new();
            holds(project.path(), form, &mut found);
            assert_eq!(found, [""; 0], "{form}");
        }
    }
}

#[test]
fn a_secret_that_can_not_be_kept_is_refused() {
    let project = Project::new().scenario("a/plain", "Nothing", "steps:\n  - ann: { get: /ready }\n");
    project.run(&["run", "--secret", "API_KEY"]).told("secret_unset");
    project.run_with(&["run", "--secret", "API_KEY"], &[("API_KEY", "abc")]).told("secret_short");
    project.run_with(&["run", "--secret", "API_KEY"], &[("API_KEY", "")]).told("secret_empty");
}

#[test]
fn every_request_says_to_which_trace_it_belongs() {
    let pattern = "00-[0-9a-f]{32}-[0-9a-f]{16}-01";
    let project = Project::new()
        .scenario(
            "a/given",
            "It is there, and a scenario has the last word",
            &format!(
                concat!(
                    "steps:\n",
                    "  - ann: {{ get: /echo, expect: {{ traceparent: {{ $regex: \"^{}$\" }} }}, capture: {{ first: $.traceparent }} }}\n",
                    "  - ben: {{ get: /echo, capture: {{ second: $.traceparent }} }}\n",
                    "  - check: first[:35] == second[:35] and first != second\n",
                    "  - ann: {{ get: /echo, headers: {{ traceparent: mine }}, expect: {{ traceparent: mine }} }}\n",
                    "  - ann: {{ get: /echo, headers: {{ traceparent: null }}, expect: {{ traceparent: {{ $absent: true }} }} }}\n",
                ),
                pattern
            ),
        );
    let ran = project.play(&["--report", "json=events.jsonl"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let events = project.events("events.jsonl");
    let of = |kind: &str| events.iter().find(|event| event["event"] == kind).unwrap()["trace"].clone();
    assert_eq!(of("scenario_started").as_str().unwrap().len(), 32);
    assert_eq!(of("scenario_started"), of("scenario_finished"));
    let without = "steps:\n  - ann: { get: /echo, expect: { traceparent: { $absent: true } } }\n";
    let project =
        Project::new().file("roundtable.toml", "traceparent = false\n").scenario("a/off", "Not there", without);
    let ran = project.play(&[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn under_ci_pending_snapshots_stand_in_the_output_folder() {
    let steps = "steps:\n  - all: enter\n  - snapshot: entered\n";
    for (args, env) in [(&["--ci"][..], &[][..]), (&[], &[("CI", "true")]), (&["--ci"], &[("CI", "false")])] {
        let project = Project::new().scenario("a/enters", "They come in", steps);
        let url = crate::server::url();
        let ran = project.run_with(&[&["run", "--server", &url, "--output", "left"], args].concat(), env);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(project.read("left/pending/a/enters/entered.snap.new").is_some(), "{}", ran.stdout);
        assert!(!project.path().join("snapshots").exists());
    }
}
