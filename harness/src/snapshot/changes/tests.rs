//! What changes are called.

#![expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::changes;
use crate::snapshot::changes::change::{Change, ChangeKind};
use crate::snapshot::render::render;
use crate::snapshot::tree::SnapshotNode;

fn text(value: &Value) -> String {
    render(&SnapshotNode::from(value))
}

fn between(old: &Value, new: &Value) -> Vec<Change> {
    changes(Some(&text(old)), &text(new))
}

#[track_caller]
fn told(old: &Value, new: &Value, expected: &[&str]) {
    let meanings: Vec<String> = between(old, new).into_iter().map(|change| change.meaning).collect();
    assert_eq!(meanings, expected);
}

fn person(key: &str) -> Value {
    json!({ "displayName": key.to_uppercase(), "participantId": format!("[{key}]"), "isOnline": true })
}

/// A snapshot of alice and bob, in which alice is told `answer` and got `messages` and `frames`.
fn whole(answer: Value, messages: Value, frames: Value) -> Value {
    json!({
        "alice": { "state": { "room": answer }, "messages": messages, "frames": frames },
        "bob": { "state": { "room": { "size": 1 } } },
    })
}

fn state(old: Value, new: Value, expected: &[&str]) {
    told(&whole(old, json!([]), json!({})), &whole(new, json!([]), json!({})), expected);
}

fn stream(old: Value, new: Value, expected: &[&str]) {
    told(&whole(json!({}), old, json!({})), &whole(json!({}), new, json!({})), expected);
}

fn frames(old: Value, new: Value, expected: &[&str]) {
    told(&whole(json!({}), json!([]), old), &whole(json!({}), json!([]), new), expected);
}

fn message(order: i64, content: &str) -> Value {
    json!({ format!("message {order}"): { "content": content, "order": order, "from": { "id": format!("[bob.msg.{order}]") } } })
}

#[test]
fn members_of_a_list_are_known_by_who_they_are() {
    let people = |keys: &[&str]| json!({ "people": keys.iter().map(|key| person(key)).collect::<Vec<_>>() });
    state(people(&["alice", "bob"]), people(&["alice"]), &["bob is no longer in room.people for alice"]);
    state(people(&["alice"]), people(&["bob", "alice"]), &["bob is new in room.people for alice"]);
    state(people(&["alice", "bob"]), people(&["bob", "alice"]), &["room.people has another order for alice"]);
    let mut away = people(&["alice", "bob"]);
    away["people"][1]["isOnline"] = json!(false);
    state(people(&["alice", "bob"]), away, &["room.people[bob].isOnline changed from true to false for alice"]);
    state(json!({ "tags": ["a", "b"] }), json!({ "tags": ["b"] }), &["a is no longer in room.tags for alice"]);
}

#[test]
fn an_element_in_another_shape_is_the_same_element() {
    let old = json!({ "people": [person("alice"), person("bob")] });
    for string in ["[bob]", "bob", "BOB"] {
        let new = json!({ "people": [person("alice"), string] });
        state(old.clone(), new, &["room.people[1] (bob) became a string for alice, it was an object"]);
    }
}

#[test]
fn fields_and_values_are_told_with_their_place() {
    state(
        json!({ "a": 1, "b": "x", "c": null }),
        json!({ "a": 2, "c": null, "d": [] }),
        &[
            "room.a changed from 1 to 2 for alice",
            "room.d is a new field for alice: []",
            r#"room.b is gone for alice, it was "x""#,
        ],
    );
    let refused = json!({ "answer": { "code": "NOT_FOUND" }, "status": 404 });
    state(json!({ "a": 1 }), refused.clone(), &["room is answered with status 404 for alice"]);
    state(refused, json!({ "a": 1 }), &["room is answered for alice, it was refused with status 404"]);
}

#[test]
fn deliveries_are_missing_come_twice_and_change_places() {
    let (a, b, c) = (message(1, "a"), message(2, "b"), message(3, "c"));
    stream(json!([a, b, c]), json!([a, c]), &["message 2 is missing in alice's inbox"]);
    stream(json!([a, b]), json!([a, b, c]), &["message 3 is new in alice's inbox"]);
    stream(json!([a, b]), json!([a, b, b]), &["alice got message 2 twice"]);
    // The same message once more, under another number; another message of the same text is a new one.
    let again = json!({ "message 3": { "content": "b", "order": 3, "from": { "id": "[bob.msg.2]" } } });
    stream(json!([a, b]), json!([a, b, again]), &["alice got message 2 twice, again as message 3"]);
    stream(json!([a, b]), json!([a, b, message(3, "b")]), &["message 3 is new in alice's inbox"]);
    stream(json!([a, b]), json!([]), &["all 2 deliveries of messages are missing in alice's inbox"]);
    let swapped = [
        json!({ "message 2": { "content": "c", "order": 2, "from": { "id": "[bob.msg.3]" } } }),
        json!({ "message 3": { "content": "b", "order": 3, "from": { "id": "[bob.msg.2]" } } }),
    ];
    stream(json!([a, b, c]), json!([a, swapped[0], swapped[1]]), &["message 2 and message 3 changed places for alice"]);
    // Everything behind a message that was never stored has other numbers, and so have ids.
    stream(
        json!([a, b, c]),
        json!([a, message(2, "c")]),
        &["message 3 is message 2 now for alice", "message 2 is missing in alice's inbox"],
    );
    let mut other = b.clone();
    other["message 2"]["content"] = json!(7);
    stream(json!([a, b]), json!([a, other]), &["content of message 2 became a number for alice, it was a string"]);
    let phone = |name: &str| json!([{ (format!("message 1 ({name})")): { "content": "a" } }]);
    stream(phone("phone + tv"), phone("tv"), &["message 1 came on tv for alice, it was on phone + tv"]);
}

#[test]
fn frames_are_counted_by_kind() {
    let left = json!({ "who": "[bob]" });
    frames(json!({ "left": [left] }), json!({ "left": [left, left] }), &["alice got left twice"]);
    frames(json!({ "left": [left, left] }), json!({ "left": [left] }), &["alice got left once instead of twice"]);
    frames(json!({ "left": [left] }), json!({}), &["left is missing in alice's inbox"]);
    frames(json!({}), json!({ "left": [left] }), &["left is new in alice's inbox"]);
    let joined = json!({ "who": "[alice]", "count": 2 });
    frames(
        json!({ "left": [left, joined] }),
        json!({ "left": [joined, left] }),
        &["left frames came in another order for alice"],
    );
    let with = json!({ "who": "[bob]", "why": "tired" });
    frames(json!({ "left": [left] }), json!({ "left": [with] }), &["why of left is a new field for alice: \"tired\""]);
}

#[test]
fn participants_come_and_go() {
    let (two, one) = (json!({ "a": { "x": [] }, "b": { "x": [] } }), json!({ "a": { "x": [] } }));
    told(&two, &one, &["b is no longer in the snapshot"]);
    told(&one, &two, &["b is new in the snapshot"]);
}

#[test]
fn one_cause_has_one_fingerprint_whoever_is_told() {
    let snapshot = |person: &dyn Fn(&str) -> Value| {
        let people = ["alice", "bob"].map(person);
        let answer = json!({ "people": people });
        json!({ "alice": { "state": { "room": answer } }, "bob": { "state": { "room": answer } } })
    };
    let found = between(&snapshot(&person), &snapshot(&|key| json!(format!("[{key}]"))));
    assert_eq!(found.len(), 4);
    let prints: std::collections::BTreeSet<String> =
        found.iter().map(|change| change.fingerprint.to_string()).collect();
    assert_eq!(prints.into_iter().collect::<Vec<_>>(), ["shape state.room.people[] (object → string)"]);
}

#[test]
fn a_whole_that_has_no_tree_is_one_change() {
    let kind = |old: Option<&str>, new: &str| changes(old, new).first().map(|change| change.fingerprint.kind);
    assert_eq!(kind(None, "a: {}\n"), Some(ChangeKind::NewSnapshot));
    assert_eq!(kind(Some("a: [\n"), "a: {}\n"), Some(ChangeKind::Unreadable));
    assert_eq!(kind(Some("a:   {}\n"), "a: {}\n"), Some(ChangeKind::Layout));
    assert_eq!(kind(Some("a: {}\n"), "a: {}\n"), None);
}

#[test]
fn lines_show_one_change_alone() {
    let old = whole(json!({ "a": 1, "people": [person("alice"), person("bob")] }), json!([]), json!({}));
    let new = whole(json!({ "a": 2, "people": [person("alice")] }), json!([]), json!({}));
    let lines: Vec<String> =
        between(&old, &new).iter().flat_map(Change::lines).map(|line| line.without_colour()).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    @@ alice.state.room.a @@
    -a: 1
    +a: 2
     people:
       - {displayName: ALICE, isOnline: true, participantId: "[alice]"}
       - {displayName: BOB, isOnline: true, participantId: "[bob]"}
    @@ alice.state.room.people[1] @@
     - {displayName: ALICE, isOnline: true, participantId: "[alice]"}
    -- {displayName: BOB, isOnline: true, participantId: "[bob]"}
    "#);
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3_i64).prop_map(Value::from),
        "[ab]|\\[a\\]|\\[a\\.m\\.[12]\\]".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("state|frames|id|a|message [123]", inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever differs is told, and nothing else.
    #[test]
    fn what_differs_is_told(old in tree(), new in tree()) {
        let found = between(&old, &new);
        prop_assert_eq!(found.is_empty(), text(&old) == text(&new));
        if text(&old) != text(&new) {
            prop_assert!(found.iter().all(|change| change.fingerprint.kind != ChangeKind::Layout), "{:?}", found);
        }
    }
}
