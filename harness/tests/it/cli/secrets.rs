//! Secrets, which stand nowhere; and the trace ids, which stand where somebody looks for them.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

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

/// Parts of the secret's forms, none of which may be seen.
const FORMS: [&str; 4] = ["s3cr3t", "czNjcjN0", "73336372337420", "s3cr3t%20"];

/// Runs the program with the secret and these lines as its input; gives all that it says.
fn says(project: &Project, args: &[&str], input: &str) -> String {
    let mut command = project.command(args);
    command.env("API_KEY", VALUE).env("GITHUB_STEP_SUMMARY", project.path().join("summary.md"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Where nothing is asked the program may be over before it could have read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    for form in FORMS {
        assert!(!said.contains(form), "{form} in what {args:?} says:\n{said}");
    }
    said
}

fn nothing_holds(folder: &Path) {
    for form in FORMS {
        let mut found = Vec::new();
        holds(folder, form, &mut found);
        assert_eq!(found, [""; 0], "{form}");
    }
}

#[test]
fn no_report_and_no_later_look_at_a_run_shows_a_secret() {
    let passing = STEPS.replace(", expect: { x-key: other }", "");
    let settings = format!("secrets = [\"API_KEY\"]\n{}", crate::server::table());
    let project =
        Project::with(&settings).file("roundtable.toml", &format!("deadline = \"20s\"\nlate = \"20ms\"\n{settings}"));
    let project = project.scenario("a/talk", "A secret is said", &passing);
    let run = ["run", "--server", "subprocess", "--trace", "on", "--report"];
    let ran = says(&project, &[&run[..], &["json=pass.jsonl", "--update-snapshots"]].concat(), "");
    assert!(ran.contains("1 passed"), "{ran}");
    // The stored snapshot has another text beside it, so that one is pending; and the scenario fails.
    let snap = "snapshots/a/talk/said.snap";
    let changed = project.read(snap).unwrap().replace("said: 1", "said: {count: 1}");
    let project = project.file(snap, &changed).scenario("a/talk", "A secret is said", &passing);
    let reports = ["json=fail.jsonl", "--report", "junit=junit.xml", "--report", "html=site", "--report", "github"];
    let ran = says(&project, &[&run[..], &reports].concat(), "");
    assert!(ran.contains("1 failed") && ran.contains("::error"), "{ran}");
    assert!(project.read(&format!("{snap}.new")).is_some());
    let project = project.scenario("a/talk", "A secret is said", STEPS);
    says(&project, &[&run[..], &["json=fail.jsonl", "--report", "junit=more.xml"]].concat(), "");
    for (args, wanted) in [
        (&["diff", "pass.jsonl", "fail.jsonl"][..], "pass.jsonl, passed"),
        (&["report", "fail.jsonl", "--report", "html=again", "--report", "junit=again.xml"], "[secret API_KEY]"),
        (&["review", "--list"], "said"),
        (&["review", "--html", "review.html"], "review.html"),
        (&["review", "--accept", "a/talk"], "said"),
    ] {
        let said = says(&project, args, "");
        assert!(said.contains(wanted), "{args:?}: {said}");
    }
    for (page, held) in [
        ("junit.xml", "testcase"),
        ("more.xml", "[secret API_KEY]"),
        ("site/index.html", "a/talk"),
        ("summary.md", "a/talk"),
        ("again.xml", "[secret API_KEY]"),
        ("review.html", "[secret API_KEY]"),
        ("roundtable-report/traces/a/talk.html", "[secret API_KEY]"),
    ] {
        assert!(project.read(page).is_some_and(|text| text.contains(held)), "{held} is not in {page}");
    }
    nothing_holds(project.path());
}

#[test]
fn somebody_who_looks_by_hand_sees_no_secret() {
    let project = Project::with(&crate::server::table()).scenario("a/talk", "A secret is said", STEPS);
    let run = ["run", "--server", "subprocess", "--secret", "API_KEY"];
    let look = format!(
        "i ann\np env.API_KEY\nsend ann {{\"type\":\"say\",\"text\":\"{{{{ env.API_KEY }}}}\"}}\nget ann /echo?key={{{{ env.API_KEY | urlencode }}}}\ni ann\na\nsay {VALUE}\n"
    );
    for (option, commands) in
        [("--step", format!("n\ns\nn\nn\nc 9\n{look}c\n{look}c\n")), ("--pause-on-failure", format!("{look}c\n"))]
    {
        let said = says(&project, &[&run[..], &[option, "--update-snapshots"]].concat(), &commands);
        assert!(said.contains("roundtable> p env.API_KEY\n\"[secret API_KEY]\""), "{said}");
        assert!(said.contains("`say` is no command here") && said.contains("1 failed"), "{said}");
        nothing_holds(project.path());
    }
}

#[test]
fn the_log_of_a_server_that_is_kept_holds_no_secret() {
    let steps = STEPS.replace(", expect: { x-key: other }", "").replace("  - snapshot: said\n", "");
    let project = Project::with(&crate::server::table()).scenario("a/talk", "A secret is said", &steps);
    let said = says(&project, &["run", "--server", "subprocess", "--secret", "API_KEY", "--keep-server"], "");
    let found = |pattern: &str| {
        regex::Regex::new(pattern).unwrap().captures(&said).unwrap_or_else(|| panic!("{said}"))[1].to_owned()
    };
    let process: i32 = found(r"process (\d+)").parse().unwrap();
    let log = found(r"log ([^)]+)\)");
    kill_process(Pid::from_raw(process).unwrap(), Signal::TERM).unwrap();
    let folder = Path::new(&log).parent().unwrap();
    // What the server wrote last may still be on its way.
    let began = std::time::Instant::now();
    let text = || std::fs::read_to_string(&log).unwrap();
    while !text().contains("GET /echo?key=[secret API_KEY]") {
        assert!(began.elapsed().as_secs() < 30, "{}", text());
        std::thread::yield_now();
    }
    nothing_holds(folder);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_secret_that_can_not_be_kept_is_refused() {
    let project = Project::new().scenario("a/plain", "Nothing", "steps:\n  - ann: { get: /ready }\n");
    project.run(&["run", "--secret", "API_KEY"]).matches_snapshot("secret_unset");
    project.run_with(&["run", "--secret", "API_KEY"], &[("API_KEY", "abc")]).matches_snapshot("secret_short");
    project.run_with(&["run", "--secret", "API_KEY"], &[("API_KEY", "")]).matches_snapshot("secret_empty");
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
