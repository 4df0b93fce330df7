//! The summary of a step, with a scenario of every kind.

use std::collections::BTreeMap;
use std::time::Duration;

use super::report::unjudged_lines;
use super::summary::{RowKind, StepSummary, SummaryRow};
use crate::event::sample::{failed, result, verdicts};
use crate::event::{Class, Outcome, ScenarioResult, Summary};
use crate::report::wording::brief;

fn summary(results: &[ScenarioResult], finished: Option<Summary>) -> StepSummary {
    let row = |result: &ScenarioResult| SummaryRow {
        label: result.label.to_string(),
        kind: RowKind::of(result),
        class: result.class().map_or("", Class::name),
        owner: result.owner.clone().unwrap_or_default(),
        place: "scenarios/talk/hello.yaml:3".to_owned(),
        headline: brief::headline(result),
        text: "FAIL talk/hello\n  ``` ✗ it failed\n".to_owned(),
        took: result.took,
        unjudged: unjudged_lines(result),
    };
    let rows: BTreeMap<_, _> = results.iter().map(|result| ((result.label.to_string(), 1), row(result))).collect();
    StepSummary { rows, scenarios: 9, finished }
}

fn results() -> Vec<ScenarioResult> {
    vec![
        ScenarioResult { owner: Some("chat|team".to_owned()), ..failed("talk/a", &["ben never got *said*"]) },
        result("talk/b", Outcome::Passed),
        result("talk/c", Outcome::NotRun { reason: "the server is gone".to_owned(), class: Class::ServerDied }),
    ]
}

#[test]
fn a_finished_run_has_its_numbers() {
    let finished =
        Summary { passed: 1, failed: 1, not_run: 1, took: Duration::from_millis(1500), ..Summary::default() };
    insta::assert_snapshot!(summary(&results(), Some(finished)).markdown(0));
}

#[test]
fn a_run_under_way_says_so_behind_what_others_wrote() {
    let text = summary(&results()[1..2], None).markdown(10);
    assert!(
        text.starts_with("\n## Scenarios\n\n**Incomplete**: the run has not ended; 1 of 9 played so far, 0 failed\n"),
        "{text}"
    );
}

#[test]
fn what_could_not_be_judged_has_a_table() {
    let odd = ScenarioResult {
        invariants: verdicts(),
        unproven_why: vec!["line 4: no barrier is declared".to_owned()],
        ..result("talk/b", Outcome::Passed)
    };
    let mut finished = Summary::default();
    finished.add(&odd);
    let text = summary(&[odd], Some(finished)).markdown(0);
    assert!(
        text.contains(concat!(
            "\nInvariants: 1 held (12 judged), 1 not asked, 1 violated, 1 unknown but excepted\n",
            "\n| Not judged | What |\n|---|---|\n",
            "| <code>talk/b</code> | unknown: reaches\\_all (talk): nothing that was sent was acknowledged |\n",
            "| <code>talk/b</code> | unknown but excepted (the server is killed): acked\\_not\\_lost (talk): nothing that was sent was acknowledged |\n",
            "| <code>talk/b</code> | unproven: line 4: no barrier is declared |\n",
        )),
        "{text}"
    );
}

#[test]
fn failures_beyond_twenty_are_counted() {
    let many: Vec<ScenarioResult> =
        (0..23).map(|number| failed(&format!("talk/{number:02}"), &["it failed"])).collect();
    let text = summary(&many, None).markdown(0);
    assert_eq!(text.matches("<details><summary>talk/").count(), 20);
    assert!(text.contains("\n3 failures are not shown whole here.\n"), "{text}");
}
