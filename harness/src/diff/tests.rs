//! How divergences hang together, and how they read.

use std::time::Duration;

use serde_json::{Value, json};

use super::compare::compare;
use super::describe::difference_text;
use crate::diff::timeline::Timeline;
use crate::event::{Event, EventKind};
use crate::text::paint::Paint;

/// Ann's sending, and what each got: no protocol says what belongs together.
fn playing(said: &[&str], got: &[(&str, Value)]) -> Timeline {
    let sent = said.iter().map(|text| EventKind::Sent {
        participant: "ann".to_owned(),
        connection: "main".to_owned(),
        id: 0,
        step: Some(0),
        entry: 0,
        frame: json!({ "type": "say", "text": text }).to_string(),
        barrier: false,
    });
    let got = got.iter().enumerate().map(|(number, (who, frame))| EventKind::Received {
        participant: (*who).to_owned(),
        connection: "main".to_owned(),
        id: who.len(),
        entry: number + 1,
        number: Some(number + 1),
        frame: frame.to_string(),
        barrier: false,
    });
    let event = |(place, kind)| Event { scenario: None, at: Duration::from_millis(place as u64), kind };
    Timeline::of(&sent.chain(got).enumerate().map(event).collect::<Vec<_>>())
}

fn said(text: &str, room: u32) -> Value {
    json!({ "type": "said", "room_id": format!("room_{room:08}"), "text": text, "by": { "name": "Ann" } })
}

fn text_of(a: &Timeline, b: &Timeline) -> String {
    difference_text(a, b, &compare(a, b), ("one", "other"), 120, Paint::new(false))
}

#[test]
fn what_follows_from_the_first_divergence_is_told_as_that() {
    let got = |text: &str, room| [("ben", said(text, room)), ("carol", said(text, room))];
    let text = text_of(&playing(&["hello"], &got("hello", 1)), &playing(&["help"], &got("help", 2)));
    assert!(text.starts_with("✗ ann sent say text=help instead of say text=hello\n"), "{text}");
    let follows = "  what follows from it:\n    ben got said text=help instead of said text=hello\n    carol got said text=help instead of said text=hello\n";
    assert!(text.contains(follows), "{text}");
    assert!(!text.contains("also different"), "{text}");
}

#[test]
fn the_same_in_several_inboxes_is_told_as_the_same_and_the_rest_apart() {
    let all = [("ben", said("hello", 1)), ("carol", said("hello", 1)), ("dave", said("hello", 1))];
    let fewer =
        [("dave", json!({ "type": "said", "room_id": "room_00000002", "text": "hello", "by": { "name": "Bob" } }))];
    let text = text_of(&playing(&["hello"], &all), &playing(&["hello"], &fewer));
    assert!(text.starts_with("✗ ben never got said text=hello by={name=Ann}"), "{text}");
    assert!(text.contains("  the same elsewhere:\n    carol never got said text=hello"), "{text}");
    let apart = "also different, and nothing known ties it to that:\n    dave got said by={name=Bob} instead of said by={name=Ann}\n";
    assert!(text.contains(apart), "{text}");
    assert!(!text.contains("follows"), "{text}");
}

#[test]
fn ids_have_the_names_of_who_has_them_and_of_where_they_stand() {
    let got = [("ben", said("hello", 1)), ("ben", said("bye", 1))];
    let text = text_of(&playing(&["hello"], &got), &playing(&["hello"], &[("ben", said("hello", 2))]));
    assert!(
        text.starts_with("✗ ben never got said text=bye by={name=Ann} room_id=‹room›; nothing more is there\n"),
        "{text}"
    );
}
