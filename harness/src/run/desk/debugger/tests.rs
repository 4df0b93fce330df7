//! Commands as somebody types them, and what becomes of the step before which they are typed.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::event::FailureKind;
use crate::run::testing::{at_step, comes, connect, patient, silence, story};

const STEPS: &str = "{ note: one }, { note: two }";

/// A desk at which these lines are typed, and what it says.
fn desk(lines: &[&str]) -> (Desk, Arc<Mutex<String>>) {
    let (tell, commands) = mpsc::unbounded_channel();
    lines.iter().for_each(|line| tell.send((*line).to_owned()).unwrap());
    let said = Arc::new(Mutex::new(String::new()));
    let out = Arc::clone(&said);
    let desk = Desk {
        commands: tokio::sync::Mutex::new(commands),
        out: Box::new(move |text| lock(&out).push_str(&text)),
        paint: Paint::new(false),
        stops: Mutex::new(Stops::Steps),
        steps: true,
        on_failure: true,
        echoes: false,
        ended: false.into(),
        told: true.into(),
    };
    (desk, said)
}

/// What these lines make of the first step, where it stops next, and what is said.
async fn typed(lines: &[&str]) -> (Decision, Stops, String) {
    let top = patient("protocol: chat", &story(STEPS));
    let (desk, said) = desk(lines);
    let decision = desk.ask(&top, &top.world.scenario.steps[0]).await;
    let stops = *lock(&desk.stops);
    let said = lock(&said).clone();
    (decision, stops, said)
}

#[tokio::test]
async fn each_command_says_what_becomes_of_the_step_and_where_to_stop_next() {
    for (line, decision, stops) in [
        ("", Decision::Play, Stops::Steps),
        ("n", Decision::Play, Stops::Steps),
        (" next ", Decision::Play, Stops::Steps),
        ("s", Decision::Play, Stops::Inside),
        ("step", Decision::Play, Stops::Inside),
        ("c", Decision::Play, Stops::Nowhere),
        ("c 12", Decision::Play, Stops::Line(12)),
        ("continue 12", Decision::Play, Stops::Line(12)),
        ("k", Decision::Skip, Stops::Steps),
        ("q", Decision::End, Stops::Steps),
    ] {
        let (decided, stops_at, _) = typed(&[line]).await;
        assert_eq!((decided, stops_at), (decision, stops), "{line:?}");
    }
}

#[tokio::test]
async fn what_is_no_command_is_told_and_asked_for_again() {
    let (decision, _, said) = typed(&["x", "c twelve", "n now", "k"]).await;
    assert_eq!(decision, Decision::Skip);
    let told = ["`x` is no command here; ? shows them", "`twelve` is no line", "`n` is no command here; ? shows them"];
    for told in told {
        assert!(said.contains(&format!("roundtable> {told}\n")), "{said}");
    }
}

#[tokio::test]
async fn the_end_of_the_input_ends_the_run() {
    let top = patient("protocol: chat", &story(STEPS));
    let (desk, said) = desk(&[]);
    assert_eq!(desk.ask(&top, &top.world.scenario.steps[0]).await, Decision::End);
    assert!(desk.has_ended());
    assert!(lock(&said).ends_with("roundtable> (the input has ended)\n"));
    assert_eq!(desk.ask(&top, &top.world.scenario.steps[1]).await, Decision::End, "nothing more is asked");
}

#[tokio::test]
async fn it_stops_where_it_was_told_to() {
    let top = patient("protocol: chat", &story(STEPS));
    let step = &top.world.scenario.steps[0];
    let inside = top.enter(step, None);
    let (desk, _) = desk(&[]);
    for (stops, own, nested) in [
        (Stops::Steps, true, false),
        (Stops::Inside, true, true),
        (Stops::Line(4), true, true),
        (Stops::Line(5), false, false),
        (Stops::Nowhere, false, false),
    ] {
        *lock(&desk.stops) = stops;
        let stopped = (desk.stops_at(&top, step), desk.stops_at(&inside_a_verb(&inside), step));
        assert_eq!(stopped, (own, nested), "{stops:?}");
    }
}

/// The same place one step deeper.
fn inside_a_verb(context: &StepContext) -> StepContext {
    let mut inside = context.clone();
    inside.place.depth = 1;
    inside
}

#[tokio::test]
async fn a_look_shows_what_no_step_has_taken() {
    let top = patient("protocol: chat", &story(STEPS));
    let ann = connect(&top, "ann", silence);
    comes(&ann, &json!({ "type": "said", "n": 1 }));
    comes(&ann, &json!({ "type": "said", "n": 2 }));
    lock(&ann.mailbox.inbox).take(&[0], 4);
    assert_eq!(
        inboxes(&top.world.cast, Paint::new(false)),
        "  ann  main open, 2 frames, 1 untaken\n         #2   said n=2\n  ben  not connected\n  cy   not connected"
    );
    let whole = inspect(&top.world, "ann");
    assert!(whole.contains(r#"{"n":1,"type":"said"}  (taken by line 4)"#), "{whole}");
    assert_eq!(inspect(&top.world, "dan"), "no participant is called `dan`; there are ann, ben, cy");
}

#[tokio::test]
async fn frames_and_expressions_by_hand_are_those_of_the_participant() {
    let top = patient("protocol: chat", &story(STEPS));
    let ann = connect(&top, "ann", |message| vec![message.payload().value().to_string()]);
    lock(&top.world.cast.participants["ann"].vars).insert("id".to_owned(), json!("ann_1"));
    let context = at_step(&top, 0, "ann");
    assert_eq!(evaluated(&context, "{{ ann.id }}"), "\"ann_1\"");
    assert_eq!(send_by_hand(&context, r#"ann {"by":"{{ me.id }}"}"#).await, "sent");
    let mut changes = ann.mailbox.changes();
    while lock(&ann.mailbox.inbox).frames.is_empty() {
        changes.changed().await.unwrap();
    }
    assert_eq!(*lock(&ann.mailbox.inbox).frames[0].value, json!({ "by": "ann_1" }));
    assert_eq!(send_by_hand(&context, "ann").await, "send WHO FRAME: the frame is missing");
    assert_eq!(send_by_hand(&context, "ben hi").await, "`ben` has no connection: connect first");
    assert_eq!(ask_by_hand(&context, "get", "ann health").await, "get WHO PATH: the path begins with `/`");
}

#[tokio::test]
async fn a_scenario_that_has_failed_can_only_be_looked_at_and_ended() {
    let top = patient("protocol: chat", &story(STEPS));
    let (desk, said) = desk(&["n", "c"]);
    desk.failed(&top, &[Failure::new(FailureKind::Expectation, "ann never got it")]).await;
    assert!(!desk.has_ended());
    let said = lock(&said).clone();
    assert!(said.contains("✗ ann never got it\n"), "{said}");
    assert!(said.ends_with("roundtable> the scenario has failed: c ends it\nroundtable> "), "{said}");
}
