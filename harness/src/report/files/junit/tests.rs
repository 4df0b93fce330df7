//! The whole file, with a scenario of every kind.

use std::path::PathBuf;
use std::time::Duration;

use super::JunitReport;
use crate::event::sample::{
    failed, failure, logged, of_run, result, run_started, scenario_finished, scenario_started, sent, verdicts,
};
use crate::event::{Attempt, Class, EventKind, Failure, FailureKind, Outcome, Quarantined, ScenarioResult, Summary};
use crate::report::files::reporter::{ReportOptions, Reporter as _};

/// Writes a report of these results, those of details too, and reads it.
fn written(results: &[ScenarioResult]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("junit.xml");
    let options = ReportOptions { traces: Some(PathBuf::from("out")), ..ReportOptions::default() };
    let mut junit = JunitReport::create(&file, &options).unwrap();
    junit.event(&run_started(results.len(), None)).unwrap();
    for result in results {
        junit.event(&scenario_started(&result.label)).unwrap();
        if result.is_good() {
            junit.event(&scenario_finished(result)).unwrap();
        } else {
            junit.events(&[sent(&result.label, 1, "hi"), scenario_finished(result)]).unwrap();
        }
    }
    let summary = Summary { took: Duration::from_secs(9), ..Summary::default() };
    junit.event(&of_run(EventKind::RunFinished(summary))).unwrap();
    junit.finish().unwrap();
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_file_of_a_run_that_has_not_ended_has_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("junit.xml");
    JunitReport::create(&file, &ReportOptions::default()).unwrap();
    assert_eq!(
        std::fs::read_to_string(file).unwrap(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"roundtable\" tests=\"1\" failures=\"0\" \
         errors=\"1\" time=\"0.000\">\n<testsuite name=\"roundtable\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\" \
         time=\"0.000\">\n<testcase name=\"the whole run\" classname=\"roundtable\" time=\"0.000\"><error type=\"incomplete\" \
         message=\"the run has not ended\">the run has not ended</error></testcase>\n</testsuite>\n</testsuites>\n"
    );
}

#[test]
fn what_each_invariant_said_is_a_property() {
    let xml = written(&[ScenarioResult {
        invariants: verdicts(),
        unproven_why: vec!["line 4: no barrier is declared".to_owned()],
        ..result("talk/odd", Outcome::Passed)
    }]);
    for property in [
        "invariant=same_order (talk): held, 12 judged",
        "invariant=no_gaps (talk): violated: ben never got 4",
        "invariant=members_only (talk): not asked",
        "invariant=reaches_all (talk): unknown: nothing that was sent was acknowledged",
        "invariant=acked_not_lost (talk): unknown but excepted (the server is killed): nothing that was sent was acknowledged",
        "unproven=line 4: no barrier is declared",
    ] {
        assert!(xml.contains(&format!("[[PROPERTY|{property}]]")), "{property}: {xml}");
    }
}

#[test]
fn every_kind_of_result_has_its_place() {
    let reason = || "no presence yet".to_owned();
    let attempt = Attempt {
        seed: 5,
        beside: Vec::new(),
        took: Duration::from_millis(500),
        failures: vec![failure("ben never got <said>")],
        log: vec![logged(3, "\u{1b}[31mERROR\u{1b}[0m closing")],
        trace: None,
    };
    let died = Failure::new(FailureKind::ServerDied, "the server ended with status 1");
    let quarantine = Some(Quarantined { issue: "TALK-1".to_owned(), until: "2026-12-01".to_owned(), expired: false });
    let first = failed("talk/flaky", &["ben never got <said>"]);
    let xml = written(&[
        result("alone", Outcome::Passed),
        ScenarioResult {
            owner: Some("chat team".to_owned()),
            log: vec![logged(1, "accepted")],
            ..failed("talk/a@two", &["ben never got said"])
        },
        ScenarioResult { will_retry: true, ..first },
        ScenarioResult { attempt: 2, earlier: vec![attempt], ..result("talk/flaky", Outcome::Passed) },
        result("talk/died", Outcome::Failed { failures: vec![died] }),
        ScenarioResult { quarantine, ..failed("talk/later", &["ann got said twice"]) },
        result("talk/skipped", Outcome::Skipped { reason: reason() }),
        result("talk/xfail", Outcome::FailedAsExpected { reason: reason() }),
        result("talk/not_run", Outcome::NotRun { reason: "the server is gone".to_owned(), class: Class::ServerDied }),
        result("talk/stopped", Outcome::Interrupted { waiting: Vec::new() }),
    ]);
    insta::assert_snapshot!(xml);
}
