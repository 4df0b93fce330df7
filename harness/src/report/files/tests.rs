//! The event file, its merging, and the reports of a run as a whole.

use std::path::{Path, PathBuf};

use super::details::{DetailBuffer, KeepDetails};
use super::event_file::{EventFileWriter, read};
use super::merge::MergedRun;
use super::reporter::{ReportOptions, Reporter as _};
use super::reports::Reports;
use super::request::ReportRequest;
use crate::event::sample::{event, failed, of_run, result, run_started, scenario_finished, scenario_started, sent};
use crate::event::{Event, EventKind, Outcome, ScenarioResult, Summary};
use crate::exit::Exit;

fn labels(events: &[Event]) -> Vec<String> {
    let word = |event: &Event| serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned();
    events.iter().map(word).collect()
}

fn passed(label: &str) -> ScenarioResult {
    result(label, Outcome::Passed)
}

#[test]
fn details_wait_for_the_end_of_their_scenario() {
    let given = |keep, result: &ScenarioResult| {
        let mut buffer = DetailBuffer::new(keep);
        let log = event("a/b", 1, EventKind::ServerLog { line: "x".to_owned() });
        let shared = of_run(EventKind::ServerLog { line: "x".to_owned() });
        let events = [
            run_started(1, None),
            scenario_started("a/b"),
            sent("a/b", 1, "hi"),
            log,
            shared,
            scenario_finished(result),
        ];
        events.into_iter().map(|event| labels(&buffer.take(event))).collect::<Vec<_>>()
    };
    let none = Vec::<String>::new;
    let one = |word: &str| vec![word.to_owned()];
    let begun = || [one("run_started"), one("scenario_started"), none(), none(), none()];
    let with = |end: &[&str]| [&begun()[..], &[end.iter().map(|word| (*word).to_owned()).collect()]].concat();
    let (details, bare) = (with(&["sent", "scenario_finished"]), with(&["scenario_finished"]));
    assert_eq!(given(KeepDetails::On, &passed("a/b")), details);
    assert_eq!(given(KeepDetails::OnFailure, &passed("a/b")), bare);
    assert_eq!(given(KeepDetails::OnFailure, &failed("a/b", &["x"])), details);
    assert_eq!(given(KeepDetails::Off, &failed("a/b", &["x"])), bare);
}

/// Writes an event file into a folder.
fn event_file(folder: &Path, name: &str, events: &[Event]) -> PathBuf {
    let file = folder.join(name);
    let mut writer = EventFileWriter::create(&file).unwrap();
    events.iter().for_each(|event| writer.event(event).unwrap());
    writer.finish().unwrap();
    file
}

#[test]
fn an_event_file_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let events = [
        run_started(1, None),
        scenario_started("a/b"),
        sent("a/b", 1, "hi"),
        scenario_finished(&failed("a/b", &["x"])),
    ];
    let file = event_file(folder.path(), "deep/events.jsonl", &events);
    let json = |events: &[Event]| serde_json::to_value(events).unwrap();
    assert_eq!(json(&read(&file).unwrap()), json(&events));
    // A line that was cut off and an event of a later program are left out.
    let text = std::fs::read_to_string(&file).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    std::fs::write(&file, format!("{first}\n\n{{\"event\":\"dreamt\",\"at_us\":1}}\n{rest}{{\"event\":\"no")).unwrap();
    assert_eq!(json(&read(&file).unwrap()), json(&events));
}

#[test]
fn what_is_no_event_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        read(&file).unwrap_err().to_string().replace(&file.display().to_string(), "FILE")
    };
    let headless = "FILE doesn't begin with `run_started`: it is no event file, or its beginning is lost";
    assert_eq!(refused(""), headless);
    assert_eq!(refused("{\"event\":\"note\",\"text\":\"x\",\"at_us\":1}\n"), headless);
    assert_eq!(
        refused("{\"event\":\"run_started\",\"version\":99}\n"),
        "FILE has version 99 of the event format, this program reads version 2: read it with the program that wrote it"
    );
    assert_eq!(
        refused("nonsense\n"),
        "FILE:1: this is no event of `roundtable run --report json=FILE`: expected ident at line 1 column 2"
    );
    std::fs::remove_file(&file).unwrap();
    assert_eq!(
        read(&file).unwrap_err().to_string().replace(&file.display().to_string(), "FILE"),
        "FILE can't be read: No such file or directory (os error 2)"
    );
}

#[test]
fn parts_of_a_run_are_read_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let end = |summary: Summary| of_run(EventKind::RunFinished(summary));
    let counted = |results: &[&ScenarioResult]| {
        let mut summary = Summary::default();
        results.iter().for_each(|result| summary.add(result));
        summary
    };
    let (a, b) = (passed("a/a"), failed("a/b", &["x"]));
    let one = event_file(
        folder.path(),
        "1.jsonl",
        &[run_started(1, Some("1/2")), scenario_started("a/a"), scenario_finished(&a), end(counted(&[&a]))],
    );
    let two = event_file(
        folder.path(),
        "2.jsonl",
        &[run_started(1, Some("2/2")), scenario_started("a/b"), scenario_finished(&b), end(counted(&[&b]))],
    );
    let whole = MergedRun::read(&[one.clone(), two.clone()]).unwrap();
    assert_eq!((whole.summary.passed, whole.summary.failed), (1, 1));
    assert_eq!((whole.remarks, whole.summary.gaps()), (Vec::new(), Vec::new()));
    let part = MergedRun::read(std::slice::from_ref(&one)).unwrap();
    assert_eq!(part.summary.gaps(), ["a part is missing: 2/2"]);
    assert_eq!(Exit::of(&part.summary), Exit::Failed);
    // What stands in two files counts as it failed.
    let twice = event_file(
        folder.path(),
        "3.jsonl",
        &[run_started(1, None), scenario_finished(&passed("a/b")), end(counted(&[&passed("a/b")]))],
    );
    let both = MergedRun::read(&[two.clone(), twice.clone()]).unwrap();
    assert_eq!((both.summary.passed, both.summary.failed), (0, 1));
    assert_eq!(
        both.remarks[0],
        format!(
            "1 scenario stands in more than one file (a/b in {} and {}): the result that failed counts",
            two.display(),
            twice.display()
        )
    );
}

#[test]
fn a_part_that_did_not_end_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let file = event_file(
        folder.path(),
        "events.jsonl",
        &[run_started(3, None), scenario_started("a/a"), scenario_finished(&passed("a/a")), scenario_started("a/b")],
    );
    let run = MergedRun::read(std::slice::from_ref(&file)).unwrap();
    assert_eq!((run.summary.passed, run.summary.not_begun), (1, 1));
    assert_eq!(
        run.summary.gaps(),
        [
            "1 scenario was not begun".to_owned(),
            format!(
                "{}: the run didn't end, the numbers are those of 1 scenario that did; under way were a/b",
                file.display()
            )
        ]
    );
    assert_eq!(Exit::of(&run.summary), Exit::Failed);
}

#[test]
fn a_file_that_lost_lines_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let mut summary = Summary::default();
    ["a/a", "a/b"].iter().for_each(|label| summary.add(&passed(label)));
    let file = event_file(
        folder.path(),
        "events.jsonl",
        &[run_started(2, None), scenario_finished(&passed("a/a")), of_run(EventKind::RunFinished(summary))],
    );
    let run = MergedRun::read(std::slice::from_ref(&file)).unwrap();
    let gap =
        format!("{}: its last line tells of 2, but 1 scenario's result is in it: lines are missing", file.display());
    assert_eq!(run.summary.gaps(), [gap]);
    assert_eq!(Exit::of(&run.summary), Exit::Failed);
}

/// Neither a run that goes on nor one that ended early looks like one that passed.
#[test]
fn a_run_that_is_not_complete_is_an_error_in_every_report() {
    let folder = tempfile::tempdir().unwrap();
    let [junit, page, markdown] = ["junit.xml", "index.html", "summary.md"].map(|file| folder.path().join(file));
    let requests = [
        ReportRequest::Junit(junit.clone()),
        ReportRequest::Html(folder.path().to_path_buf()),
        ReportRequest::Github(Some(markdown.clone())),
    ];
    let texts = || [&junit, &page, &markdown].map(|file| std::fs::read_to_string(file).unwrap());
    let mut reports = Reports::begin(&requests, &[], KeepDetails::Off, None).unwrap();
    let [xml, html, _] = texts();
    assert!(xml.contains("errors=\"1\"") && xml.contains("message=\"the run has not ended\""), "{xml}");
    assert!(html.contains("the run had not ended when this page was written"), "{html}");
    reports.tell(run_started(2, None));
    reports.tell(scenario_finished(&passed("a/a")));
    let mut summary = Summary { not_begun: 1, interrupted: true, ..Summary::default() };
    summary.add(&passed("a/a"));
    reports.finish(&mut summary);
    for (text, gap) in texts().iter().zip([
        "message=\"the run was interrupted; 1 scenario was not begun\"",
        "\"gaps\":[\"the run was interrupted\",\"1 scenario was not begun\"]",
        "\n**Incomplete**: the run was interrupted\n",
    ]) {
        assert!(text.contains(gap), "{gap} is not in {text}");
    }
    let mut reports = Reports::begin(&requests, &[], KeepDetails::Off, None).unwrap();
    reports.tell(run_started(1, None));
    reports.tell(scenario_finished(&passed("a/a")));
    let mut summary = Summary::default();
    summary.add(&passed("a/a"));
    reports.finish(&mut summary);
    let [xml, html, markdown] = texts();
    assert!(xml.contains("errors=\"0\"") && !xml.contains("the whole run"), "{xml}");
    assert!(html.contains("\"gaps\":[]"), "{html}");
    assert!(!markdown.contains("Incomplete"), "{markdown}");
}

#[test]
fn a_report_is_asked_for_by_kind_and_place() {
    for text in ["json=a.jsonl", "junit=b=c.xml", "html=out", "github", "github=sum.md"] {
        assert_eq!(text.parse::<ReportRequest>().unwrap().to_string(), text);
    }
    for wrong in ["json", "json=", "pdf=x", "", "github="] {
        let refused = wrong.parse::<ReportRequest>().unwrap_err();
        assert_eq!(refused, "it is html=DIR, junit=FILE, json=FILE, github or github=FILE");
    }
    let json = ReportRequest::Json("out/./events.jsonl".into());
    assert!(json.writes(Path::new("out/events.jsonl")) && !json.writes(Path::new("out/other.jsonl")));
    assert_eq!(ReportRequest::Html("out".into()).pages(), Some(Path::new("out")));
    assert_eq!((json.pages(), ReportRequest::Github(None).place()), (None, None));
}

#[test]
fn traces_are_written_where_nobody_else_does() {
    let own = |output, traces: Option<&str>| {
        ReportOptions { output, traces: traces.map(PathBuf::from), history: Vec::new() }
            .needs_own_traces(Path::new("out"))
    };
    assert!(!own(true, Some("out")) && !own(false, None));
    assert!(own(true, Some("elsewhere")) && own(false, Some("out")));
}

#[test]
fn one_report_that_cannot_be_written_leaves_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events.jsonl");
    let page = folder.path().join("report");
    let requests = [ReportRequest::Json(events.clone()), ReportRequest::Junit(page.join("junit.xml"))];
    let mut reports = Reports::begin(&requests, &[], KeepDetails::On, None).unwrap();
    // A folder that became a file while the run went on.
    std::fs::remove_dir_all(&page).unwrap();
    std::fs::write(&page, "").unwrap();
    reports.tell(run_started(1, None));
    reports.tell(scenario_started("a/b"));
    reports.tell(sent("a/b", 1, "hi"));
    reports.tell(scenario_finished(&passed("a/b")));
    let mut summary = Summary { passed: 1, ..Summary::default() };
    reports.finish(&mut summary);
    let what = format!("--report junit={}/junit.xml can't be written: ", page.display());
    assert_eq!(summary.missing.len(), 1);
    assert!(summary.missing[0].starts_with(&what), "{:?}", summary.missing);
    assert_eq!(Exit::of(&summary), Exit::Failed);
    // The others say so too.
    let Some(EventKind::RunFinished(told)) = read(&events).unwrap().pop().map(|event| event.kind) else { panic!() };
    assert_eq!(told.missing, summary.missing);
    assert_eq!(
        labels(&read(&events).unwrap()),
        ["run_started", "scenario_started", "sent", "scenario_finished", "run_finished"]
    );
}

#[test]
fn a_report_that_cannot_begin_ends_the_run_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    std::fs::write(&taken, "").unwrap();
    let request = ReportRequest::Html(taken.join("report"));
    let refused = Reports::begin(&[request], &[], KeepDetails::On, None).map(drop).unwrap_err();
    let what = format!("--report html={}/report can't be written: ", taken.display());
    assert!(refused.starts_with(&what), "{refused}");
    assert!(Reports::begin(&[], &[], KeepDetails::On, None).unwrap().is_empty());
}

#[test]
fn a_trace_is_kept_by_what_became_of_the_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let trace = |keep, result: &ScenarioResult| {
        let reports = Reports::begin(&[], &[], keep, Some(folder.path())).unwrap();
        let trace = reports.trace(result);
        let mut summary = Summary::default();
        reports.finish(&mut summary);
        assert_eq!(summary.missing, [""; 0]);
        trace
    };
    let page = Some(folder.path().join("traces/a/b.html"));
    assert_eq!(trace(KeepDetails::OnFailure, &failed("a/b", &["x"])), page);
    assert_eq!(trace(KeepDetails::OnFailure, &passed("a/b")), None);
    assert_eq!(trace(KeepDetails::On, &passed("a/b")), page);
    assert_eq!(trace(KeepDetails::On, &result("a/b", Outcome::Skipped { reason: "x".to_owned() })), None);
    assert_eq!(trace(KeepDetails::Off, &failed("a/b", &["x"])), None);
}
