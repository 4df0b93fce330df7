//! What results and summaries say of themselves, and how events are written.

use std::time::Duration;

use serde_json::json;

use super::{
    Attempt, Class, Event, EventKind, Failure, FailureKind, InvariantCounts, Outcome, Quarantined, ScenarioResult,
    Summary,
};
use crate::event::sample::{failed, result, sent, verdicts};

fn with_kinds(kinds: &[FailureKind]) -> ScenarioResult {
    let failures = kinds.iter().map(|kind| Failure::new(*kind, "it failed")).collect();
    result("a/b", Outcome::Failed { failures })
}

#[test]
fn what_explains_a_failure_gives_its_class() {
    use FailureKind::{Environment, Expectation, Invariant, Late, Scenario, ServerDied, Snapshot};
    for (kinds, class) in [
        (&[Expectation, Late][..], Class::Product),
        (&[Late, Expectation], Class::Late),
        (&[Invariant], Class::Product),
        (&[Snapshot], Class::Product),
        (&[Scenario, Expectation], Class::Scenario),
        (&[Expectation, Environment], Class::Environment),
        (&[Expectation, Environment, ServerDied], Class::ServerDied),
    ] {
        assert_eq!(with_kinds(kinds).class(), Some(class), "{kinds:?}");
    }
    assert_eq!(result("a", Outcome::Passed).class(), None);
    let no_server = Outcome::NoServer { reason: String::new(), log: Vec::new() };
    assert_eq!(result("a", no_server).class(), Some(Class::Environment));
    assert_eq!(result("a", Outcome::Interrupted { waiting: Vec::new() }).class(), None);
}

/// A result of every kind: passed, failed as expected, failed, failed in quarantine, in one that expired, flaky, skipped,
/// without a server, not run for either reason, interrupted.
fn all() -> Vec<ScenarioResult> {
    let reason = String::new;
    let quarantine = |expired| Some(Quarantined { issue: reason(), until: reason(), expired });
    let attempt = Attempt {
        seed: 0,
        beside: Vec::new(),
        took: Duration::ZERO,
        failures: Vec::new(),
        log: Vec::new(),
        trace: None,
    };
    vec![
        result("a", Outcome::Passed),
        result("b", Outcome::FailedAsExpected { reason: reason() }),
        failed("c", &["it failed"]),
        ScenarioResult { quarantine: quarantine(false), ..failed("d", &["it failed"]) },
        ScenarioResult { quarantine: quarantine(true), ..failed("e", &["it failed"]) },
        ScenarioResult { earlier: vec![attempt], ..result("f", Outcome::Passed) },
        result("g", Outcome::Skipped { reason: reason() }),
        result("h", Outcome::NoServer { reason: reason(), log: Vec::new() }),
        result("i", Outcome::NotRun { reason: reason(), class: Class::ServerDied }),
        ScenarioResult {
            unproven: 1,
            unknown: vec![reason()],
            invariants: verdicts(),
            updated: 2,
            ..result("k", Outcome::Passed)
        },
    ]
}

#[test]
fn a_summary_counts_each_result_once() {
    let mut summary = Summary::default();
    all().iter().for_each(|result| summary.add(result));
    let expected = Summary {
        passed: 4,
        failed: 2,
        skipped: 1,
        no_server: 1,
        not_run: 1,
        flaky: 1,
        quarantined: 1,
        classes: [(Class::Product, 2)].into(),
        unproven: 1,
        unknown: 1,
        invariants: InvariantCounts { held: 1, judged: 12, not_asked: 1, excepted: 1, violated: 1 },
        updated: 2,
        ..Summary::default()
    };
    assert_eq!(summary, expected);
    let far = result("l", Outcome::NotRun { reason: String::new(), class: Class::Environment });
    summary.add(&far);
    summary.add(&result("m", Outcome::Interrupted { waiting: Vec::new() }));
    assert_eq!(summary, Summary { not_run: 2, unreachable: true, interrupted: true, ..expected });
}

#[test]
fn a_run_is_bad_for_each_of_its_reasons() {
    let good = Summary { passed: 3, skipped: 1, flaky: 1, quarantined: 1, unproven: 1, ..Summary::default() };
    assert!(!good.is_bad());
    for bad in [
        Summary { failed: 1, ..good.clone() },
        Summary { no_server: 1, ..good.clone() },
        Summary { not_run: 1, ..good.clone() },
        Summary { flaky_fails: true, ..good.clone() },
        Summary { interrupted: true, ..good.clone() },
        Summary { limit: Some(Duration::from_secs(1)), ..good.clone() },
        Summary { orphans: vec!["x.snap".into()], ..good },
    ] {
        assert!(bad.is_bad(), "{bad:?}");
    }
}

#[test]
fn the_words_of_outcomes_and_classes_are_those_of_event_files() {
    for result in all() {
        assert_eq!(serde_json::to_value(&result.outcome).unwrap()["status"], result.outcome.key());
    }
    for class in [Class::Product, Class::Late, Class::ServerDied, Class::Environment, Class::Scenario] {
        assert_eq!(serde_json::to_value(class).unwrap(), class.key());
    }
}

#[test]
fn an_event_is_one_flat_object() {
    let event = sent("a/b", 7, "hi");
    let written = serde_json::to_value(&event).unwrap();
    assert_eq!(
        written,
        json!({
            "scenario": { "label": "a/b", "repetition": 1, "attempt": 1 }, "at_us": 7000, "event": "sent",
            "participant": "ann", "connection": "main", "id": 0, "step": 1, "entry": 2,
            "frame": "{\"text\":\"hi\",\"type\":\"say\"}", "barrier": false,
        })
    );
    let read: Event = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), written);
    assert!(event.kind.is_detail() && !EventKind::Building { command: String::new() }.is_detail());
}
