//! What the page holds, and what earlier runs it remembers.

use serde_json::{Value, json};

use super::HtmlReport;
use super::earlier_runs::EarlierRuns;
use crate::event::sample::{
    failed, logged, of_run, result, run_started, scenario_finished, scenario_started, sent, verdicts,
};
use crate::event::{EventKind, LoggedLine, Outcome, ScenarioResult, Summary};
use crate::report::files::reporter::{ReportOptions, Reporter as _};

/// The data of a page, as its script reads it.
fn data(page: &str, id: &str) -> Value {
    let (_, rest) = page.split_once(&format!("<script type=\"application/json\" id=\"{id}\">")).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_page_holds_the_run_and_its_scenarios() {
    let folder = tempfile::tempdir().unwrap();
    let options = ReportOptions { traces: Some(folder.path().to_path_buf()), ..ReportOptions::default() };
    let mut report = HtmlReport::create(folder.path(), &options).unwrap();
    report.event(&run_started(2, Some("1/2"))).unwrap();
    let evil = "</script><b>";
    let mut failing = failed("talk/hello world", &[evil]);
    failing.log = (0..450).map(|number| logged(number, "line")).collect::<Vec<LoggedLine>>();
    report.events(&[scenario_started("talk/hello world")]).unwrap();
    report.events(&[sent("talk/hello world", 1, "hi"), scenario_finished(&failing)]).unwrap();
    let judged = ScenarioResult { invariants: verdicts(), ..result("talk/bye", Outcome::Passed) };
    report.events(&[scenario_finished(&judged)]).unwrap();
    report.events(&[of_run(EventKind::RunFinished(Summary { passed: 1, failed: 1, ..Summary::default() }))]).unwrap();
    report.finish().unwrap();
    let page = std::fs::read_to_string(folder.path().join("index.html")).unwrap();
    let head = data(&page, "head");
    assert_eq!((&head["run"]["shard"], &head["summary"]["failed"]), (&json!("1/2"), &json!(1)));
    let scenarios = data(&page, "cases");
    let labels: Vec<&str> = scenarios.as_array().unwrap().iter().map(|it| it["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["talk/bye", "talk/hello world"]);
    let invariants = scenarios[0]["invariants"].as_array().unwrap();
    let verdicts: Vec<&str> = invariants.iter().map(|it| it["verdict"]["status"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["held", "violated", "not_asked", "unknown", "unknown"]);
    let shown = &scenarios[1];
    assert_eq!(shown["headline"], evil);
    assert_eq!((&shown["status"], &shown["class"], &shown["line"]), (&json!("failed"), &json!("product"), &json!(3)));
    assert_eq!((shown["log"].as_array().unwrap().len(), &shown["earlier_lines"]), (400, &json!(50)));
    assert_eq!((&shown["trace"], &scenarios[0]["trace"]), (&json!("traces/talk/hello%20world.html"), &Value::Null));
    assert!(folder.path().join("traces/talk/hello world.html").is_file());
}

#[test]
fn earlier_runs_stand_in_the_order_of_their_beginnings() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, started: &str, lines: &[Value]| {
        let head = json!({ "event": "run_started", "version": 0, "started": started });
        let text: String = std::iter::once(&head).chain(lines).map(|line| format!("{line}\n")).collect();
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    let finished = |status: &str, took: u64, earlier: usize, will_retry: bool| {
        json!({ "event": "scenario_finished", "label": "a/b", "outcome": { "status": status }, "took_us": took,
            "earlier": vec![json!({}); earlier], "will_retry": will_retry })
    };
    run("z.jsonl", "2026-01-01T00:00:00Z", &[finished("failed", 5, 0, true), finished("passed", 7, 1, false)]);
    run(
        "a.jsonl",
        "2026-01-02T00:00:00Z",
        &[json!({ "event": "sent", "frame": "\"run_started\"" }), finished("failed", 9, 0, false)],
    );
    std::fs::write(folder.path().join("notes.txt"), "no run").unwrap();
    std::fs::write(folder.path().join("cut.jsonl"), r#"{"event":"run_started","star"#).unwrap();
    let runs = EarlierRuns::read(&[folder.path().to_path_buf()]).unwrap();
    assert_eq!(
        runs.to_json(),
        json!({
            "runs": ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"],
            "scenarios": { "a/b": [[0, "flaky", 7], [1, "failed", 9]] },
        })
    );
    let missing = EarlierRuns::read(&[folder.path().join("none.jsonl")]).unwrap_err().to_string();
    assert_eq!(
        missing,
        format!("{}: No such file or directory (os error 2)", folder.path().join("none.jsonl").display())
    );
}
