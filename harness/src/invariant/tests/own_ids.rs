//! One sending under the sender's own id is one delivery.

use serde_json::{Value, json};

use super::{evidence, outcome, story};
use crate::history::ConnectionId;
use crate::invariant::Judgement;
use crate::invariant::simulator::Chat;
use crate::scenario::stream::Invariant;

const ALICE: ConnectionId = ConnectionId(0);
const BOB: ConnectionId = ConnectionId(1);

fn message(client: &str, id: &str, order: i64) -> Value {
    let message = json!({ "message_id": id, "sequence_id": order, "client_message_id": client });
    json!({ "type": "message", "conversation_id": "conv_1", "message": message })
}

fn ack(client: &str, id: &str, order: i64) -> Value {
    json!({ "type": "message_ack", "message_id": id, "client_message_id": client, "sequence_id": order, "duplicate": false })
}

fn headline(chat: &Chat) -> String {
    evidence(outcome(chat, Invariant::NoDuplicates)).headline
}

fn holds(chat: &Chat) {
    let outcome = outcome(chat, Invariant::NoDuplicates);
    assert!(matches!(outcome, Judgement::Holds { .. }), "{outcome:?}");
}

#[test]
fn a_message_that_was_stored_twice_is_a_duplicate() {
    let mut chat = story();
    chat.sent("alice", ALICE, "m-1");
    chat.received("bob", BOB, message("m-1", "msg_a", 5));
    chat.sent("alice", ALICE, "m-1");
    chat.received("bob", BOB, message("m-1", "msg_b", 6));
    assert_eq!(headline(&chat), "bob got alice's m-1 twice, as 5 (msg_a) and as 6 (msg_b) (messages, connection main)");
}

#[test]
fn two_acks_of_one_id_name_one_message() {
    let mut chat = story();
    chat.sent("alice", ALICE, "m-1");
    chat.received("alice", ALICE, ack("m-1", "msg_a", 5));
    let mut elsewhere = story();
    elsewhere.connect("alice", "phone", None);
    elsewhere.sent("alice", ALICE, "m-1");
    elsewhere.received("alice", ALICE, ack("m-1", "msg_a", 5));
    holds(&chat);
    chat.received("alice", ALICE, ack("m-1", "msg_b", 6));
    assert_eq!(
        headline(&chat),
        "alice got its own m-1 twice, as 5 (msg_a) and as 6 (msg_b) (messages, connection main)"
    );
    let mut repeated = ack("m-1", "msg_a", 5);
    repeated["duplicate"] = json!(true);
    elsewhere.received("alice", ConnectionId(3), repeated);
    holds(&elsewhere);
    elsewhere.received("alice", ConnectionId(3), ack("m-1", "msg_b", 6));
    assert_eq!(
        headline(&elsewhere),
        "alice got two acks of its own m-1, as 5 (msg_a) on main and as 6 (msg_b) (messages, connection phone)"
    );
}

#[test]
fn an_id_of_several_senders_names_several_messages() {
    let mut chat = story();
    chat.sent("alice", ALICE, "m-1");
    chat.sent("bob", BOB, "m-1");
    chat.received("bob", BOB, message("m-1", "msg_a", 5));
    chat.received("bob", BOB, ack("m-1", "msg_b", 6));
    holds(&chat);
    // Once the acks tell whose is which, only the sender's own count.
    chat.received("alice", ALICE, ack("m-1", "msg_a", 5));
    chat.received("alice", ALICE, message("m-1", "msg_b", 6));
    holds(&chat);
}

#[test]
fn an_id_that_nobody_was_seen_to_send_tells_nothing() {
    let mut chat = story();
    chat.received("bob", BOB, message("m-1", "msg_a", 5));
    chat.received("bob", BOB, message("m-1", "msg_b", 6));
    holds(&chat);
}

#[test]
fn an_id_may_stand_once_in_each_stream() {
    let mut chat = story();
    chat.sent("alice", ALICE, "m-1");
    chat.received("bob", BOB, message("m-1", "msg_a", 5));
    let mut other = message("m-1", "msg_b", 1);
    other["conversation_id"] = json!("conv_2");
    chat.received("bob", BOB, other);
    holds(&chat);
}
