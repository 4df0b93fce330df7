//! Changes of shape are found and told first; the lines follow.

use serde_json::{Value, json};

use crate::snapshot::diff_lines;
use crate::snapshot::render::render;
use crate::snapshot::tree::SnapshotNode;
use crate::text::diff::{DiffKind, DiffLine};

fn text(value: &Value) -> String {
    render(&SnapshotNode::from(value))
}

fn shapes(old: &Value, new: &Value) -> Vec<String> {
    let lines = diff_lines(&text(old), &text(new));
    lines.into_iter().filter(|line| line.kind == DiffKind::Shape).map(|line| line.text).collect()
}

fn person(name: &str) -> Value {
    json!({ "displayName": name, "participantId": format!("[{name}]"), "type": "human", "isOnline": true })
}

#[test]
fn an_object_that_became_a_string_stands_above_the_diff() {
    let old = json!({ "alice": { "state": { "conversation": { "participants": [person("alice"), person("bob")] } } } });
    let new = json!({ "alice": { "state": { "conversation": { "participants": [person("alice"), "bob"] } } } });
    let lines = diff_lines(&text(&old), &text(&new));
    let told = DiffLine {
        kind: DiffKind::Shape,
        text: "alice.state.conversation.participants[1]: an object became a string".to_owned(),
    };
    assert_eq!(lines[0], told);
    insta::assert_snapshot!(lines.iter().map(DiffLine::without_colour).collect::<Vec<_>>().join("\n"), @r#"
    ! alice.state.conversation.participants[1]: an object became a string
    @@ -3,4 +3,4 @@
         conversation:
           participants:
             - {displayName: alice, isOnline: true, participantId: "[alice]", type: human}
    -        - {displayName: bob, isOnline: true, participantId: "[bob]", type: human}
    +        - bob
    "#);
}

#[test]
fn keys_that_come_and_go_are_told() {
    let told = shapes(&json!({ "a": { "x": 1, "y": null } }), &json!({ "a": { "y": 2, "z": [] } }));
    assert_eq!(told, ["a.y: null became a number", "a: new key z", "a: key x is gone"]);
}

#[test]
fn a_change_of_a_value_is_no_change_of_shape() {
    assert_eq!(shapes(&json!({ "a": [1, "x", { "b": true }] }), &json!({ "a": [2, "y", { "b": false }] })), [""; 0]);
    assert_eq!(diff_lines("a: 1\n", "a: 1\n"), []);
}

#[test]
fn an_inserted_element_does_not_shift_the_others() {
    let message = |order: i64, content: &str| json!({ (format!("message {order}")): { "content": content, "sequence_id": order, "sender": { "id": content } } });
    let old = json!({ "bob": { "messages": [message(1, "a"), message(2, "b"), message(3, "c")] } });
    let mut last = message(4, "c");
    last["message 4"]["sender"] = json!("c");
    let new = json!({ "bob": { "messages": [message(1, "a"), json!({ "message_ack 2": { "sequence_id": "2" } }), message(3, "b"), last] } });
    assert_eq!(shapes(&old, &new), ["bob.messages[message 4].sender: an object became a string"]);
}

#[test]
fn the_same_change_for_everybody_is_told_once() {
    let old = json!({ "alice": { "state": [person("alice")] }, "bob": { "state": [person("alice")] }, "carol": { "state": [person("x")] } });
    let new = json!({ "alice": { "state": ["alice"] }, "bob": { "state": ["alice"] }, "carol": { "state": ["x"] } });
    assert_eq!(shapes(&old, &new), ["alice.state[0]: an object became a string (and in 2 more places)"]);
}

#[test]
fn what_somebody_edited_by_hand_has_a_line_diff() {
    let lines = diff_lines("a: [\n", "a: []\n");
    assert_eq!(lines.iter().map(DiffLine::without_colour).collect::<Vec<_>>(), ["@@ -1 +1 @@", "-a: [", "+a: []"]);
}

#[test]
fn long_lists_are_paired_too() {
    let old: Vec<Value> = (0..500).map(|place| json!({ "a": place, "b": "x" })).collect();
    let mut new: Vec<Value> = (0..500).map(|place| json!({ "a": place, "b": "y" })).collect();
    new[250] = json!("y");
    assert_eq!(shapes(&Value::from(old), &Value::from(new)), ["[250]: an object became a string"]);
}
