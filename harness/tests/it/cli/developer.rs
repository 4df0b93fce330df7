//! What somebody uses who looks for the cause of one failure.

use crate::project::{Project, Ran, redacted};
use crate::server;
use crate::typed::Piped;

/// Plays with commands for the desk.
fn at_the_desk(project: &Project, args: &[&str], commands: &str) -> (String, Option<i32>) {
    let mut piped = Piped::start(project, args);
    piped.types(commands);
    let (text, code) = piped.rest();
    (redacted(&text, project.path()), code)
}

fn talk() -> Project {
    Project::new().scenario(
        "talk/two",
        "Two talk",
        "steps:\n  - ann: enter\n  - ben: enter\n  - ann: { say: hello }\n  - ben: { hears: hello }\n",
    )
}

#[test]
fn a_scenario_is_gone_through_step_by_step() {
    let commands = "n\ns\ni ann\np ann.id\nn\nc 8\nsend ben {\"type\":\"say\",\"text\":\"by hand\"}\nget ann /rooms/lobby_{{ run }}\nsend zoe x\np nobody\nwhat\nc\n";
    let (text, code) = at_the_desk(&talk(), &["--step"], commands);
    for wanted in [
        "before two.yaml:5  - ann: enter",
        "ann  not connected",
        "before two.yaml:6  - ben: enter",
        // Into the verb of ben, whose connection is then there.
        "before rooms.yaml:14 (ben)  - me: { connect:",
        "  main /rooms/lobby_[run]/socket?who=ann_[run] open",
        "#1       0.0 ms  {\"type\":\"entered\",\"who\":\"ann_[run]\"}  (taken by line 5)",
        // What comes piped stands behind its prompt, as if it were typed.
        "roundtable> p ann.id\n\"ann_[run]\"",
        "before rooms.yaml:15 (ben)",
        "before two.yaml:8  - ben: { hears: hello }",
        "\"text\":\"by hand\"}\nsent\n",
        "roundtable> get ann /rooms/lobby_{{ run }}\n200",
        "nobody is `zoe`; there are ann, ben",
        "`nobody` is undefined",
        "`what` is no command here",
        " PASS [   0.000s] talk/two  Two talk",
    ] {
        assert!(text.contains(wanted), "{wanted}\nis not in\n{text}");
    }
    assert_eq!(code, Some(0));
}

#[test]
fn steps_are_skipped_and_the_run_is_ended_by_hand() {
    let (text, code) = at_the_desk(&talk(), &["--step"], "n\nn\nk\nq\n");
    assert!(text.contains("before two.yaml:8") && text.contains(" STOP ["), "{text}");
    assert_eq!(code, Some(130));
    // The input's end is an end too.
    assert_eq!(at_the_desk(&talk(), &["--step"], "n\n").1, Some(130));
}

#[test]
fn stepping_that_is_given_up_leaves_the_trace_of_the_failure() {
    let project = Project::new().scenario(
        "talk/miss",
        "Ann awaits another text",
        "steps:\n  - ann: enter\n  - ann: { say: hello }\n  - ann: { hears: help, within: 5ms }\n",
    );
    assert_eq!(project.play(&[]).code, Some(1));
    let trace = || project.read("roundtable-report/traces/talk/miss.html");
    let failed = trace().unwrap();
    // By the input's end, and by hand.
    for commands in ["n\n", "n\nq\n"] {
        let (text, code) = at_the_desk(&project, &["--step"], commands);
        assert_eq!(code, Some(130), "{text}");
        assert_eq!(trace().as_ref(), Some(&failed), "{commands:?}");
    }
    // At the failure itself the input's end ends nothing that was not over.
    let (text, code) = at_the_desk(&project, &["--step"], "c\n");
    assert!(code == Some(1) && text.contains("1 failed"), "{text}");
    let again = trace().unwrap();
    assert!(again != failed && again.contains("never got"));
    // What was never traced is, as far as it came.
    std::fs::remove_file(project.path().join("roundtable-report/traces/talk/miss.html")).unwrap();
    at_the_desk(&project, &["--step"], "n\nn\nq\n");
    assert!(trace().unwrap().contains("hello"));
}

#[test]
fn at_a_failure_everything_stays_connected() {
    let project = Project::new().scenario(
        "talk/miss",
        "Ann awaits another text",
        "steps:\n  - ann: enter\n  - ann: { say: hello }\n  - ann: { hears: help, within: 5ms }\n",
    );
    let (text, code) =
        at_the_desk(&project, &["--pause-on-failure"], "send ann {\"type\":\"say\",\"text\":\"still\"}\nn\nc\n");
    for wanted in [
        "✗ ann never got",
        "scenarios/talk/miss.yaml:7",
        "ann  main open, 2 frames, 0 untaken",
        "websocat 'ws://127.0.0.1:[port]/rooms/lobby_[run]/socket?who=ann_[run]'  # main",
        "\"text\":\"still\"}\nsent\n",
        "the scenario has failed: c ends it",
        "0 passed, 1 failed",
    ] {
        assert!(text.contains(wanted), "{wanted}\nis not in\n{text}");
    }
    assert_eq!(code, Some(1));
}

#[test]
fn nobody_is_asked_where_nobody_can_answer() {
    let told = |ran: Ran| (ran.code, ran.stderr);
    let (code, text) = told(talk().play(&["--step"]));
    assert_eq!(code, Some(2));
    assert!(text.contains("--step reads commands from standard input, and there is none"), "{text}");
    let (code, text) = told(talk().play(&["--pause-on-failure", "--ci"]));
    assert_eq!(code, Some(2));
    assert!(text.contains("under CI there is nobody"), "{text}");
    let (code, text) = told(talk().play(&["--step", "--jobs", "2"]));
    assert_eq!(code, Some(2));
    assert!(text.contains("leave --jobs out"), "{text}");
}

#[test]
fn a_seed_fixes_what_chance_decides_alone_and_among_others() {
    let steps = "steps:\n  - note: \"{{ run }} {{ uuid() }} {{ uuid() }}\"\n  - parallel: [{ note: \"{{ uuid() }}\" }, { note: \"{{ uuid() }}\" }]\n";
    let project = Project::new().scenario("talk/one", "One", steps).scenario("talk/other", "Other", steps);
    let url = server::url();
    let notes = |args: &[&str]| -> Vec<String> {
        let output = project.command(&[&["run", "--server", &url, "--debug"], args].concat()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut notes: Vec<String> =
            text.lines().filter_map(|line| line.split_once("# ")).map(|(_, note)| note.to_owned()).collect();
        notes.sort();
        notes
    };
    let alone = notes(&["talk/one", "--seed", "7"]);
    assert_eq!(alone.len(), 3);
    assert_eq!(alone, notes(&["talk/one", "--seed", "7"]));
    let both = notes(&["--seed", "7"]);
    assert!(alone.iter().all(|note| both.contains(note)) && both.len() == 6, "{alone:?} {both:?}");
    assert!(notes(&["talk/one", "--seed", "8"]).iter().all(|note| !alone.contains(note)));
    // Every repetition draws values of its own.
    let twice = notes(&["talk/one", "--seed", "7", "--repeat", "2"]);
    assert!(alone.iter().all(|note| twice.contains(note)));
    let distinct: std::collections::BTreeSet<&String> = twice.iter().collect();
    assert_eq!(distinct.len(), 6);
}

#[test]
fn a_selection_is_repeated_until_it_fails() {
    let passing = talk().play(&["--repeat-until-failure=3"]);
    assert_eq!(passing.code, Some(0));
    assert!(passing.stdout.contains("nothing failed in 3 repetitions"), "{}", passing.stdout);
    let project = talk().scenario("talk/wrong", "Wrong", "steps:\n  - check: \"1 == 2\"\n");
    let failing = project.play(&["--repeat-until-failure"]);
    assert_eq!(failing.code, Some(1));
    assert!(failing.stdout.contains("talk/wrong failed in repetition 1; 0 passed before it"), "{}", failing.stdout);
    // Of several that are under way when the first fails, all are named that fail.
    let late = "steps:\n  - ann: enter\n  - ann: { hears: nothing, within: 400ms }\n";
    let project = project.scenario("talk/wrong", "Wrong", late).scenario("talk/wrong_too", "Wrong too", late);
    let both = project.play(&["--repeat-until-failure", "--jobs", "2", "talk/wrong"]);
    for name in ["talk/wrong", "talk/wrong_too"] {
        assert!(both.stdout.contains(&format!("\n{name} failed in repetition 1; 0 passed")), "{}", both.stdout);
    }
}

#[test]
fn a_failure_is_reproduced_with_its_seed() {
    let project = Project::new().scenario(
        "seat/two",
        "A seat for one of two",
        "steps:\n  - race: { of: all, do: sit, outcomes: [{ as: seated, count: 2, status: 201 }, { as: standing, status: 409 }] }\n",
    );
    let first = project.play(&["--seed", "11"]);
    assert!(first.stdout.contains("again    roundtable run seat/two --seed [seed]"), "{}", first.stdout);
    assert!(first.stdout.contains("released line 5: "), "{}", first.stdout);
    let again = project.play(&["--reproduce", "3"]);
    assert_eq!(again.code, Some(1));
    for wanted in [
        "3 × with seed 11, that of its last failure",
        "failed 3 of 3",
        "   3 × the race ended with 1 as `seated`, expected 2",
    ] {
        assert!(again.stdout.contains(wanted), "{wanted}\nis not in\n{}", again.stdout);
    }
    let none = talk().play(&["--reproduce", "2"]);
    assert_eq!(none.code, Some(0));
    assert!(none.stdout.contains("a new one: no failure of it is known\nfailed 0 of 2"), "{}", none.stdout);
}

#[test]
fn failures_that_are_alike_are_told_in_full_once() {
    let file = "steps:\n  - ann: enter\n  - ann: { get: /rooms/cellar, status: 200 }\n";
    let project = Project::new().scenario("a/one", "One", file).scenario("a/two", "Two", file);
    let places = |stdout: &str| stdout.matches("    at ").count();
    let ran = project.play(&["--repeat", "3", "--jobs", "1"]);
    assert_eq!(places(&ran.stdout), 2, "{}", ran.stdout);
    for wanted in [
        "FAIL a/one: One\n  ✗ ",
        "FAIL a/one #2: One\n    as #1 above (--seed ",
        "FAIL a/two #3: Two\n    as #1 above (--seed ",
        "     3 × a/two: ann: GET /rooms/cellar: expected status 200, got 404\n",
    ] {
        assert!(ran.stdout.contains(wanted), "{wanted}\nis not in\n{}", ran.stdout);
    }
    let full = project.play(&["--repeat", "3", "--jobs", "1", "-v"]);
    assert_eq!(places(&full.stdout), 6, "{}", full.stdout);
    assert!(full.stdout.contains("FAIL a/one #2: One\n  ✗ "), "{}", full.stdout);
}

#[test]
fn two_playings_are_compared() {
    let file = |text: &str| {
        format!(
            "steps:\n  - ann: enter\n  - ben: enter\n  - ann: {{ say: {text} }}\n  - ben: {{ hears: hello, within: 5ms }}\n"
        )
    };
    let play = |project: &Project, report: &str| project.play(&["--report", report, "--trace", "on"]).code;
    let project = Project::new().scenario("talk/two", "Two talk", &file("hello"));
    assert_eq!(play(&project, "json=pass.jsonl"), Some(0));
    assert_eq!(play(&project, "json=again.jsonl"), Some(0));
    let project = project.scenario("talk/two", "Two talk", &file("help"));
    assert_eq!(play(&project, "json=fail.jsonl"), Some(1));
    let same = project.run(&["diff", "pass.jsonl", "again.jsonl"]);
    assert_eq!(same.code, Some(0));
    assert!(same.stdout.contains("no divergence"), "{}", same.stdout);
    let differ = project.run(&["diff", "pass.jsonl", "fail.jsonl", "talk/two"]);
    assert_eq!(differ.code, Some(1));
    for wanted in [
        "✗ ann sent say text=help instead of say text=hello",
        "$.text: expected \"hello\", got \"help\"",
        "what follows from it:\n    ann got said text=help instead of said text=hello\n    ben got said text=help instead of said text=hello",
        // Once that it failed.
        "\n  fail.jsonl, failed: ben never got",
        "pass.jsonl, passed",
        "ann ⇄ main /rooms/‹id›/socket?who=‹ann› 101",
    ] {
        assert!(differ.stdout.contains(wanted), "{wanted}\nis not in\n{}", differ.stdout);
    }
    let wrong = project.run(&["diff", "pass.jsonl", "fail.jsonl", "nothing"]);
    assert_eq!(wrong.code, Some(2));
    assert_eq!(project.run(&["diff", "nowhere.jsonl"]).code, Some(2));
}

#[test]
fn two_connections_of_one_name_at_once_are_a_mistake_of_the_scenario() {
    let open = "{ connect: \"/rooms/{{ run }}/socket\", query: { who: x } }";
    let ran = Project::new()
        .scenario("talk/twice", "Twice", &format!("steps:\n  - parallel: [{{ ann: {open} }}, {{ ann: {open} }}]\n"))
        .play(&[]);
    assert!(ran.stdout.contains("two steps open a connection `main` of `ann` at once"), "{}", ran.stdout);
}
