//! Groups, decisions and keys.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::decide::{ChangeDecision, Decisions, SnapshotDecision, carry_out, passed_over};
use super::gather::Review;
use super::html::page;
use super::screen::{list_text, screen_text};
use super::session::{NextAction, ReviewKey, ReviewSession};
use crate::snapshot::render::render;
use crate::snapshot::store::{self, FrontMatter};
use crate::snapshot::tree::SnapshotNode;
use crate::text::paint::Paint;

fn text(value: &Value) -> String {
    render(&SnapshotNode::from(value))
}

fn person(key: &str) -> Value {
    json!({ "id": format!("[{key}]"), "name": key.to_uppercase() })
}

/// What alice is told and got, before and after.
fn room(people: &[Value], messages: &[&str]) -> Value {
    let messages: Vec<Value> = messages.iter().map(|text| json!({ *text: { "text": text } })).collect();
    json!({ "alice": { "state": { "room": { "people": people } }, "messages": messages } })
}

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn path(&self, stem: &str) -> std::path::PathBuf {
        store::path_of(self.root(), "talk", stem, "after", None)
    }

    fn pending(&self, stem: &str, old: Option<&str>, new: &str) {
        let meta = FrontMatter {
            source: format!("scenarios/talk/{stem}.yaml"),
            expression: "after".to_owned(),
            line: Some(3),
            scenario: Some(format!("talk/{stem}")),
        };
        if let Some(old) = old {
            store::accept(&self.path(stem), old, &meta).expect("writable");
        }
        store::write_pending(&store::pending_path(&self.path(stem)), new, &meta, old).expect("writable");
    }

    fn gather(&self) -> Review {
        Review::gather(self.root(), self.root()).expect("readable")
    }

    fn stored(&self, stem: &str) -> Option<String> {
        store::read(&self.path(stem)).expect("readable")
    }
}

/// Forty snapshots in which people became strings, and a message that is missing in one of them besides.
fn forty_and_one() -> Tree {
    let tree = Tree::new();
    let old = text(&room(&[person("alice"), person("bob")], &["message 1", "message 2"]));
    let new = text(&room(&[json!("[alice]"), json!("[bob]")], &["message 1", "message 2"]));
    for number in 0..40 {
        tree.pending(&format!("story_{number:02}"), Some(&old), &new);
    }
    let lost = text(&room(&[json!("[alice]"), json!("[bob]")], &["message 1"]));
    tree.pending("outlier", Some(&old), &lost);
    tree
}

#[test]
fn the_outlier_among_forty_is_seen_first_and_few_keys_do_the_rest() {
    let tree = forty_and_one();
    let review = tree.gather();
    let told: Vec<(&str, usize)> =
        review.groups.iter().map(|group| (group.meaning.as_str(), group.members.len())).collect();
    let cause = "room.people[] became a string, it was an object";
    assert_eq!(told, [("message 2 is missing in alice's inbox", 1), (cause, 41)]);

    let mut session = ReviewSession::new(&review);
    insta::assert_snapshot!(screen_text(&mut session, 24, 80, Paint::new(false)));
    assert_eq!(session.press(ReviewKey::Reject), NextAction::Show);
    assert_eq!(session.press(ReviewKey::AcceptAll), NextAction::Finish);
    let done = carry_out(&review, &session.decisions, false, false).expect("writable");
    assert_eq!((done.accepted.len(), done.rejected.len(), done.mixed.len(), done.open.len()), (40, 1, 1, 0));
    assert!(tree.stored("story_07").is_some_and(|text| text.contains(r#"people: ["[alice]", "[bob]"]"#)));
    assert!(tree.stored("outlier").is_some_and(|text| text.contains("message 2") && text.contains("ALICE")));
    assert!(tree.gather().pending.is_empty());
}

/// Messages of alice and bob, read by alice; `field` says who wrote them, and `wrong` which one names another person.
fn talk(field: &str, wrong: Option<usize>) -> String {
    let message = |number: usize, who: &str| {
        let named = if wrong == Some(number) { "[carol]" } else { who };
        let id = format!("{}.msg.{number}]", who.trim_end_matches(']'));
        json!({ format!("message {number}"): { "id": id, field: named, "text": format!("text {number}") } })
    };
    let messages = json!([message(1, "[alice]"), message(2, "[bob]"), message(3, "[bob]")]);
    text(&json!({ "alice": { "messages": messages }, "carol": { "messages": [] } }))
}

#[test]
fn a_wrong_person_in_one_of_forty_renames_is_seen_first_and_never_taken_along() {
    let tree = Tree::new();
    for number in 0..40 {
        tree.pending(&format!("story_{number:02}"), Some(&talk("sender", None)), &talk("from", None));
    }
    tree.pending("outlier", Some(&talk("sender", None)), &talk("from", Some(2)));
    let review = tree.gather();
    let told: Vec<(&str, usize, bool)> =
        review.groups.iter().map(|group| (&*group.meaning, group.members.len(), group.unlike > 0)).collect();
    assert_eq!(
        told,
        [
            (r#"from of message 2 was called sender for alice, and changed from "[bob]" to "[carol]""#, 1, true),
            ("from of message frames was called sender", 41, false),
        ]
    );
    let mut session = ReviewSession::new(&review);
    insta::assert_snapshot!("wrong_person_screen", screen_text(&mut session, 24, 80, Paint::new(false)));
    insta::assert_snapshot!("wrong_person_list", list_text(&review, Paint::new(false)));
    let page = page(&review, &|label| Some(format!("traces/{label}.html")));
    assert!(page.find("data-outlier").is_some_and(|outlier| page.find("data-kind").is_some_and(|kind| kind < outlier)));
    assert!(page.find("[carol]") < page.find("40 other snapshots with this change"));
    assert!(page.contains("<a href=\"traces/talk/outlier.html\">trace</a>"));
    // What takes the rename leaves the outlier's snapshot alone.
    for pattern in ["renamed *", "from", &review.groups[1].id, "renamed messages.message.from (sender → from"] {
        let mut decisions = Decisions::default();
        decisions.matching(&review, pattern, ChangeDecision::Accept);
        let taken = (0..41).filter(|file| decisions.verdict(&review, *file) == SnapshotDecision::Accept).count();
        assert_eq!((taken, decisions.decided(&review, 0)), (40, false), "{pattern}");
    }
    assert_eq!(passed_over(&review, "renamed *").len(), 1);
    // Two keys: the outlier is left, and the rest taken.
    session.press(ReviewKey::Skip);
    session.press(ReviewKey::AcceptAll);
    let done = carry_out(&review, &session.decisions, false, false).expect("writable");
    assert_eq!((done.accepted.len(), done.open.len()), (40, 1));
    assert!(tree.stored("outlier").is_some_and(|text| text.contains("sender")));
}

#[test]
fn a_new_field_that_names_another_than_it_does_elsewhere_is_an_outlier() {
    let tree = Tree::new();
    let plain = |by: Option<(&str, &str)>| {
        let mut body = json!({ "id": "[bob.msg.1]", "text": "hello" });
        if let Some((field, who)) = by {
            body[field] = json!(who);
        }
        text(&json!({ "alice": { "messages": [{ "message 1": body }] }, "bob": { "messages": [] } }))
    };
    for number in 0..5 {
        tree.pending(&format!("story_{number}"), Some(&plain(None)), &plain(Some(("by", "[bob]"))));
    }
    tree.pending("outlier", Some(&plain(None)), &plain(Some(("by", "[alice]"))));
    let told: Vec<(String, usize)> =
        tree.gather().groups.iter().map(|group| (group.fingerprint.to_string(), group.members.len())).collect();
    assert_eq!(
        told,
        [
            (r#"field-new messages.message.by (id; "[alice]", not whose id it is)"#.to_owned(), 1),
            ("field-new messages.message.by (id; whose id it is)".to_owned(), 5),
        ]
    );
}

#[test]
fn a_value_that_changed_otherwise_than_elsewhere_is_an_outlier() {
    let tree = Tree::new();
    let plain = |text_: &str| text(&room(&[json!({ "name": "room", "title": text_ })], &[]));
    for number in 0..5 {
        tree.pending(&format!("story_{number}"), Some(&plain("Talk")), &plain("Chat"));
    }
    tree.pending("outlier", Some(&plain("Talk")), &plain("Chap"));
    let review = tree.gather();
    let told: Vec<(usize, bool)> = review.groups.iter().map(|group| (group.members.len(), group.unlike > 0)).collect();
    assert_eq!(told, [(1, true), (5, false)], "{:?}", review.groups);
}

#[test]
fn the_heading_stays_and_the_whole_difference_is_for_one_change() {
    let tree = Tree::new();
    let long = |end: &str| {
        let lines: Vec<String> = (0..60).map(|number| format!("message {number} {end}")).collect();
        text(&room(&[], &lines.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    tree.pending("long", Some(&long("old")), &long("new"));
    tree.pending("other", Some("x: 1\n"), "x: 2\n");
    let review = tree.gather();
    let mut session = ReviewSession::new(&review);
    session.press(ReviewKey::Whole);
    let meaning = review.groups[0].meaning.clone();
    for key in [ReviewKey::Help, ReviewKey::Help, ReviewKey::Down, ReviewKey::Down, ReviewKey::Up] {
        session.press(key);
        let shown = screen_text(&mut session, 24, 80, Paint::new(false));
        assert!(shown.lines().count() <= 24 || session.help, "{shown}");
        assert!(shown.contains(&meaning), "{shown}");
    }
    session.press(ReviewKey::Next);
    assert!(!session.whole && session.above == 0);
}

#[test]
fn keys_go_through_the_changes_and_their_snapshots() {
    let tree = forty_and_one();
    let review = tree.gather();
    let mut session = ReviewSession::new(&review);
    let at = |session: &ReviewSession<'_>| (session.group, session.member);
    session.press(ReviewKey::Skip);
    assert_eq!(at(&session), (1, 0));
    session.press(ReviewKey::PreviousMember);
    assert_eq!(at(&session), (1, 40));
    session.press(ReviewKey::NextMember);
    session.press(ReviewKey::Accept);
    session.press(ReviewKey::Accept);
    assert_eq!(at(&session), (1, 2));
    assert_eq!(session.press(ReviewKey::Trace), NextAction::Trace(session.review.groups[1].members[2].file));
    session.press(ReviewKey::Undo);
    assert_eq!(session.decisions, Decisions::default());
    session.press(ReviewKey::Previous);
    assert_eq!(at(&session), (0, 0));
    assert_eq!(session.press(ReviewKey::AcceptAll), NextAction::Show);
    assert_eq!(session.press(ReviewKey::Finish), NextAction::Finish);
    let verdicts = (0..41).map(|file| session.decisions.verdict(&review, file));
    assert!(verdicts.into_iter().all(|verdict| verdict == SnapshotDecision::Open));
    assert_eq!(session.press(ReviewKey::Abort), NextAction::Abort);
}

#[test]
fn a_whole_difference_and_the_keys_are_shown_when_asked_for() {
    let tree = forty_and_one();
    let review = tree.gather();
    let mut session = ReviewSession::new(&review);
    let shown = |session: &mut ReviewSession<'_>| screen_text(session, 40, 100, Paint::new(false));
    session.press(ReviewKey::Whole);
    insta::assert_snapshot!("whole_difference", shown(&mut session));
    session.press(ReviewKey::Help);
    insta::assert_snapshot!("explained_keys", shown(&mut session));
    insta::assert_snapshot!(shown(&mut ReviewSession::new(&review)), @"
    change 1 of 2 · 0 decided · 41 snapshots pending

      message 2 is missing in alice's inbox
      1 change in 1 snapshot · 9134dc missing messages.message (delivery)

      1 of 1  talk/outlier/after.snap

      @@ alice.messages[message 2] @@
        - message 1: {text: message 1}
      - - message 2: {text: message 2}

    a accept  r reject  s skip  d whole diff  t trace  q end  ? help
    ");
}

#[test]
fn patterns_mean_groups_and_snapshots() {
    let tree = forty_and_one();
    let review = tree.gather();
    let matched = |pattern: &str| Decisions::default().matching(&review, pattern, ChangeDecision::Accept).len();
    assert_eq!(matched(&review.groups[0].id), 1);
    assert_eq!(matched("shape*people*"), 1);
    assert_eq!(matched("talk/story_0?"), 10);
    assert_eq!(matched("OUTLIER"), 1);
    assert_eq!(matched("story_0?"), 0, "a pattern with wildcards covers the whole");
    assert_eq!(matched("nowhere"), 0);
}

#[test]
fn every_one_is_said_only_where_it_is_so() {
    let tree = Tree::new();
    let with = |extra: &[usize]| {
        let messages: Vec<Value> = (1..=3)
            .map(|order| {
                let mut body = json!({ "text": order });
                if extra.contains(&order) {
                    body["edited"] = json!(false);
                }
                json!({ format!("message {order}"): body })
            })
            .collect();
        text(&json!({ "alice": { "messages": messages } }))
    };
    tree.pending("one", Some(&with(&[])), &with(&[1, 2, 3]));
    assert_eq!(tree.gather().groups[0].meaning, "edited of message frames is a new field, in every one");
    tree.pending("two", Some(&with(&[])), &with(&[1, 2]));
    assert_eq!(tree.gather().groups[0].meaning, "edited of message frames is a new field");
}

#[test]
fn what_was_compared_with_another_text_is_taken_only_by_force() {
    let (tree, left) = (Tree::new(), Tree::new());
    left.pending("a", Some("x: {}\n"), "x: {y: 1}\n");
    tree.pending("a", Some("x: {z: 1}\n"), "x: {}\n");
    let review = Review::gather(tree.root(), left.root()).expect("readable");
    assert!(review.pending[0].stale);
    let mut decisions = Decisions::default();
    decisions.matching(&review, "talk/a", ChangeDecision::Accept);
    let done = carry_out(&review, &decisions, true, false).expect("writable");
    assert_eq!((done.stale, done.accepted), (vec![0], vec![]));
    assert_eq!(tree.stored("a").as_deref(), Some("x: {z: 1}\n"));
    let done = carry_out(&review, &decisions, true, true).expect("writable");
    assert_eq!(done.accepted, [0]);
    assert_eq!(tree.stored("a").as_deref(), Some("x: {y: 1}\n"));
    // What changed on the disk while it was looked at is never overwritten.
    store::accept(&tree.path("a"), "x: {w: 1}\n", &FrontMatter::default()).expect("writable");
    assert_eq!(carry_out(&review, &decisions, true, true).expect("writable").stale, [0]);
    // What a run left elsewhere stays there.
    assert!(review.pending[0].file.exists());
}

#[test]
fn an_unreadable_stored_snapshot_can_be_replaced() {
    let tree = Tree::new();
    tree.pending("a", None, "x: {}\n");
    std::fs::write(tree.path("a"), "---\nsource: x\n---\n<<<<<<< HEAD\nx: 1\n").expect("writable");
    let review = tree.gather();
    let file = tree.path("a").display().to_string();
    assert_eq!(
        review.groups[0].meaning.replace(&file, "FILE"),
        "FILE:4 has a merge conflict: take either side whole (`git checkout --ours FILE`, or `--theirs`), then run the \
         scenario and review what differs"
    );
    let mut decisions = Decisions::default();
    decisions.matching(&review, "talk/a", ChangeDecision::Accept);
    let done = carry_out(&review, &decisions, false, true).expect("writable");
    assert_eq!((done.accepted, tree.stored("a").as_deref()), (vec![0], Some("x: {}\n")));
}

#[test]
fn a_page_holds_everything_and_loads_nothing() {
    let tree = forty_and_one();
    tree.pending("odd", Some("x: {}\n"), "x: {\"<script>\": \"&\"}\n");
    let page = page(&tree.gather(), &|_| None);
    assert!(page.contains("&lt;script&gt;") && !page.contains("\"<script>"));
    for loads in ["src=", "href=", "url(", "@import", "http:", "https:"] {
        assert!(!page.contains(loads), "{loads}");
    }
    assert_eq!(page.matches("<section").count(), 4);
    insta::assert_snapshot!(list_text(&tree.gather(), Paint::new(false)));
}

proptest! {
    /// Whatever is accepted is stored as it was made, and whatever is rejected changes nothing.
    #[test]
    fn accepting_stores_the_new_text(
        texts in prop::collection::vec(("[a-c]{1,3}", "[a-c]{1,3}", any::<bool>()), 1..6),
    ) {
        let tree = Tree::new();
        for (number, (old, new, _)) in texts.iter().enumerate() {
            tree.pending(&format!("s{number}"), Some(&format!("x: {{y: {old}}}\n")), &format!("x: {{y: {new}}}\n"));
        }
        let review = tree.gather();
        let mut decisions = Decisions::default();
        for (number, (_, _, accept)) in texts.iter().enumerate() {
            let decision = if *accept { ChangeDecision::Accept } else { ChangeDecision::Reject };
            decisions.matching(&review, &format!("talk/s{number}/after.snap"), decision);
        }
        carry_out(&review, &decisions, false, false).expect("writable");
        for (number, (old, new, accept)) in texts.iter().enumerate() {
            let expected = if *accept { new } else { old };
            prop_assert_eq!(tree.stored(&format!("s{number}")), Some(format!("x: {{y: {expected}}}\n")));
        }
        prop_assert!(tree.gather().pending.is_empty());
    }
}

#[test]
fn one_shape_in_several_places_is_told_above_what_stands_first_and_taken_only_when_asked_for() {
    let tree = Tree::new();
    let told = |people: &[Value], text: &str| json!({ "alice": { "state": { "room": { "people": people } }, "frames": { "list": [{ "people": people, "text": text }] } } });
    let old = text(&told(&[person("alice"), person("bob")], "a"));
    let strings = [json!("[alice]"), json!("[bob]")];
    for number in 0..3 {
        tree.pending(&format!("story_{number}"), Some(&old), &text(&told(&strings, "a")));
    }
    tree.pending("story_other", Some(&old), &text(&told(&strings, "b")));
    let mut review = tree.gather();
    assert_eq!(review.groups.len(), 3, "{:?}", review.groups);
    let shown = list_text(&review, Paint::new(false));
    insta::assert_snapshot!("shared_shape", shown);
    // The outlier is still the first change, and belongs to no family.
    let mut session = ReviewSession::new(&review);
    insta::assert_snapshot!("the_outlier", screen_text(&mut session, 40, 100, Paint::new(false)));
    session.press(ReviewKey::Next);
    insta::assert_snapshot!("one_of_a_shared_shape", screen_text(&mut session, 40, 100, Paint::new(false)));
    session.press(ReviewKey::AcceptAll);
    assert!(!session.decisions.decided(&review, 2), "all alike is one place alone");
    let pattern = review.families[0].pattern();
    assert_eq!(pattern, "shape *.people[] (object → string*");
    let mut decisions = Decisions::default();
    decisions.matching(&review, &pattern, ChangeDecision::Accept);
    let decided: Vec<bool> = (0..3).map(|group| decisions.decided(&review, group)).collect();
    assert_eq!(decided, [false, true, true]);
    // One place alone is no family.
    review.groups.pop();
    assert!(super::group::families(&review.groups).is_empty());
}
