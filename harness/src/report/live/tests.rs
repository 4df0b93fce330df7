//! What is printed of a run.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::failure_list::{FailureList, FailureSignature, common_headline};
use super::story::Story;
use crate::event::sample::{event, failed, of_run, place, result, scenario_finished, scenario_started};
use crate::event::{Event, EventKind, Instance, Outcome, RacerStart, ScenarioResult};
use crate::history::Closing;
use crate::text::paint::Paint;

const LABEL: &str = "talk/hello";

fn received(who: &str, id: usize, at: u64, number: Option<usize>, frame: &str) -> Event {
    let kind = EventKind::Received {
        participant: who.to_owned(),
        connection: if id == 0 { "main".to_owned() } else { "phone".to_owned() },
        id,
        entry: 0,
        number,
        frame: frame.to_owned(),
        barrier: number.is_none(),
    };
    event(LABEL, at, kind)
}

fn step(number: usize, depth: usize, line: usize, text: &str, at: u64) -> Event {
    let actor = (depth > 0).then(|| "ann".to_owned());
    event(LABEL, at, EventKind::StepStarted { number, parent: None, depth, place: place(line, text), actor })
}

/// A play in which everything happens once.
fn play() -> Vec<Event> {
    let closed = |code, reason: &str, by_participant| EventKind::Closed {
        participant: "ben".to_owned(),
        connection: "main".to_owned(),
        id: 1,
        entry: 9,
        end: Closing { by_participant, ..Closing::by_server(code, reason) },
    };
    let opened = |id, status| EventKind::Opened {
        participant: "ben".to_owned(),
        connection: "main".to_owned(),
        id,
        step: 2,
        path: "/rooms/7/socket?token=x".to_owned(),
        status,
    };
    let request = EventKind::Requested {
        participant: "ann".to_owned(),
        step: 1,
        exchange: 0,
        method: "POST".to_owned(),
        path: "/rooms/ann_1234567890123456".to_owned(),
        headers: Default::default(),
        body: Some(r#"{"name":"lobby"}"#.to_owned()),
        purpose: Some("state".to_owned()),
    };
    let answer = EventKind::Answered {
        participant: "ann".to_owned(),
        exchange: 0,
        entry: 1,
        status: 404,
        headers: Default::default(),
        body: r#"{"error":"no such room"}"#.to_owned(),
        took: Duration::from_millis(2),
    };
    let start = |participant: &str, after| RacerStart {
        participant: participant.to_owned(),
        after: Duration::from_micros(after),
    };
    let released = EventKind::Released {
        step: 3,
        order: vec![start("ann", 0), start("ben", 42)],
        spread: Duration::from_micros(42),
        jitter: Duration::ZERO,
    };
    vec![
        scenario_started(LABEL),
        step(1, 0, 2, "- ann: create", 1),
        event(LABEL, 2, request),
        event(LABEL, 4, answer),
        event(LABEL, 5, EventKind::ServerLog { line: "WARN no room for ann_1234567890123456".to_owned() }),
        step(2, 0, 3, "- ben: enter", 6),
        step(3, 1, 12, "- connect: /rooms/7/socket", 6),
        event(LABEL, 7, opened(None, 403)),
        event(LABEL, 8, opened(Some(1), 101)),
        received("ben", 0, 9, Some(1), r#"{"type":"said","by":"ann_1234567890123456"}"#),
        received("ben", 1, 9, None, r#"{"type":"pong"}"#),
        event(LABEL, 10, EventKind::Taken { participant: "ben".to_owned(), id: 1, step: 2, numbers: vec![1, 2] }),
        event(LABEL, 11, released),
        event(LABEL, 12, EventKind::Note { text: "look here".to_owned() }),
        event(LABEL, 13, closed(Some(1011), "internal error", false)),
        event(LABEL, 14, closed(None, "", true)),
        scenario_finished(&result(LABEL, Outcome::Passed)),
    ]
}

fn told(story: &mut Story, events: &[Event]) -> String {
    events.iter().filter_map(|event| story.line(event)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_play_is_told_as_it_happens() {
    insta::assert_snapshot!(told(&mut Story::new(Paint::new(false), Some(100), false), &play()));
}

#[test]
fn told_whole_it_has_barriers_and_ids() {
    insta::assert_snapshot!(told(&mut Story::new(Paint::new(false), None, true), &play()));
}

#[test]
fn of_several_at_once_it_is_said_whose_the_lines_are() {
    let mut other = received("ben", 0, 9, Some(1), r#"{"type":"said"}"#);
    other.scenario = Some(Arc::new(Instance { label: "talk/bye".into(), repetition: 1, attempt: 1 }));
    let events = [
        scenario_started(LABEL),
        scenario_started("talk/bye"),
        received("ben", 0, 8, Some(1), r#"{"type":"said"}"#),
        other,
        of_run(EventKind::ServerLog { line: "of all".to_owned() }),
    ];
    insta::assert_snapshot!(told(&mut Story::new(Paint::new(false), Some(80), false), &events));
}

fn list(results: &[ScenarioResult], ids: bool, each: bool) -> String {
    let mut list = FailureList::new(Paint::new(false), ids, each);
    results.iter().for_each(|result| list.add(result, Some(Path::new("out/traces/page.html")), &[]));
    list.into_text()
}

/// Two that are alike, one of another scenario, one that passed.
fn some() -> Vec<ScenarioResult> {
    let again = ScenarioResult { repetition: 2, ..failed(LABEL, &["ben never got said 17 by ann_1234567890123456"]) };
    vec![
        failed(LABEL, &["ben never got said 12 by ann_1234567890123456"]),
        again,
        failed("talk/bye", &["ben never got said 12 by ann_1234567890123456"]),
        result("talk/other", Outcome::Passed),
    ]
}

#[test]
fn of_failures_that_are_alike_the_first_is_told_in_full() {
    insta::assert_snapshot!(list(&some(), false, false));
}

#[test]
fn each_failure_is_told_in_full_where_that_is_asked_for() {
    insta::assert_snapshot!(list(&some()[..2], true, true));
}

#[test]
fn a_server_that_does_not_start_is_alike_for_all() {
    let without = |label| result(label, Outcome::NoServer { reason: "port 4000 is taken".to_owned(), log: Vec::new() });
    let (one, other) = (FailureSignature::of(&without("a")).unwrap(), FailureSignature::of(&without("b")).unwrap());
    assert_eq!(one, other);
    assert!(FailureSignature::of(&result("a", Outcome::Passed)).is_none());
    let mixed = [one, FailureSignature { headline: "port 4001 is taken".to_owned(), ..other }];
    assert_eq!(common_headline(&mixed), "port # is taken");
}
