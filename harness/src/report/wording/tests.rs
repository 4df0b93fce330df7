//! How results, failures and the summary read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::brief;
use super::failures::{explanation, failure_texts, failures_with_log, failures_without_log};
use super::replay::replay_rows;
use super::result_line::{not_run_lines, result_line};
use super::server_log::errors_while_passing;
use super::short_ids::with_short_ids;
use super::summary::{summary_text, varying_snapshots};
use crate::event::sample::{failed, failure, full_failure, logged, place, raced, result};
use crate::event::{
    Attempt, Class, Failure, FailureKind, InvariantCounts, Outcome, Quarantined, ScenarioResult, SnapshotChange,
    Summary, Waiting,
};
use crate::text::paint::Paint;

fn plain() -> Paint {
    Paint::new(false)
}

fn attempt(headline: &str) -> Attempt {
    Attempt {
        seed: 5,
        beside: Vec::new(),
        took: Duration::from_millis(500),
        failures: vec![failure(headline)],
        log: vec![logged(3, "closing")],
        trace: None,
    }
}

fn waiting() -> Waiting {
    Waiting {
        participant: Some("ben".to_owned()),
        what: "a frame { type: said }".to_owned(),
        waited: Duration::from_millis(2500),
        place: Some(place(3, "- ben: receive: said")),
    }
}

fn not_run(reason: &str) -> ScenarioResult {
    result("talk/hello", Outcome::NotRun { reason: reason.to_owned(), class: Class::ServerDied })
}

/// A result of every kind.
fn every_kind() -> Vec<ScenarioResult> {
    let reason = || "no presence yet".to_owned();
    let quarantine = Some(Quarantined { issue: "TALK-1".to_owned(), until: "2026-12-01".to_owned(), expired: false });
    let failing = failed("talk/hello", &["ben never got said", "ann got said twice"]);
    vec![
        result("talk/hello", Outcome::Passed),
        ScenarioResult {
            repetition: 2,
            unknown: vec!["no_gaps (messages): no order".to_owned()],
            ..result("talk/hello@de", Outcome::Passed)
        },
        ScenarioResult {
            earlier: vec![attempt("ben never got said")],
            attempt: 2,
            ..result("talk/hello", Outcome::Passed)
        },
        result("talk/hello", Outcome::FailedAsExpected { reason: reason() }),
        failing.clone(),
        ScenarioResult { will_retry: true, ..failing.clone() },
        ScenarioResult { quarantine, ..failing },
        result("talk/hello", Outcome::Skipped { reason: reason() }),
        result(
            "talk/hello",
            Outcome::NoServer { reason: "it did not become ready".to_owned(), log: vec!["booting".to_owned()] },
        ),
        not_run("the server died in talk/bye"),
        result("talk/hello", Outcome::Interrupted { waiting: vec![waiting()] }),
    ]
}

#[test]
fn each_result_has_a_line() {
    let lines: Vec<String> = every_kind().iter().map(|result| result_line(result, plain())).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn each_result_has_a_headline_and_a_status() {
    let lines: Vec<String> =
        every_kind().iter().map(|result| format!("{}: {}", result.outcome.key(), brief::headline(result))).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn each_result_is_explained() {
    let texts: Vec<String> =
        every_kind().iter().map(|result| format!("{}\n{}", result.outcome.key(), explanation(result))).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn a_failure_shows_everything_that_is_known_of_it() {
    let mut full = result("talk/hello", Outcome::Failed { failures: vec![full_failure()] });
    full.owner = Some("chat team".to_owned());
    full.quarantine = Some(Quarantined { issue: "TALK-1".to_owned(), until: "2026-01-01".to_owned(), expired: true });
    full.trace = Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned());
    full.log = vec![logged(10, "accepted"), logged(20, "ERROR no such room")];
    full.earlier = vec![attempt("ben never got said"), attempt("the server refused")];
    insta::assert_snapshot!(failures_with_log(&full, Some(Path::new("out/traces/talk/hello.html")), plain()));
}

#[test]
fn failures_of_one_step_share_what_they_have_in_common() {
    let of_step = |headline| Failure { details: vec!["asked of all".to_owned()], ..failure(headline) };
    let other = Failure { place: Some(place(9, "- ann: leave")), ..failure("ann is gone") };
    insta::assert_snapshot!(failure_texts(
        &[of_step("ben never got said"), of_step("cat never got said"), other],
        plain()
    ));
}

#[test]
fn a_long_log_shows_its_errors_and_its_newest_lines() {
    let mut long = failed("talk/hello", &["ben never got said"]);
    long.log = (0..40).map(|number| logged(number, &format!("line {number}"))).collect();
    long.log[5] = logged(5, "level=error no such room");
    insta::assert_snapshot!(failures_with_log(&long, None, plain()));
    let without = failures_without_log(&long, plain());
    assert_eq!(without, failure_heading() + &failure_texts(long.failures(), plain()));
}

#[test]
fn a_stack_trace_is_folded_and_keeps_its_indentation() {
    let mut failing = failed("talk/hello", &["ben never got said"]);
    failing.log = vec![logged(1, "INFO listening"), logged(2, "Traceback (most recent call last):")];
    for frame in 0..20 {
        failing.log.push(logged(3, &format!("  File \"server.py\", line {frame}, in step_{frame}")));
        failing.log.push(logged(3, &format!("    step_{}()", frame + 1)));
    }
    failing.log.push(logged(4, "KeyError: 'room'"));
    failing.log.push(logged(5, "ERROR no such room"));
    insta::assert_snapshot!(failures_with_log(&failing, None, plain()));
}

fn failure_heading() -> String {
    "FAIL talk/hello: Two people talk\n".to_owned()
}

#[test]
fn a_replay_has_the_seed_and_the_arguments_of_the_run() {
    let mut failing = failed("talk/hello@row 2", &["ben never got said"]);
    failing.races = vec![raced(&[("ann", 0), ("ben", 150)])];
    let rows = replay_rows(&failing, &["--server".to_owned(), "http://127.0.0.1:4000".to_owned()], plain());
    assert_eq!(
        rows,
        "    released line 5: ann +0.000, ben +0.150 ms\n    again    roundtable run talk/hello --seed 7 --server \
         http://127.0.0.1:4000\n"
    );
    assert_eq!(replay_rows(&result("talk/hello", Outcome::Passed), &[], plain()), "");
}

#[test]
fn a_replay_has_the_others_that_the_failure_heard() {
    let mut failing = failed("talk/hello@row 2", &["ben got <said>"]);
    failing.heard = ["talk/hello@row 3", "talk/loud", "talk/loud@2"].map(std::sync::Arc::from).to_vec();
    let rows = replay_rows(&failing, &[], plain());
    assert_eq!(rows, "    again    roundtable run talk/hello talk/loud --seed 7\n");
}

#[test]
fn of_many_racers_the_first_and_the_last_are_shown() {
    let mut failing = failed("talk/hello", &["ben never got said"]);
    let names: Vec<String> = (0..12).map(|number| format!("p{number}")).collect();
    failing.races = vec![raced(&names.iter().map(|name| (name.as_str(), 1000)).collect::<Vec<_>>())];
    let rows = replay_rows(&failing, &[], plain());
    assert_eq!(
        rows.lines().next().unwrap(),
        "    released line 5: p0 +1.000, p1 +1.000, p2 +1.000, p3 +1.000, p4 +1.000, p5 +1.000, p6 +1.000, p7 +1.000, \
         … 3 more, p11 +1.000 ms"
    );
}

#[test]
fn reasons_why_scenarios_were_not_run_are_counted() {
    let results =
        [not_run("the server died"), result("a", Outcome::Passed), not_run("the server died"), not_run("it is gone")];
    assert_eq!(
        not_run_lines(&results, plain()),
        "\nNORUN the server died; 2 scenarios were not run\n\nNORUN it is gone; 1 scenario was not run\n"
    );
}

#[test]
fn errors_that_servers_logged_while_all_passed_are_told() {
    let with = |log| ScenarioResult { log, ..result("talk/hello", Outcome::Passed) };
    let trace = vec![
        logged(5, "Traceback (most recent call last):"),
        logged(5, "  File \"room.py\", line 3, in enter"),
        logged(5, "KeyError: 'room'"),
    ];
    let results = [with(vec![logged(2, "ERROR first")]), with(trace), with(vec![logged(1, "all is well")])];
    assert_eq!(
        errors_while_passing(&results).unwrap(),
        "the server logged errors and stack traces during 2 scenarios that passed (first: talk/hello, 5.0 ms: Traceback \
         … KeyError: 'room')"
    );
    assert_eq!(errors_while_passing(&results[2..]), None);
}

#[test]
fn the_summary_ends_with_the_numbers_alone() {
    let good = Summary { passed: 3, skipped: 1, took: Duration::from_millis(1500), ..Summary::default() };
    insta::assert_snapshot!(summary_text(&good, plain()));
    let bad = Summary {
        failed: 2,
        no_server: 1,
        not_run: 4,
        not_begun: 1,
        flaky: 1,
        quarantined: 1,
        unproven: 1,
        unknown: 2,
        invariants: InvariantCounts { held: 9, judged: 120, not_asked: 3, excepted: 1, violated: 1 },
        updated: 1,
        classes: [(Class::Product, 1), (Class::Late, 1)].into(),
        limit: Some(Duration::from_secs(60)),
        interrupted: true,
        orphans: vec![PathBuf::from("snapshots/talk/old.snap")],
        ..good
    };
    insta::assert_snapshot!(summary_text(&bad, plain()));
}

#[test]
fn a_snapshot_that_differs_between_repetitions_is_told() {
    let file = PathBuf::from("talk/hello/after.snap");
    let path = PathBuf::from("snapshots/talk/hello/after.snap");
    let repeated = |text: Option<&str>| {
        let change =
            |new: &str| SnapshotChange { name: "after".to_owned(), file: file.clone(), old: None, new: new.to_owned() };
        let failure =
            |new| Failure { snapshot: Some(change(new)), ..Failure::new(FailureKind::Snapshot, "it differs") };
        let outcome = text.map_or(Outcome::Passed, |text| Outcome::Failed { failures: vec![failure(text)] });
        ScenarioResult { snapshots: vec![path.clone()], ..result("talk/hello", outcome) }
    };
    assert_eq!(
        varying_snapshots(&[repeated(None), repeated(Some("a")), repeated(Some("b")), repeated(Some("a"))]),
        ["snapshots/talk/hello/after.snap differs between repetitions: 3 texts in 4; what was raced, or not awaited?"]
    );
    assert!(varying_snapshots(&[repeated(None), repeated(None)]).is_empty());
}

#[test]
fn ids_are_short_where_something_is_told() {
    let text = || "ann_1234567890123456 left room_1234567890123456".to_owned();
    let told = with_short_ids(&failed("talk/hello", &["x"]), text());
    assert_eq!(told, "‹ann› left room_‹run›");
    assert_eq!(with_short_ids(&result("talk/hello", Outcome::Passed), text()), text());
}

#[test]
fn the_line_of_a_failure_is_one_of_the_scenario_itself() {
    let in_protocol = Failure {
        place: Some(crate::event::Place { file: "scenarios/protocols/talk.yaml".into(), ..place(40, "") }),
        ..failure("x")
    };
    let result = result("talk/hello", Outcome::Failed { failures: vec![in_protocol, failure("y")] });
    assert_eq!(brief::failing_line(&result), (Path::new("scenarios/talk/hello.yaml"), 3));
    assert_eq!(brief::suite_of("a/b/c"), "a/b");
    assert_eq!(brief::suite_of("c"), "");
    assert_eq!(
        (brief::label_with_repetition("c", 1), brief::label_with_repetition("c", 2)),
        ("c".to_owned(), "c #2".to_owned())
    );
}
