//! What must be said of promises.

use super::super::Promise;
use super::{Story, frame};
use crate::case::{Acks, Action, Barrier, Kind};
use crate::log::Event;

/// What must be said of the promises of a story.
fn promised(tell: impl FnOnce(&mut Story)) -> impl Fn(&str) -> Promise {
    let mut story = Story::new();
    tell(&mut story);
    let promises = story.over().promises;
    move |name| promises[name]
}

#[test]
fn promises_hold_where_everything_came_and_are_not_asked_where_nothing_did() {
    let said = promised(|story| drop(story.said(1, "one").said(2, "two").last()));
    let silent = promised(|_| {});
    for name in ["same_order", "no_duplicates", "no_gaps", "reaches_all", "members_only", "acked_not_lost"] {
        assert_eq!((said(name), silent(name)), (Promise::Holds, Promise::NotAsked), "{name}");
    }
}

#[test]
fn each_promise_is_broken_by_what_it_forbids() {
    let lost = promised(|story| drop(story.says(1, "one").last()));
    assert_eq!((lost("reaches_all"), lost("no_gaps")), (Promise::Violated, Promise::Holds));
    let between = promised(|story| drop(story.said(1, "one").says(2, "two").said(3, "three").last()));
    assert_eq!(between("no_gaps"), Promise::Violated);
    let twice = promised(|story| drop(story.said(1, "one").did(frame(Kind::Said, 1, "ben one")).last()));
    assert_eq!((twice("no_duplicates"), twice("same_order")), (Promise::Violated, Promise::Holds));
    let swapped = promised(|story| {
        story.says(1, "one").said(2, "two").did(frame(Kind::Said, 1, "ben one"));
    });
    assert_eq!((swapped("same_order"), swapped("no_gaps")), (Promise::Violated, Promise::Holds));
    let forgot =
        promised(|story| drop(story.said(1, "one").did(Event::Forgot { room: "hall".to_owned(), n: 1 }).last()));
    assert_eq!(forgot("acked_not_lost"), Promise::Violated);
}

#[test]
fn what_was_not_acknowledged_or_has_no_barrier_is_unknown() {
    let unacked = promised(|story| {
        story.step("ann", Action::Say("one".to_owned())).did(frame(Kind::Said, 1, "ben one"));
    });
    assert_eq!((unacked("reaches_all"), unacked("same_order")), (Promise::Unknown, Promise::Holds));
    let unread = promised(|story| drop(story.step("ann", Action::Say("one".to_owned())).last()));
    assert_eq!(unread("reaches_all"), Promise::Unknown, "it was sent, though nobody read it");
    let open = promised(|story| {
        story.case.protocol.barrier = Barrier::None;
        story.said(1, "one");
    });
    assert_eq!(open("reaches_all"), Promise::Unknown);
}

#[test]
fn an_acknowledgement_beside_the_message_is_no_delivery() {
    let beside = promised(|story| {
        story.case.protocol.acks = Acks::Beside;
        story.said(1, "one");
    });
    assert_eq!(beside("reaches_all"), Promise::Violated, "ann never got her own");
    let both = promised(|story| {
        story.case.protocol.acks = Acks::Beside;
        story.said(1, "one").did(frame(Kind::Said, 1, "one"));
    });
    assert_eq!((both("reaches_all"), both("no_duplicates")), (Promise::Holds, Promise::Holds));
}
