//! The page as text: what it holds, what no payload can do to it, and where it stands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::data::TraceData;
use super::page::trace_page;
use super::traces::TraceWriter;
use super::{trace_path, write};
use crate::event::sample::{failure, result};
use crate::event::{Attempt, Event, EventKind, Instance, Outcome};
use crate::report::files::details::KeepDetails;
use crate::report::files::reporter::Reporter as _;

fn event(label: &str, at: u64, fields: Value) -> Event {
    let mut event = fields;
    event["at_us"] = json!(at);
    event["scenario"] = json!({ "label": label, "repetition": 1, "attempt": 1 });
    serde_json::from_value(event).unwrap()
}

fn received(label: &str, at: u64, who: &str, frame: &str) -> Event {
    event(
        label,
        at,
        json!({ "event": "received", "participant": who, "connection": "main", "id": 0, "entry": 0, "number": 1,
            "frame": frame, "barrier": false }),
    )
}

/// The data that a page holds, as a reader of the page gets it.
fn held(page: &str) -> Value {
    let (_, rest) = page.split_once("<script id=\"data\" type=\"application/json\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn no_payload_ends_its_script() {
    let evil = "</script><!--<script>{title}{style}{data}{script}";
    let events = [received("a/b", 5, evil, evil), event("a/b", 6, json!({ "event": "note", "text": evil }))];
    let page = trace_page(&TraceData::of(events.iter())).unwrap();
    let plain = trace_page(&TraceData::of(events[..0].iter())).unwrap();
    assert_eq!(page.matches("</script").count(), plain.matches("</script").count());
    assert_eq!(page.matches("<!--").count(), 0);
    let data = held(&page);
    assert_eq!(data["texts"], json!([evil]));
    assert_eq!(data["participants"], json!([evil]));
    assert_eq!(data["items"][1]["text"], json!(evil));
}

#[test]
fn a_title_is_text() {
    let label = "<b>&amp;/</title>";
    let page = trace_page(&TraceData::of([received(label, 1, "ann", "{}")].iter())).unwrap();
    assert!(page.contains("<title>– &lt;b>&amp;amp;/&lt;/title></title>"), "{}", &page[..600]);
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = trace_page(&TraceData::of([].iter())).unwrap();
    assert!(page.contains("default-src 'none'"));
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_text_that_many_got_stands_once() {
    let events: Vec<Event> = (0..50).map(|at| received("a/b", at, "ann", "{\"type\":\"said\"}")).collect();
    let page = trace_page(&TraceData::of(events.iter())).unwrap();
    let data = held(&page);
    assert_eq!(data["texts"].as_array().unwrap().len(), 1);
    assert_eq!(data["items"].as_array().unwrap().len(), 50);
}

#[test]
fn events_of_others_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep/down/page.html");
    write(&[received("a/b", 1, "ann", "mine"), received("a/c", 2, "ben", "theirs")], &file).unwrap();
    let data = held(&std::fs::read_to_string(&file).unwrap());
    assert_eq!(data["label"], json!("a/b"));
    assert_eq!(data["texts"], json!(["mine"]));
    let left: Vec<PathBuf> =
        std::fs::read_dir(file.parent().unwrap()).unwrap().map(|one| one.unwrap().path()).collect();
    assert_eq!(left, [file]);
}

#[test]
fn a_trace_stands_by_its_suite() {
    let of = |label: &str, repetition, attempt| {
        trace_path(Path::new("out"), &Instance { label: label.into(), repetition, attempt }).display().to_string()
    };
    assert_eq!(of("e2e/talk", 1, 1), "out/traces/e2e/talk.html");
    assert_eq!(of("a/b/talk@two people", 1, 1), "out/traces/a/b/talk@two-people.html");
    assert_eq!(of("e2e/talk", 3, 2), "out/traces/e2e/talk.attempt-2.repeat-3.html");
    assert_eq!(of("../../etc/passwd", 1, 1), "out/traces/etc/passwd.html");
}

/// What an attempt of a flaky scenario told: ben got one message, and ended so.
fn attempt(number: usize, text: &str, outcome: Outcome, earlier: Vec<Attempt>) -> Vec<Event> {
    let instance = Arc::new(Instance { label: "talk/hello".into(), repetition: 1, attempt: number });
    let will_retry = earlier.is_empty();
    let mut ended = result("talk/hello", outcome);
    (ended.attempt, ended.will_retry, ended.earlier) = (number, will_retry, earlier);
    let got = received("talk/hello", 5, "ben", &json!({ "type": "said", "text": text }).to_string());
    let end = Event {
        scenario: None,
        at: std::time::Duration::from_millis(9),
        kind: EventKind::ScenarioFinished(Box::new(ended)),
    };
    let of_attempt = |event: Event| Event { scenario: Some(Arc::clone(&instance)), ..event };
    [got, end].map(of_attempt).to_vec()
}

#[test]
fn a_flaky_scenario_shows_both_attempts_beside_each_other_and_leads_back_to_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = TraceWriter::new(folder.path(), KeepDetails::OnFailure, true);
    let failures = vec![failure("ben never got hi")];
    let before = Attempt {
        beside: Vec::new(),
        seed: 5,
        took: std::time::Duration::from_millis(9),
        failures: failures.clone(),
        log: Vec::new(),
        trace: None,
    };
    let ended_badly = Outcome::Failed { failures };
    writer.events(&attempt(1, "ho", ended_badly, Vec::new())).unwrap();
    writer.events(&attempt(2, "hi", Outcome::Passed, vec![before])).unwrap();
    let page = |name: &str| held(&std::fs::read_to_string(folder.path().join("traces/talk").join(name)).unwrap());
    assert_eq!(page("hello.html")["compared"], Value::Null);
    let data = page("hello.attempt-2.html");
    assert_eq!(data["report"], json!(true));
    assert_eq!(data["compared"]["names"], json!(["attempt 2, passed", "attempt 1, failed"]));
    assert_eq!(data["compared"]["sentence"], json!("ben got said text=ho instead of said text=hi"));
    assert_eq!(data["compared"]["rows"][0]["kind"], json!("divergence"));
}
