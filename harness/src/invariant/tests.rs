//! Each outcome on a small history.

mod own_ids;
mod reach;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::history::{ConnectionId, EntryKind, History, Payload};
use crate::invariant::simulator::{Chat, members, messages};
use crate::invariant::{Evidence, Judgement, judge};
use crate::scenario::stream::{Invariant, StoredStream, Stream};

pub(crate) const KEYS: [&str; 4] = ["alice", "bob", "carol", "mallory"];

fn verdict(history: &History, stored: &[StoredStream], stream: &Stream, which: Invariant) -> Judgement {
    let all: Vec<Invariant> = Invariant::ALL.iter().map(|(invariant, ..)| *invariant).collect();
    let verdicts = judge(history, &members(&KEYS), std::slice::from_ref(stream), stored, &all);
    verdicts.into_iter().find(|verdict| verdict.invariant == which).expect("an asked invariant").outcome
}

pub(crate) fn outcome(chat: &Chat, which: Invariant) -> Judgement {
    verdict(&chat.history, &chat.stored(), &messages(), which)
}

fn evidence(outcome: Judgement) -> Evidence {
    match outcome {
        Judgement::Violated(evidence) => evidence,
        other => panic!("not violated: {other:?}"),
    }
}

pub(crate) fn held(judged: usize) -> Judgement {
    Judgement::Holds { judged: judged.try_into().expect("more than nothing") }
}

fn why(outcome: Judgement) -> String {
    match outcome {
        Judgement::Unknown { why } => why,
        other => panic!("not unknown: {other:?}"),
    }
}

/// Three members with a connection each; everybody said something.
fn story() -> Chat {
    let mut chat = Chat::new();
    chat.join("alice").join("bob").join("carol");
    chat.connect("alice", "main", None).connect("bob", "main", None).connect("carol", "phone", None);
    chat.say("alice", "one").say("bob", "two").say("alice", "three").post("carol", "four");
    chat
}

/// Indices of a participant's deliveries (without acks), and their orders.
pub(crate) fn deliveries(history: &History, who: &str) -> Vec<(usize, i64)> {
    let order = |what: &EntryKind| match what {
        EntryKind::Received { frame: Payload::Json(frame), .. } => frame.pointer("/message/sequence_id")?.as_i64(),
        _ => None,
    };
    let own = history.entries.iter().enumerate().filter(|(_, entry)| entry.participant == who);
    own.filter_map(|(index, entry)| Some((index, order(&entry.what)?))).collect()
}

pub(crate) fn frame_mut(history: &mut History, index: usize) -> &mut Value {
    match &mut history.entries[index].what {
        EntryKind::Received { frame: Payload::Json(frame), .. } => Arc::make_mut(frame),
        other => panic!("no frame: {other:?}"),
    }
}

/// Exchanges two frames of one connection; their times stay where they are.
pub(crate) fn swap(history: &mut History, one: usize, other: usize) {
    let taken = frame_mut(history, one).clone();
    let moved = std::mem::replace(frame_mut(history, other), taken);
    *frame_mut(history, one) = moved;
}

#[test]
fn a_correct_record_holds() {
    let chat = story();
    for (invariant, judged) in [
        (Invariant::SameOrder, 12),
        (Invariant::NoDuplicates, 12),
        (Invariant::NoGaps, 12),
        (Invariant::MembersOnly, 12),
        (Invariant::AckedNotLost, 4),
    ] {
        assert_eq!(outcome(&chat, invariant), held(judged), "{invariant:?}");
    }
    assert_eq!(
        why(outcome(&chat, Invariant::ReachesAll)),
        "no `echo` barrier was answered, and only its answer shows that everything before it had come"
    );
}

#[test]
fn an_order_of_another_type_is_a_violation() {
    for (wrong, of) in [(json!("3"), r#""3""#), (json!(2.5), "2.5"), (json!(null), "null")] {
        let mut chat = story();
        let own = deliveries(&chat.history, "carol");
        frame_mut(&mut chat.history, own[2].0)["message"]["sequence_id"] = wrong;
        for invariant in [Invariant::SameOrder, Invariant::NoGaps] {
            assert_eq!(
                evidence(outcome(&chat, invariant)).headline,
                format!("carol got a delivery with the order {of}, which is no integer (messages, connection phone)")
            );
        }
    }
    // However an integer is written it is one; where there is no value, nobody knows its place.
    let mut chat = story();
    let own = deliveries(&chat.history, "carol");
    frame_mut(&mut chat.history, own[2].0)["message"]["sequence_id"] = json!(3.0);
    assert_eq!(outcome(&chat, Invariant::SameOrder), held(12));
    frame_mut(&mut chat.history, own[2].0)["message"] = json!({ "message_id": "msg_000000000003" });
    assert!(why(outcome(&chat, Invariant::SameOrder)).starts_with("a delivery to carol has no integer for its order"));
}

#[test]
fn nothing_said_asks_nothing() {
    for (invariant, ..) in Invariant::ALL {
        assert_eq!(verdict(&History::default(), &[], &messages(), invariant), Judgement::NotAsked);
    }
}

#[test]
fn disorder_names_both_places() {
    let mut chat = story();
    let own = deliveries(&chat.history, "carol");
    swap(&mut chat.history, own[1].0, own[2].0);
    let evidence = evidence(outcome(&chat, Invariant::SameOrder));
    assert_eq!(evidence.headline, "carol got 3 before 2 (messages, connection phone)");
    assert_eq!(evidence.entries.iter().map(|mention| mention.index).collect::<Vec<_>>(), [own[1].0, own[2].0]);
    assert_eq!(evidence.connection, Some(ConnectionId(2)));
    assert_eq!(outcome(&chat, Invariant::NoDuplicates), held(12));
}

#[test]
fn disorder_tells_acks_apart() {
    let mut chat = story();
    let acks = |history: &History| -> Vec<usize> {
        let own = history.entries.iter().enumerate().filter(|(_, entry)| entry.participant == "alice");
        let ack = own.filter(|(_, entry)| match &entry.what {
            EntryKind::Received { frame, .. } => frame.value()["type"] == "message_ack",
            _ => false,
        });
        ack.map(|(index, _)| index).collect()
    };
    let (message, ack) = (deliveries(&chat.history, "alice")[0].0, acks(&chat.history)[1]);
    swap(&mut chat.history, message, ack);
    let headline = evidence(outcome(&chat, Invariant::SameOrder)).headline;
    assert_eq!(headline, "alice got its ack of 3 before 2 (messages, connection main)");
    let first = acks(&chat.history)[0];
    swap(&mut chat.history, message, ack);
    swap(&mut chat.history, first, message);
    let headline = evidence(outcome(&chat, Invariant::SameOrder)).headline;
    assert_eq!(headline, "alice got 2 before its ack of 1 (messages, connection main)");
}

#[test]
fn an_id_stands_at_one_place_for_everybody() {
    let mut chat = story();
    let own = deliveries(&chat.history, "bob");
    frame_mut(&mut chat.history, own[0].0)["message"]["message_id"] = json!("msg_ffffffffffff");
    let evidence = evidence(outcome(&chat, Invariant::SameOrder));
    assert_eq!(
        evidence.headline,
        "bob has msg_ffffffffffff at 1, alice has msg_000000000001 there (messages, connection main)"
    );
}

#[test]
fn a_repeat_is_a_duplicate_and_counts_as_disorder_only_where_duplicates_are_not_asked() {
    let mut chat = story();
    let own = deliveries(&chat.history, "bob");
    let again = chat.history.entries[own[0].0].clone();
    chat.history.entries.push(again);
    let evidence = evidence(outcome(&chat, Invariant::NoDuplicates));
    assert_eq!(evidence.headline, "bob got 1 (msg_000000000001) twice (messages, connection main)");
    assert_eq!(outcome(&chat, Invariant::SameOrder), held(13));
    let alone = judge(&chat.history, &members(&KEYS), &[messages()], &[], &[Invariant::SameOrder]);
    assert!(matches!(alone[0].outcome, Judgement::Violated(_)));
}

#[test]
fn a_gap_tells_who_got_it() {
    let mut chat = story();
    let own = deliveries(&chat.history, "carol");
    chat.history.entries.remove(own[1].0);
    let evidence = evidence(outcome(&chat, Invariant::NoGaps));
    assert_eq!(
        evidence.headline,
        "carol never got 2, which lies between 1 and 3 (messages, connection phone); alice and bob got it"
    );
}

#[test]
fn a_gap_that_nobody_got_tells_what_the_server_has() {
    let mut chat = story();
    for entry in &mut chat.history.entries {
        if let EntryKind::Received { frame: Payload::Json(frame), .. } = &mut entry.what
            && (frame["sequence_id"] == 2 || frame["message"]["sequence_id"] == 2)
        {
            *Arc::make_mut(frame) = json!({ "type": "lost" });
        }
    }
    let told = |stored: &[StoredStream]| {
        let headline = evidence(verdict(&chat.history, stored, &messages(), Invariant::NoGaps)).headline;
        headline.split_once("); ").map(|(_, told)| told.to_owned()).expect("who got it")
    };
    assert_eq!(told(&[]), "nobody got it");
    assert_eq!(told(&chat.stored()), "nobody got it; the log has it (msg_000000000002)");
    let mut skipping = chat.stored();
    if let Ok(items) = &mut skipping[0].items {
        items.remove(1);
    }
    assert_eq!(told(&skipping), "nobody got it, and the log skips it too");
    skipping[0].items = Err("404".to_owned());
    assert_eq!(told(&skipping), "nobody got it");
}

#[test]
fn another_connection_fills_a_gap_but_not_that_of_a_resumed_one() {
    let mut chat = story();
    chat.connect("carol", "laptop", Some(1));
    let own = deliveries(&chat.history, "carol");
    let lost: Vec<usize> = own.iter().filter(|(_, order)| *order == 2).map(|(index, _)| *index).collect();
    let mut without_first = chat.history.clone();
    without_first.entries.remove(lost[0]);
    let holds = verdict(&without_first, &chat.stored(), &messages(), Invariant::NoGaps);
    assert_eq!(holds, held(14));
    let third: Vec<usize> = own.iter().filter(|(_, order)| *order == 3).map(|(index, _)| *index).collect();
    let mut with_hole = chat.history.clone();
    with_hole.entries.remove(third[1]);
    let hole = evidence(verdict(&with_hole, &chat.stored(), &messages(), Invariant::NoGaps));
    assert_eq!(
        hole.headline,
        "carol resumed after 1 and did not get 3 there, which lies between 2 and 4 (messages, connection laptop); alice and bob got it"
    );
    chat.history.entries.remove(lost[1]);
    let evidence = evidence(outcome(&chat, Invariant::NoGaps));
    assert_eq!(
        evidence.headline,
        "carol resumed after 1 but the connection began with 3 instead of 2 (messages, connection laptop)"
    );
}

#[test]
fn an_ack_that_names_no_stream_is_placed_by_its_connection_or_not_at_all() {
    let mut chat = story();
    chat.say("alice", "five");
    let mut stream = messages();
    stream.connection = None;
    // The only stream seen on the connection is taken.
    assert_eq!(verdict(&chat.history, &chat.stored(), &stream, Invariant::NoGaps), held(15));
    // With two of them nobody can tell, and an ack is no gap for that.
    let own = deliveries(&chat.history, "alice");
    frame_mut(&mut chat.history, own[0].0)["conversation_id"] = json!("conv_2");
    let why = why(verdict(&chat.history, &chat.stored(), &stream, Invariant::NoGaps));
    assert_eq!(why, "nothing tells to which stream 1 (msg_000000000001) of alice belongs (entry 10)");
}

#[test]
fn who_left_gets_nothing_that_was_sent_later() {
    let mut chat = story();
    let (connection, _) = chat.open()[2].clone();
    chat.leave("carol").say("alice", "secret");
    let frame = chat.history.entries.iter().rev().find_map(|entry| match &entry.what {
        EntryKind::Received { frame: Payload::Json(frame), .. } if frame["type"] == "message" => {
            Some(Value::clone(frame))
        }
        _ => None,
    });
    assert_eq!(outcome(&chat, Invariant::MembersOnly), held(14));
    chat.received("carol", connection, frame.expect("bob got it"));
    let evidence = evidence(outcome(&chat, Invariant::MembersOnly));
    assert_eq!(
        evidence.headline,
        "carol got 5 (msg_000000000005) 4.0 ms after the leave was answered (messages, connection phone)"
    );
    assert_eq!(evidence.entries.len(), 3);
    assert_eq!(evidence.details.last().map(String::as_str), Some("alice sent it 1.0 ms after the answer"));
}

#[test]
fn what_was_on_its_way_at_the_leave_is_allowed_and_what_cannot_be_traced_is_unknown() {
    let mut chat = story();
    let (connection, _) = chat.open()[2].clone();
    let own = deliveries(&chat.history, "carol");
    let earlier = frame_mut(&mut chat.history, own[0].0).clone();
    chat.leave("carol");
    chat.received("carol", connection, earlier);
    assert_eq!(outcome(&chat, Invariant::MembersOnly), held(13));
    chat.received(
        "carol",
        connection,
        json!({ "type": "message", "conversation_id": "conv_1", "message": { "message_id": "msg_x", "sequence_id": 5 } }),
    );
    let why = why(outcome(&chat, Invariant::MembersOnly));
    assert_eq!(
        why,
        format!(
            "carol got 5 (msg_x) after the leave was answered, and its sending was not seen (entry {})",
            chat.history.entries.len() - 1
        )
    );
}

#[test]
fn a_step_that_began_before_the_leave_may_still_deliver() {
    let mut chat = story();
    let (connection, _) = chat.open()[2].clone();
    chat.leave("carol").say("alice", "racing");
    let frame = deliveries(&chat.history, "bob").last().map(|(index, _)| *index).expect("bob got it");
    let frame = frame_mut(&mut chat.history, frame).clone();
    chat.received("carol", connection, frame);
    assert!(matches!(outcome(&chat, Invariant::MembersOnly), Judgement::Violated(_)));
    // The same history, but the sending step ran in parallel to the leave.
    let last = *chat.history.step_began.keys().last().expect("steps");
    let leave = chat.history.step_began[&(last - 1)];
    chat.history.step_began.insert(last, leave);
    assert_eq!(outcome(&chat, Invariant::MembersOnly), held(15));
}

#[test]
fn who_never_joined_gets_nothing() {
    let mut chat = story();
    let own = deliveries(&chat.history, "bob");
    let frame = frame_mut(&mut chat.history, own[0].0).clone();
    chat.received("mallory", ConnectionId(9), frame);
    let evidence = evidence(outcome(&chat, Invariant::MembersOnly));
    assert_eq!(evidence.headline, "mallory got 1 (msg_000000000001) without ever joining (messages, connection ?)");
    let mut stream = messages();
    stream.membership = None;
    assert_eq!(
        why(verdict(&chat.history, &[], &stream, Invariant::MembersOnly)),
        "the protocol declares no membership of this stream"
    );
}

#[test]
fn rejoining_makes_a_new_span() {
    let mut chat = story();
    chat.leave("carol").say("alice", "while away").join("carol").connect("carol", "phone", None).say("bob", "hello");
    for (invariant, ..) in Invariant::ALL {
        let outcome = outcome(&chat, invariant);
        let fits = match invariant {
            Invariant::ReachesAll => matches!(outcome, Judgement::Unknown { .. }),
            _ => matches!(outcome, Judgement::Holds { .. }),
        };
        assert!(fits, "{invariant:?}: {outcome:?}");
    }
}

#[test]
fn acked_is_stored_once_at_its_place() {
    let chat = story();
    type Items = Vec<(String, i64)>;
    let of = |change: &dyn Fn(&mut Items)| {
        let mut items = chat.log.clone();
        change(&mut items);
        let stored = [StoredStream { name: "messages".to_owned(), stream: "conv_1".to_owned(), items: Ok(items) }];
        evidence(verdict(&chat.history, &stored, &messages(), Invariant::AckedNotLost)).headline
    };
    let lost = of(&|items| drop(items.remove(1)));
    assert_eq!(
        lost,
        "bob's 2 (msg_000000000002) was acknowledged and is not in the stream that was read back (messages, connection main)"
    );
    let answer = of(&|items| drop(items.remove(3)));
    assert_eq!(
        answer,
        "carol's 4 (msg_000000000004) was acknowledged and is not in the stream that was read back (messages)"
    );
    let twice = of(&|items| items.push(items[0].clone()));
    assert_eq!(
        twice,
        "alice's 1 (msg_000000000001) was acknowledged once and is stored 2 times (messages, connection main)"
    );
    let moved = of(&|items| items[0].1 = 9);
    assert_eq!(moved, "alice's msg_000000000001 was acknowledged at 1 and is stored at 9 (messages, connection main)");
}

#[test]
fn what_was_not_read_back_is_unknown() {
    let chat = story();
    let stored =
        StoredStream { name: "messages".to_owned(), stream: "conv_1".to_owned(), items: Err("404".to_owned()) };
    let failed = why(verdict(&chat.history, &[stored], &messages(), Invariant::AckedNotLost));
    assert_eq!(failed, "conv_1 could not be read back: 404");
    assert_eq!(why(verdict(&chat.history, &[], &messages(), Invariant::AckedNotLost)), "conv_1 was not read back");
    let mut stream = messages();
    stream.readback = None;
    let undeclared = why(verdict(&chat.history, &[], &stream, Invariant::AckedNotLost));
    assert_eq!(undeclared, "the protocol declares no readback of this stream");
}
