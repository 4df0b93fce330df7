//! What somebody uses who looks for the cause of one failure.

use regex::Regex;

use crate::project::{Project, redacted, snapshot};
use crate::server;
use crate::typed::Piped;

/// Plays with commands for the desk.
fn at_the_desk(project: &Project, args: &[&str], commands: &str) -> (String, Option<i32>) {
    let mut piped = Piped::start(project, args);
    piped.types(commands);
    let (text, code) = piped.rest();
    (redacted(&text, project.path()), code)
}

/// What the debugger prints, without the inboxes that it shows at each stop: what has arrived by then is not fixed.
fn without_inboxes(text: &str) -> String {
    let of_inbox = Regex::new(r"^(  (ann|ben)  (main open, |not connected)| {9}#\d)").unwrap();
    text.lines().filter(|line| !of_inbox.is_match(line)).map(|line| format!("{line}\n")).collect()
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
    let commands = "n\ns\ni ann\np ann.id\nn\nc 8\nget ann /rooms/lobby_{{ run }}\nsend ben {\"type\":\"say\",\"text\":\"by hand\"}\nsend zoe x\np nobody\nwhat\nc\n";
    let (text, code) = at_the_desk(&talk(), &["--step"], commands);
    snapshot("stepping", &without_inboxes(&text));
    assert_eq!(code, Some(0));
}

#[test]
fn steps_are_skipped_and_the_run_is_ended_by_hand() {
    let (text, code) = at_the_desk(&talk(), &["--step"], "n\nn\nk\nq\n");
    snapshot("stepping_ended", &without_inboxes(&text));
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
    assert_eq!(code, Some(1), "{text}");
    assert_eq!(text.lines().last(), Some("0 passed, 1 failed, 0 skipped"));
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
    snapshot("paused_on_failure", &text);
    assert_eq!(code, Some(1));
}

#[test]
fn nobody_is_asked_where_nobody_can_answer() {
    let refusal = |args: &[&str]| {
        let ran = talk().play(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{args:?}");
        ran.stderr
    };
    assert_eq!(refusal(&["--step"]), "error: --step reads commands from standard input, and there is none\n");
    assert_eq!(
        refusal(&["--pause-on-failure", "--ci"]),
        "error: --pause-on-failure waits for somebody at a terminal, and there is nobody under CI\n"
    );
    assert_eq!(refusal(&["--step", "--jobs", "2"]), "error: --step plays one scenario at a time: leave --jobs out\n");
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
    talk().play(&["--repeat-until-failure=3"]).matches_snapshot("until_failure_none");
    let project = talk().scenario("talk/wrong", "Wrong", "steps:\n  - check: \"1 == 2\"\n");
    project.play(&["--repeat-until-failure"]).matches_snapshot("until_failure");
    // Of several that are under way when the first fails, all are named that fail. Each waits for the other's message
    // in a common room before it fails.
    let both_there = concat!(
        "steps:\n",
        "  - ann: { connect: /rooms/common/socket, query: { who: '{{ ann.id }}' } }\n",
        "  - ann: { send: { type: say, text: here } }\n",
        "  - ann: { get: /rooms/common, eventually: 20s, expect: { said: { $gte: 2 } } }\n",
        "  - check: '1 == 2'\n",
    );
    let project =
        project.scenario("talk/wrong", "Wrong", both_there).scenario("talk/wrong_too", "Wrong too", both_there);
    let both = project.play(&["--repeat-until-failure", "--jobs", "2", "talk/wrong"]);
    assert_eq!(both.code, Some(1), "{}", both.stdout);
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
    assert_eq!(first.code, Some(1));
    assert!(first.stdout.contains("\n    again    roundtable run seat/two --seed [seed] --server"), "{}", first.stdout);
    assert!(first.stdout.contains("\n    released line 5: "), "{}", first.stdout);
    let again = project.play(&["--reproduce", "3"]);
    assert_eq!(again.code, Some(1));
    // Who of the racers is answered first is not fixed, so the failure in full may differ.
    let summary: Vec<&str> = again.stdout.lines().take(6).collect();
    assert_eq!(
        summary,
        [
            "seat/two 3 × with seed 11, that of its last failure",
            "failed 3 of 3",
            "     3 × the race ended with 1 as `seated`, expected 2",
            "",
            "FAIL seat/two: A seat for one of two",
            "  ✗ the race ended with 1 as `seated`, expected 2",
        ],
        "{}",
        again.stdout
    );
    let none = talk().play(&["--reproduce", "2", "--seed", "12"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), "talk/two 2 × with seed 12\nfailed 0 of 2\n"));
    let new = talk().play(&["--reproduce", "2"]);
    assert_eq!(new.code, Some(0));
    assert!(new.stdout.ends_with(", a new one: no failure of it is known\nfailed 0 of 2\n"), "{}", new.stdout);
}

#[test]
fn a_failure_that_came_beside_others_is_reproduced_beside_them() {
    // Each fails once both are there.
    let both_there = concat!(
        "steps:\n",
        "  - ann: { connect: /rooms/common/socket, query: { who: '{{ ann.id }}' } }\n",
        "  - ann: { send: { type: say, text: here } }\n",
        "  - ann: { get: /rooms/common, eventually: 20s, expect: { said: { $gte: 2 } } }\n",
        "  - check: '1 == 2'\n",
    );
    let project = Project::new().scenario("talk/a", "A", both_there).scenario("talk/b", "B", both_there);
    assert_eq!(project.play(&["--jobs", "2", "--seed", "5"]).code, Some(1));
    // Mended, or gone alone: what it failed beside is played again too.
    let passes = "steps:\n  - ann: enter\n";
    let project = project.scenario("talk/a", "A", passes).scenario("talk/b", "B", passes);
    let again = project.play(&["talk/a", "--reproduce", "2"]);
    assert_eq!(again.code, Some(0));
    assert_eq!(
        again.stdout,
        "talk/a 2 × with seed 5, that of its last failure\nfailed 0 of 2\n  its last failure came beside talk/b: 2 × beside them\nfailed 0 of 2\n"
    );
}

#[test]
fn failures_that_are_alike_are_told_in_full_once() {
    let file = "steps:\n  - ann: enter\n  - ann: { get: /rooms/cellar, status: 200 }\n";
    let project = Project::new().scenario("a/one", "One", file).scenario("a/two", "Two", file);
    let places = |stdout: &str| stdout.matches("    at ").count();
    let ran = project.play(&["--repeat", "3", "--jobs", "1"]);
    assert_eq!(places(&ran.stdout), 2, "{}", ran.stdout);
    ran.matches_snapshot("failures_alike");
    let full = project.play(&["--repeat", "3", "--jobs", "1", "-v"]);
    assert_eq!(places(&full.stdout), 6, "{}", full.stdout);
    assert!(full.stdout.contains("FAIL a/one #2: One\n  ✗ "), "{}", full.stdout);
}

#[test]
fn two_playings_are_compared() {
    let file = |text: &str| {
        format!(
            "steps:\n  - ann: enter\n  - ben: enter\n  - ann: {{ say: {text} }}\n  - ben: {{ mark: heard }}\n  - ben: {{ hears: hello, within: 5ms }}\n"
        )
    };
    let play = |project: &Project, report: &str| project.play(&["--report", report, "--trace", "on"]).code;
    let project = Project::new().scenario("talk/two", "Two talk", &file("hello"));
    assert_eq!(play(&project, "json=pass.jsonl"), Some(0));
    assert_eq!(play(&project, "json=again.jsonl"), Some(0));
    let project = project.scenario("talk/two", "Two talk", &file("help"));
    assert_eq!(play(&project, "json=fail.jsonl"), Some(1));
    project.run(&["diff", "pass.jsonl", "again.jsonl"]).matches_snapshot("diff_same");
    let differ = project.run(&["diff", "pass.jsonl", "fail.jsonl", "talk/two"]);
    assert_eq!((differ.code, differ.stderr.as_str()), (Some(1), ""));
    for wanted in [
        "talk/two\n✗ ann sent say text=help instead of say text=hello\n    $.text: expected \"hello\", got \"help\"\n",
        "\n  what follows from it:\n",
        // Which of them got it first is a race.
        "\n    ann got said text=help instead of said text=hello\n",
        "\n    ben got said text=help instead of said text=hello\n",
        // Once that it failed.
        "\n  fail.jsonl, failed: ben never got {\"text\":\"hello\",\"type\":\"said\"}: waited 5ms; main 2 is near: $.text: expected \"hello\", got \"help\"\n",
        // The frames before it, whose times and order differ.
        "  pass.jsonl, passed    ",
        "ann ⇄ main /rooms/‹id›/socket?who=‹ann› 101",
    ] {
        assert!(differ.stdout.contains(wanted), "{wanted}\nis not in\n{}", differ.stdout);
    }
    project.run(&["diff", "pass.jsonl", "fail.jsonl", "nothing"]).matches_snapshot("diff_no_scenario");
    project.run(&["diff", "nowhere.jsonl"]).matches_snapshot("diff_no_file");
}

#[test]
fn two_connections_of_one_name_at_once_are_a_mistake_of_the_scenario() {
    let open = "{ connect: \"/rooms/{{ run }}/socket\", query: { who: x } }";
    let ran = Project::new()
        .scenario("talk/twice", "Twice", &format!("steps:\n  - parallel: [{{ ann: {open} }}, {{ ann: {open} }}]\n"))
        .play(&[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    let headline = "  ✗ two steps open a connection `main` of `ann` at once: name one of them with `as`\n";
    assert!(ran.stdout.contains(headline), "{}", ran.stdout);
}
