//! What markers and positions prove, and what somebody leaves open who is gone.

use super::super::Must;
use super::{Story, absence, fails, frame};
use crate::case::{Acks, Action, Barrier, Kind};
use crate::log::{Asked, Event};

/// Ben counts what was said to him: so often.
fn counts(times: usize) -> Action {
    Action::Count { of: absence(Kind::Said), times }
}

/// Somebody does a marker barrier's marker.
fn marks(story: &mut Story, id: usize) -> &mut Story {
    story.did(Event::Read { id, asked: Asked::Say("marker-1".to_owned()) })
}

fn of_markers(acks: Acks) -> Story {
    let mut story = Story::new();
    (story.case.protocol.barrier, story.case.protocol.acks) = (Barrier::Marker, acks);
    story
}

#[test]
fn a_marker_proves_when_it_has_come_and_is_counted_by_nobody() {
    let mut story = of_markers(Acks::Instead);
    marks(story.step("ben", counts(0)), 0);
    assert!(fails(&story.last()), "ben is owed it");
    story.did(frame(Kind::Said, 1, "ben marker-1"));
    assert_eq!(story.last(), Must::Pass);
}

#[test]
fn a_marker_need_not_come_back_where_others_alone_get_it() {
    for acks in [Acks::Instead, Acks::None] {
        let mut story = of_markers(acks);
        marks(story.step("ben", counts(0)), 1);
        assert!(fails(&story.last()), "nobody got it");
        story.did(frame(Kind::Said, 1, "marker-1"));
        assert_eq!(story.last(), Must::Pass, "ann got it");
    }
    let mut story = of_markers(Acks::Instead);
    assert_eq!(story.step("ben", counts(0)).last(), Must::Pass, "nobody had to do one");
    let mut story = of_markers(Acks::Instead);
    story.step("ann", Action::Drop);
    marks(story.step("ben", counts(0)), 1);
    assert!(matches!(story.last(), Must::NotPlainly(_)), "nobody else is there");
}

#[test]
fn a_position_proves_when_a_frame_has_reached_it() {
    let mut story = Story::new();
    (story.case.protocol.barrier, story.case.protocol.acks) = (Barrier::Get, Acks::Beside);
    story.step("ben", counts(0)).did(Event::Position { n: 0 });
    assert_eq!(story.last(), Must::Pass);
    story.says(1, "one").step("ben", counts(1)).did(Event::Position { n: 1 });
    assert!(fails(&story.last()));
    story.did(frame(Kind::Said, 1, "ben one"));
    assert_eq!(story.last(), Must::Pass);
    story.step("ben", counts(2)).did(Event::Position { n: 1 });
    assert!(fails(&story.last()), "there was one");
}

#[test]
fn what_somebody_sent_who_is_gone_may_still_have_its_effect() {
    let gone = |asked: bool| {
        let mut story = Story::new();
        story.said(1, "one");
        if asked {
            story.asked(0, 1).answered(0, 1);
        }
        story.step("ann", Action::Drop).step("ben", counts(1)).asked(1, 1).answered(1, 1);
        story.last()
    };
    assert!(matches!(gone(false), Must::Either(_)));
    assert_eq!(gone(true), Must::Pass);
}
