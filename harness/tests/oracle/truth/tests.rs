//! The truth, of logs that are written by hand.

mod barriers;
mod promises;

use std::time::Duration;

use super::{Must, Truth, judge};
use crate::case::{Absence, Acks, Action, Barrier, Case, Kind, Link, Pattern, Protocol, Step};
use crate::log::{Asked, End, Entry, Event, Frame};

/// A case with its log, an event a millisecond. Connections are ann's (0) and ben's (1).
struct Story {
    case: Case,
    log: Vec<Entry>,
}

fn link(who: &str) -> Link {
    Link { who: who.to_owned(), name: "main".to_owned() }
}

fn frame(kind: Kind, n: i64, text: &str) -> Event {
    let id = usize::from(text.starts_with("ben "));
    let text = text.trim_start_matches("ben ").to_owned();
    Event::Wrote { id, frame: Frame { kind, room: "hall".to_owned(), n, text, readable: true } }
}

fn absence(kind: Kind) -> Absence {
    Absence { pattern: Pattern { kind, text: None }, listen: None, since: None }
}

impl Story {
    /// Ann and ben are in the hall.
    fn new() -> Self {
        let protocol =
            Protocol { barrier: Barrier::Echo, acks: Acks::Instead, invariants: true, fails: true, closes: Vec::new() };
        let people = vec!["ann".to_owned(), "ben".to_owned()];
        let case = Case {
            number: 0,
            protocol,
            people,
            strict: false,
            base: 0,
            patience: 1,
            steps: Vec::new(),
            faults: Vec::new(),
        };
        let mut story = Self { case, log: Vec::new() };
        for (id, who) in ["ann", "ben"].into_iter().enumerate() {
            story.step(who, Action::Connect { room: "hall".to_owned(), resume: false });
            story.did(Event::Opened { id, link: link(who), room: "hall".to_owned(), after: None });
        }
        story
    }

    fn did(&mut self, event: Event) -> &mut Self {
        let at = Duration::from_millis(u64::try_from(self.log.len()).unwrap());
        self.log.push(Entry { at, event });
        self
    }

    /// A step that begins.
    fn step(&mut self, who: &str, action: Action) -> &mut Self {
        let number = self.case.steps.len();
        self.case.steps.push(Step::new(link(who), action));
        self.did(Event::Step(number))
    }

    /// Ann says something, it is read and acknowledged, and ben gets it.
    fn said(&mut self, n: i64, text: &str) -> &mut Self {
        self.says(n, text).did(frame(Kind::Said, n, &format!("ben {text}")))
    }

    fn says(&mut self, n: i64, text: &str) -> &mut Self {
        self.step("ann", Action::Say(text.to_owned()));
        self.did(Event::Read { id: 0, asked: Asked::Say(text.to_owned()) });
        self.did(frame(Kind::Stored, n, text))
    }

    /// A barrier's ping, and its answer.
    fn asked(&mut self, id: usize, n: usize) -> &mut Self {
        self.did(Event::Read { id, asked: Asked::Ping(n) })
    }

    fn answered(&mut self, id: usize, n: i64) -> &mut Self {
        let pong = Frame { kind: Kind::Pong, room: String::new(), n, text: String::new(), readable: true };
        self.did(Event::Wrote { id, frame: pong })
    }

    /// The steps are over, and everybody's last barrier is answered.
    fn over(&mut self) -> Truth {
        let steps = self.case.steps.len();
        self.did(Event::Step(steps)).did(Event::Step(steps + 1));
        self.asked(0, 9).answered(0, 9).asked(1, 9).answered(1, 9);
        self.judge()
    }

    fn judge(&self) -> Truth {
        judge(&self.case, &self.log)
    }

    /// What must come of the last step.
    fn last(&self) -> Must {
        self.judge().steps.pop().unwrap()
    }
}

fn fails(must: &Must) -> bool {
    matches!(must, Must::Fail(_))
}

#[test]
fn what_was_written_is_received_once() {
    let mut story = Story::new();
    story.said(1, "one");
    let wanted = Pattern { kind: Kind::Said, text: Some("one".to_owned()) };
    let receive = Action::Receive { pattern: wanted, capture: false };
    assert_eq!(story.step("ben", receive.clone()).last(), Must::Pass);
    assert!(fails(&story.step("ben", receive).last()));
}

#[test]
fn the_very_next_frame_is_meant_and_order_counts() {
    let said = |text: &str| Pattern { kind: Kind::Said, text: Some(text.to_owned()) };
    let mut story = Story::new();
    story.said(1, "one").said(2, "two");
    assert!(fails(&story.step("ben", Action::Next(said("two"))).last()));
    story.case.steps.pop();
    story.log.pop();
    assert!(fails(&story.step("ben", Action::InOrder(vec![said("two"), said("one")])).last()));
    story.case.steps.pop();
    story.log.pop();
    assert_eq!(story.step("ben", Action::All(vec![said("two"), said("one")])).last(), Must::Pass);
}

#[test]
fn nothing_is_proven_by_an_honest_answer_alone() {
    let mut story = Story::new();
    story.step("ben", Action::Nothing(absence(Kind::Secret)));
    assert!(matches!(story.last(), Must::NotPlainly(_)), "nobody asked");
    story.asked(1, 1);
    assert!(fails(&story.last()), "asked and not answered");
    story.answered(1, 1);
    assert_eq!(story.last(), Must::Pass);
    story.asked(0, 1);
    assert!(fails(&story.last()), "ann was asked too");
}

#[test]
fn what_came_before_the_answer_counts_and_what_came_behind_it_does_not() {
    let mut story = Story::new();
    let none = Action::Count { of: absence(Kind::Secret), times: 0 };
    story.step("ben", none.clone()).asked(1, 1).did(frame(Kind::Secret, 0, "ben ")).answered(1, 1);
    assert!(fails(&story.last()));
    let mut story = Story::new();
    story.step("ben", none).asked(1, 1).answered(1, 1).step("ann", Action::Drop);
    story.did(frame(Kind::Secret, 0, "ben "));
    assert_eq!(story.judge().steps[2], Must::Pass);
}

#[test]
fn what_an_earlier_step_caused_may_not_come_behind_the_barrier() {
    let mut story = Story::new();
    story.says(1, "one");
    story.step("ben", Action::Nothing(absence(Kind::Said))).asked(1, 1).answered(1, 1);
    story.did(frame(Kind::Said, 1, "ben one"));
    assert!(matches!(story.last(), Must::NotPlainly(_)));
}

#[test]
fn a_step_listens_as_long_as_it_says() {
    let mut story = Story::new();
    let listening = Absence { listen: Some(1200), ..absence(Kind::Secret) };
    story.step("ben", Action::Nothing(listening)).asked(1, 1).answered(1, 1).step("ann", Action::Drop);
    assert!(fails(&story.judge().steps[2]));
    story.log.last_mut().unwrap().at += Duration::from_millis(60);
    assert_eq!(story.judge().steps[2], Must::Pass);
}

#[test]
fn an_end_that_a_step_awaited_proves_and_a_loss_does_not() {
    let nothing = Action::Nothing(absence(Kind::Secret));
    let ended = |how: End, awaited: bool| {
        let mut story = Story::new();
        story.did(Event::Ended { id: 1, how });
        if awaited {
            story.step("ben", Action::Closed { code: None });
        }
        story.step("ben", nothing.clone()).last()
    };
    assert_eq!(ended(End::Closed(1000), true), Must::Pass);
    assert!(matches!(ended(End::Closed(1000), false), Must::Either(_)));
    assert!(matches!(ended(End::Eof, true), Must::NotPlainly(_)));
    assert!(matches!(ended(End::Reset, false), Must::NotPlainly(_)));
    let mut story = Story::new();
    assert!(matches!(story.step("ben", Action::Drop).step("ben", nothing).last(), Must::NotPlainly(_)));
}

#[test]
fn an_end_is_expected_by_a_step_or_by_the_protocol_or_fails() {
    let ended = |change: &dyn Fn(&mut Story)| {
        let mut story = Story::new();
        story.did(Event::Ended { id: 1, how: End::Closed(4000) });
        change(&mut story);
        story.over().whole
    };
    assert!(fails(&ended(&|_| {})));
    assert_eq!(ended(&|story| drop(story.step("ben", Action::Closed { code: Some(4000) }).last())), Must::Pass);
    assert_eq!(ended(&|story| story.case.protocol.closes.push(Some(4000))), Must::Pass);
    assert!(fails(&ended(&|story| story.case.protocol.closes.extend([Some(1000), None]))));
}

#[test]
fn nothing_is_sent_into_a_connection_that_is_gone() {
    let mut story = Story::new();
    story.did(Event::Ended { id: 0, how: End::Eof });
    assert!(fails(&story.step("ann", Action::Say("one".to_owned())).last()));
    let mut story = Story::new();
    story.step("ann", Action::Drop);
    assert!(fails(&story.step("ann", Action::Say("one".to_owned())).last()));
}

#[test]
fn a_close_frame_is_answered_by_one() {
    let mut story = Story::new();
    story.step("ann", Action::Close).did(Event::Ended { id: 0, how: End::Eof });
    assert!(fails(&story.last()));
    let mut story = Story::new();
    assert_eq!(story.step("ann", Action::Close).did(Event::Farewell { id: 0 }).last(), Must::Pass);
}

#[test]
fn frames_that_fail_or_that_nobody_can_read_fail_the_whole() {
    let mut story = Story::new();
    assert!(fails(&story.did(frame(Kind::Error, 0, "ben ")).over().whole));
    let mut story = Story::new();
    let cut = Frame { kind: Kind::Said, room: "hall".to_owned(), n: 1, text: "one".to_owned(), readable: false };
    assert!(fails(&story.did(Event::Wrote { id: 1, frame: cut }).over().whole));
    assert_eq!(Story::new().over().whole, Must::Pass);
}

#[test]
fn a_last_barrier_that_breaks_fails_where_something_is_judged_by_it() {
    let mut story = Story::new();
    story.over();
    story.asked(1, 10);
    assert!(fails(&story.judge().whole));
    (story.case.protocol.invariants, story.case.protocol.fails) = (false, false);
    assert!(matches!(story.judge().whole, Must::Either(_)));
}
