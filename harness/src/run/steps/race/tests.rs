//! How a race is judged, from answers that its racers got.

use serde_json::{Value, json};

use super::*;
use crate::event::FailureKind;
use crate::run::testing::{at_step, patient, story};

const SEAT: &str = "{ race: { of: all, do: { post: /seat }, outcomes: [
    { as: winner, count: 1, status: 201, expect: { seat: 4 }, capture: { seat: $.seat } },
    { as: loser, count: 2, status: 409, expect: { error: taken } }] } }";

/// The step with the race, and the race.
fn race_of(steps: &str) -> (StepContext, Race) {
    let top = patient("protocol: chat", &story(steps));
    let race = match &top.world.scenario.steps[0].kind {
        StepKind::Race(race) => Race::clone(race),
        other => panic!("{other:?} is no race"),
    };
    (top, race)
}

/// A racer that got this answer, or failed.
fn finished(top: &StepContext, key: &str, played: StepResult, answer: Option<(u16, Value)>) -> FinishedRacer {
    let answer = answer.map(|(status, body)| Answer {
        what: "POST /seat".to_owned(),
        status,
        headers: Default::default(),
        body,
        unreadable: None,
        entry: None,
    });
    let mut context = at_step(top, 0, key);
    context.shared = true;
    FinishedRacer { context, played, answer }
}

fn answered(top: &StepContext, answers: [(u16, Value); 3]) -> Vec<FinishedRacer> {
    // Whoever comes first is not whom the file names first.
    let keys = ["cy", "ann", "ben"];
    keys.into_iter().zip(answers).map(|(key, answer)| finished(top, key, Ok(()), Some(answer))).collect()
}

fn taken() -> (u16, Value) {
    (409, json!({ "error": "taken" }))
}

fn headlines(played: StepResult) -> Vec<String> {
    played.unwrap_err().into_iter().map(|failure| failure.headline).collect()
}

#[test]
fn everybody_who_ended_in_one_way_has_its_name_in_the_files_order() {
    let (top, race) = race_of(SEAT);
    let finished = answered(&top, [taken(), (201, json!({ "seat": 4 })), taken()]);
    judge(&top, &race, finished).unwrap();
    let cast = &top.world.cast;
    assert_eq!(lock(&cast.given)["winner"], ["ann"]);
    assert_eq!(lock(&cast.given)["loser"], ["ben", "cy"]);
    let named: Vec<_> = lock(&cast.roles).named.clone();
    let named: Vec<(&str, &str)> = named.iter().map(|(key, name)| (key.as_str(), name.as_str())).collect();
    assert_eq!(named, [("ann", "winner"), ("ben", "loser_1"), ("cy", "loser_2")]);
    assert_eq!(cast.participants["ann"].var("seat"), Some(json!(4)));
    assert!(!lock(&top.world.captures).contains_key("seat"), "it belongs to who captured it");
}

#[test]
fn an_answer_that_fits_no_outcome_is_told_with_the_nearest() {
    let (top, race) = race_of(SEAT);
    let finished = answered(&top, [taken(), (201, json!({ "seat": 4 })), (409, json!({ "error": "late" }))]);
    let failures = judge(&top, &race, finished).unwrap_err();
    assert_eq!(failures[0].headline, "ben's answer fits no outcome of the race: 409 {\"error\":\"late\"}");
    assert_eq!(failures[0].participant.as_deref(), Some("ben"));
    assert_eq!(failures[0].nearest.as_ref().unwrap().differences, ["$.error: expected \"taken\", got \"late\""]);
    assert_eq!(failures[1].headline, "the race ended with 1 as `loser`, expected 2");
}

#[test]
fn each_outcome_must_come_as_often_as_the_file_says() {
    let (top, race) = race_of(SEAT);
    let won = || (201, json!({ "seat": 4 }));
    let failures = judge(&top, &race, answered(&top, [won(), won(), taken()])).unwrap_err();
    let told: Vec<&str> = failures.iter().map(|failure| failure.headline.as_str()).collect();
    assert_eq!(told, ["the race ended with 2 as `winner`, expected 1", "the race ended with 1 as `loser`, expected 2"]);
    assert_eq!(failures[0].details, ["winner: ann, cy", "loser: ben"]);
}

#[test]
fn a_racer_that_failed_or_got_no_answer_fails_the_race() {
    let (top, race) = race_of(SEAT);
    let broken = vec![Failure::new(FailureKind::Expectation, "POST /seat: no answer")];
    let racers = vec![
        finished(&top, "ann", Err(broken), None),
        finished(&top, "ben", Ok(()), None),
        finished(&top, "cy", Ok(()), Some((201, json!({ "seat": 4 })))),
    ];
    assert_eq!(
        headlines(judge(&top, &race, racers)),
        [
            "POST /seat: no answer",
            "there is no answer that could be compared with the outcomes",
            "the race ended with 0 as `loser`, expected 2"
        ]
    );
}

#[test]
fn without_outcomes_only_failures_count() {
    let (top, race) = race_of("{ race: { of: all, do: { post: /seat } } }");
    let racers = || ["ann", "ben"].map(|key| finished(&top, key, Ok(()), None));
    judge(&top, &race, racers().into()).unwrap();
    assert_eq!(lock(&top.world.cast.roles).unnamed, None);
}
