//! Results, failures and events for tests.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::event::{
    Came, Event, EventKind, Failure, FailureKind, Instance, InvariantResult, InvariantVerdict, LoggedLine, Nearest,
    Outcome, Person, Place, Raced, RacerStart, ScenarioResult, StreamPattern,
};
use crate::source::Position;
use crate::text::diff::{DiffKind, DiffLine};

/// A result of a scenario that took 1.234 seconds on `http://127.0.0.1:4000`, with `ann` taking part.
pub(crate) fn result(label: &str, outcome: Outcome) -> ScenarioResult {
    ScenarioResult {
        unproven_why: Vec::new(),
        label: label.into(),
        title: "Two people talk".to_owned(),
        file: PathBuf::from("scenarios/talk/hello.yaml"),
        repetition: 1,
        attempt: 1,
        outcome,
        took: Duration::from_millis(1234),
        seed: 7,
        races: Vec::new(),
        unproven: 0,
        invariants: Vec::new(),
        unknown: Vec::new(),
        needless_exceptions: Vec::new(),
        log: Vec::new(),
        snapshots: Vec::new(),
        updated: 0,
        beside: Vec::new(),
        heard: Vec::new(),
        left_behind: false,
        idle_redactions: Vec::new(),
        stream_patterns: Vec::<StreamPattern>::new(),
        server: "http://127.0.0.1:4000".to_owned(),
        people: vec![person("ann"), person("ben")],
        owner: None,
        quarantine: None,
        trace: None,
        will_retry: false,
        earlier: Vec::new(),
    }
}

/// A result of each of the four verdicts, and of an unknown that is excepted.
pub(crate) fn verdicts() -> Vec<InvariantResult> {
    let one = |invariant: &str, verdict| InvariantResult {
        invariant: invariant.to_owned(),
        stream: "talk".to_owned(),
        verdict,
    };
    let unknown = |excepted: Option<&str>| InvariantVerdict::Unknown {
        why: "nothing that was sent was acknowledged".to_owned(),
        excepted: excepted.map(str::to_owned),
    };
    vec![
        one("same_order", InvariantVerdict::Held { judged: NonZeroUsize::new(12).unwrap() }),
        one("no_gaps", InvariantVerdict::Violated { headline: "ben never got 4".to_owned() }),
        one("members_only", InvariantVerdict::NotAsked),
        one("reaches_all", unknown(None)),
        one("acked_not_lost", unknown(Some("the server is killed"))),
    ]
}

/// One that failed with these headlines, each at line 3.
pub(crate) fn failed(label: &str, headlines: &[&str]) -> ScenarioResult {
    let failures = headlines.iter().map(|headline| failure(headline)).collect();
    result(label, Outcome::Failed { failures })
}

pub(crate) fn person(key: &str) -> Person {
    Person { key: key.to_owned(), id: format!("{key}_1234567890123456"), token: String::new(), paste: None }
}

pub(crate) fn place(line: usize, text: &str) -> Place {
    Place { file: PathBuf::from("scenarios/talk/hello.yaml"), at: Position { line, column: 5 }, text: text.to_owned() }
}

/// A failure of an expectation at line 3, with nothing but its headline and place.
pub(crate) fn failure(headline: &str) -> Failure {
    Failure { place: Some(place(3, "- ben: receive: said")), ..Failure::new(FailureKind::Expectation, headline) }
}

/// A failure with every field set.
pub(crate) fn full_failure() -> Failure {
    let line = |kind, text: &str| DiffLine { kind, text: text.to_owned() };
    Failure {
        inside: vec![place(12, "- say: { text: hi }")],
        participant: Some("ben".to_owned()),
        expected: Some("{ type: said, text: hi }".to_owned()),
        nearest: Some(Nearest {
            what: "main 2 at 31.0 ms".to_owned(),
            entry: Some(4),
            whole: None,
            differences: vec!["$.text: expected \"hi\", got \"ho\"".to_owned()],
        }),
        came: vec![
            Came {
                at: Duration::from_micros(12_345),
                entry: Some(3),
                frame: r#"{"type":"joined"}"#.to_owned(),
                taken_by: Some(2),
            },
            Came {
                at: Duration::from_millis(31),
                entry: Some(4),
                frame: r#"{"type":"said","text":"ho"}"#.to_owned(),
                taken_by: None,
            },
        ],
        late: Some("it did not come within 5 s either".to_owned()),
        details: vec!["the barrier was answered at 40.0 ms".to_owned(), "nobody else got it".to_owned()],
        diff: vec![
            line(DiffKind::Shape, "ben.text: a string became a number"),
            line(DiffKind::Hunk, "@@ -1,2 +1,2 @@"),
            line(DiffKind::Context, "ben:"),
            line(DiffKind::Removed, "  text: hi"),
            line(DiffKind::Added, "  text: 1"),
        ],
        ..failure("ben never got said")
    }
}

pub(crate) fn logged(millis: u64, text: &str) -> LoggedLine {
    LoggedLine { at: Duration::from_millis(millis), text: text.to_owned() }
}

pub(crate) fn raced(order: &[(&str, u64)]) -> Raced {
    let start = |(participant, micros): &(&str, u64)| RacerStart {
        participant: (*participant).to_owned(),
        after: Duration::from_micros(*micros),
    };
    Raced {
        place: Some(place(5, "- race:")),
        order: order.iter().map(start).collect(),
        spread: Duration::from_micros(order.last().map_or(0, |(_, micros)| *micros)),
    }
}

/// An event of a scenario's first attempt.
pub(crate) fn event(label: &str, millis: u64, kind: EventKind) -> Event {
    let instance = Instance { label: label.into(), repetition: 1, attempt: 1 };
    Event { scenario: Some(Arc::new(instance)), at: Duration::from_millis(millis), kind }
}

/// An event of the run.
pub(crate) fn of_run(kind: EventKind) -> Event {
    Event { scenario: None, at: Duration::ZERO, kind }
}

pub(crate) fn run_started(scenarios: usize, shard: Option<&str>) -> Event {
    of_run(EventKind::RunStarted {
        version: crate::event::VERSION,
        roundtable: "0.1.0".to_owned(),
        started: "2026-01-15T10:30:00.123Z".to_owned(),
        seed: 7,
        scenarios,
        jobs: 1,
        server: "http://127.0.0.1:4000".to_owned(),
        shard: shard.map(str::to_owned),
        again: Vec::new(),
    })
}

pub(crate) fn scenario_started(label: &str) -> Event {
    let kind = EventKind::ScenarioStarted {
        title: "Two people talk".to_owned(),
        file: PathBuf::from("scenarios/talk/hello.yaml"),
        tags: vec!["fast".to_owned()],
        participants: vec!["ann".to_owned(), "ben".to_owned()],
        stubs: Vec::new(),
        server: "http://127.0.0.1:4000".to_owned(),
        owner: None,
        trace: None,
    };
    event(label, 0, kind)
}

pub(crate) fn scenario_finished(result: &ScenarioResult) -> Event {
    Event {
        scenario: Some(Arc::new(result.instance())),
        at: result.took,
        kind: EventKind::ScenarioFinished(Box::new(result.clone())),
    }
}

/// A frame that `ann` sent, which is a detail.
pub(crate) fn sent(label: &str, millis: u64, text: &str) -> Event {
    let kind = EventKind::Sent {
        participant: "ann".to_owned(),
        connection: "main".to_owned(),
        id: 0,
        step: Some(1),
        entry: 2,
        frame: serde_json::json!({ "type": "say", "text": text }).to_string(),
        barrier: false,
    };
    event(label, millis, kind)
}
