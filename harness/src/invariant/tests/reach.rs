//! What was acknowledged before a barrier is there before its answer.

use serde_json::{Value, json};

use super::{deliveries, evidence, frame_mut, held, outcome, story, verdict, why};
use crate::history::{ConnectionId, EntryKind};
use crate::invariant::simulator::{Chat, members, messages, path, pattern};
use crate::invariant::trace::StreamTrace;
use crate::invariant::{Judgement, judge_all};
use crate::scenario::stream::{Invariant, Membership, Send, Stream};

const BOB: ConnectionId = ConnectionId(1);
const CAROL: ConnectionId = ConnectionId(2);

fn reach(chat: &Chat) -> Judgement {
    outcome(chat, Invariant::ReachesAll)
}

fn lose(chat: &mut Chat, who: &str, order: i64) -> (usize, Value) {
    let own = deliveries(&chat.history, who);
    let (index, _) = *own.iter().rev().find(|(_, own)| *own == order).expect("a delivery");
    let frame = frame_mut(&mut chat.history, index);
    (index, std::mem::replace(frame, json!({ "type": "lost" })))
}

#[test]
fn a_delivery_behind_the_answer_tells_how_late_it_was() {
    let mut chat = story();
    chat.settle();
    assert_eq!(reach(&chat), held(12));
    let (_, frame) = lose(&mut chat, "bob", 3);
    chat.received("bob", BOB, frame);
    let evidence = evidence(reach(&chat));
    assert_eq!(
        evidence.headline,
        "bob got 3 (msg_000000000003) 3.0 ms behind the answer to a barrier that was asked after alice had its ack \
         (messages, connection main): the server answers before it has delivered"
    );
    assert_eq!((evidence.participant.as_str(), evidence.connection), ("bob", Some(BOB)));
    let told: Vec<&str> =
        evidence.details.iter().filter_map(|line| line.split_once(": ")).map(|(_, line)| line).collect();
    assert_eq!(
        told,
        [
            r#"alice got {"client_message_id":"00000003-0000-4000-8000-000000000000","duplicate":false,"message_id":"msg_000000000003","sequence_id":3,"type":"message_ack"}"#,
            r#"bob sent {"type":"ping"}"#,
            r#"bob got {"type":"pong"}"#,
            r#"bob got {"conversation_id":"conv_1","message":{"client_message_id":"00000003-0000-4000-8000-000000000000","content":"three","message_id":"msg_000000000003","sender_id":…"#,
        ]
    );
}

#[test]
fn the_last_delivery_is_judged_too() {
    let mut chat = story();
    chat.settle();
    lose(&mut chat, "bob", 4);
    assert!(matches!(outcome(&chat, Invariant::NoGaps), Judgement::Holds { .. }));
    let posted = evidence(reach(&chat));
    assert_eq!(
        posted.headline,
        "bob never got 4 (msg_000000000004), which carol had acknowledged before bob's barrier was asked and \
         answered (messages, connection main); alice got it"
    );
    assert_eq!(posted.entries.len(), 3);
    lose(&mut chat, "alice", 4);
    assert_eq!(
        evidence(reach(&chat)).headline,
        "alice never got 4 (msg_000000000004), which carol had acknowledged before alice's barrier was asked and answered (messages, connection main); nobody else got it"
    );
}

#[test]
fn a_connection_that_never_got_anything_owes_what_was_sent_after_its_handshake() {
    let mut chat = Chat::new();
    chat.join("alice").join("bob").connect("alice", "main", None).connect("bob", "main", None);
    chat.say("alice", "one").settle();
    let (lost, _) = lose(&mut chat, "bob", 1);
    assert_eq!(
        evidence(reach(&chat)).headline,
        "bob never got 1 (msg_000000000001), which alice had acknowledged before bob's barrier was asked and answered (messages, connection main); nobody else got it"
    );
    // With or without a frame that came before.
    chat.history.entries.retain(|entry| match &entry.what {
        EntryKind::Received { frame, .. } => entry.participant != "bob" || frame.value()["type"] != "connected",
        _ => true,
    });
    assert!(lost > 0);
    assert_eq!(evidence(reach(&chat)).participant, "bob");
}

#[test]
fn each_connection_of_a_member_is_judged() {
    let mut chat = Chat::new();
    chat.join("alice").join("bob").connect("alice", "main", None);
    chat.connect("bob", "main", None).connect("bob", "phone", None);
    chat.say("alice", "one").settle();
    assert_eq!(reach(&chat), held(3));
    lose(&mut chat, "bob", 1);
    assert!(evidence(reach(&chat)).headline.contains("(messages, connection phone)"), "{:?}", reach(&chat));
}

#[test]
fn a_connection_that_names_no_stream_owes_those_of_its_participant() {
    let mut chat = Chat::new();
    chat.join("alice").join("bob").connect("alice", "main", None).connect("bob", "main", None);
    chat.post("alice", "one").settle();
    let stream = Stream { connection: None, ..messages() };
    let judged = |chat: &Chat| verdict(&chat.history, &[], &stream, Invariant::ReachesAll);
    assert_eq!(judged(&chat), held(2));
    lose(&mut chat, "bob", 1);
    assert_eq!(evidence(judged(&chat)).participant, "bob");
}

/// The chat's stream where a sender gets the delivery as everybody does, and an ack beside it.
fn acks_and_echoes() -> Stream {
    let mut stream = messages();
    if let Some(acks) = &mut stream.acks {
        acks.delivers = false;
    }
    stream
}

#[test]
fn an_ack_that_is_no_delivery_stands_beside_it() {
    let mut chat = Chat::new();
    chat.join("alice").join("bob").connect("alice", "main", None).connect("bob", "main", None);
    chat.say("alice", "one");
    let (bob, _) = deliveries(&chat.history, "bob")[0];
    let echo = frame_mut(&mut chat.history, bob).clone();
    let judged = |chat: &Chat, which| verdict(&chat.history, &chat.stored(), &acks_and_echoes(), which);
    let mut without = chat;
    without.settle();
    assert_eq!(
        evidence(judged(&without, Invariant::ReachesAll)).headline,
        "alice never got 1 (msg_000000000001), which alice had acknowledged before alice's barrier was asked and answered (messages, connection main); bob got it"
    );
    let mut with = Chat::new();
    with.join("alice").join("bob").connect("alice", "main", None).connect("bob", "main", None);
    with.say("alice", "one");
    with.received("alice", ConnectionId(0), echo);
    with.settle();
    for (invariant, count) in [
        (Invariant::SameOrder, 2),
        (Invariant::NoDuplicates, 2),
        (Invariant::NoGaps, 2),
        (Invariant::ReachesAll, 2),
        (Invariant::MembersOnly, 2),
        (Invariant::AckedNotLost, 1),
    ] {
        assert_eq!(judged(&with, invariant), held(count), "{invariant:?}");
    }
    // Where an ack is a delivery the same record has one too many.
    assert!(matches!(outcome(&with, Invariant::NoDuplicates), Judgement::Violated(_)));
}

#[test]
fn where_every_acknowledgement_is_a_repeat_it_is_unknown() {
    let mut chat = story();
    for entry in &mut chat.history.entries {
        if let EntryKind::Received { frame, .. } = &mut entry.what {
            let mut value = Value::clone(&frame.value());
            if value["type"] == "message_ack" {
                value["duplicate"] = json!(true);
                *frame = crate::history::Payload::json(value);
            }
        }
    }
    chat.history.entries.retain(|entry| !matches!(&entry.what, EntryKind::Exchange(asked) if asked.method == "POST"));
    chat.settle();
    assert_eq!(why(reach(&chat)), "every acknowledgement that came is one of a repeated sending");
}

#[test]
fn what_was_sent_without_any_answer_is_unknown() {
    let mut chat = Chat::new();
    chat.join("alice").connect("alice", "main", None);
    chat.sent("alice", ConnectionId(0), "m-1");
    chat.settle();
    assert_eq!(why(reach(&chat)), "nothing that was sent was acknowledged");
    assert_eq!(why(outcome(&chat, Invariant::SameOrder)), "what was sent was neither acknowledged nor delivered");
}

#[test]
fn what_was_refused_is_no_sending() {
    let mut chat = Chat::new();
    chat.join("alice").join("bob").connect("alice", "main", None);
    chat.sent("alice", ConnectionId(0), "m-1");
    chat.received("alice", ConnectionId(0), json!({ "type": "error", "message_id": "m-1" }));
    chat.settle();
    for (invariant, ..) in Invariant::ALL {
        assert_eq!(outcome(&chat, invariant), Judgement::NotAsked, "{invariant:?}");
    }
    // One refusal is that of one sending, and of its sender's alone.
    chat.sent("alice", ConnectionId(0), "m-1");
    assert_eq!(why(reach(&chat)), "nothing that was sent was acknowledged");
    chat.received("bob", BOB, json!({ "type": "error", "message_id": "m-1" }));
    assert_eq!(why(reach(&chat)), "nothing that was sent was acknowledged");
    // An error of something else refuses nothing.
    chat.received("alice", ConnectionId(0), json!({ "type": "error" }));
    assert_eq!(why(reach(&chat)), "nothing that was sent was acknowledged");
    let undeclared = Stream {
        sends: vec![Send::Frame {
            frame: pattern(&json!({ "type": "message" })),
            client_id: path("$.message_id"),
            refused: None,
        }],
        ..messages()
    };
    let mut chat = Chat::new();
    chat.join("alice").connect("alice", "main", None);
    chat.sent("alice", ConnectionId(0), "m-1");
    chat.received("alice", ConnectionId(0), json!({ "type": "error", "message_id": "m-1" }));
    assert_eq!(
        why(verdict(&chat.history, &[], &undeclared, Invariant::ReachesAll)),
        "nothing that was sent was acknowledged"
    );
}

#[test]
fn what_was_sent_again_behind_a_refusal_was_sent_by_the_second() {
    let mut chat = Chat::new();
    chat.join("alice").join("bob").connect("alice", "main", None);
    chat.sent("alice", ConnectionId(0), "m-1");
    chat.received("alice", ConnectionId(0), json!({ "type": "error", "message_id": "m-1" }));
    chat.connect("bob", "main", None);
    let mut stream = messages();
    let told = |chat: &Chat, stream: &Stream| {
        let members = members(&["alice", "bob"]);
        let trace = StreamTrace::new(&chat.history, &members, stream);
        let ack = trace.sightings.iter().find(|sighting| sighting.acknowledges()).expect("an ack");
        trace.acknowledged(ack).expect("it was sent").entry
    };
    chat.sent("alice", ConnectionId(0), "m-1");
    let second = chat.history.entries.len() - 1;
    chat.received(
        "alice",
        ConnectionId(0),
        json!({ "type": "message_ack", "message_id": "msg_1", "sequence_id": 1, "client_message_id": "m-1" }),
    );
    assert_eq!(told(&chat, &stream), second);
    for send in &mut stream.sends {
        if let Send::Frame { refused, .. } = send {
            *refused = None;
        }
    }
    assert!(told(&chat, &stream) < second);
}

#[test]
fn where_nothing_says_what_sends_any_frame_may_and_it_is_unknown() {
    let silent = || Stream { acks: None, sends: Vec::new(), ..messages() };
    let mut chat = Chat::new();
    chat.join("alice").connect("alice", "main", None).settle();
    let judged = |chat: &Chat, which| verdict(&chat.history, &[], &silent(), which);
    assert_eq!(judged(&chat, Invariant::ReachesAll), Judgement::NotAsked);
    chat.sent("alice", ConnectionId(0), "m-1");
    assert_eq!(
        why(judged(&chat, Invariant::ReachesAll)),
        "the protocol declares nothing that acknowledges a sending: neither `acks` nor a request in `sends`"
    );
    assert_eq!(judged(&chat, Invariant::SameOrder), Judgement::NotAsked);
}

#[test]
fn a_later_connection_starts_anywhere_unless_it_resumes() {
    let mut chat = story();
    chat.connect("bob", "phone", None).settle();
    for order in [1, 2, 3] {
        lose(&mut chat, "bob", order);
    }
    let judged = |outcome| matches!(outcome, Judgement::Holds { .. });
    assert!(judged(reach(&chat)), "{:?}", reach(&chat));
    let mut chat = story();
    chat.connect("bob", "phone", Some(2)).settle();
    lose(&mut chat, "bob", 3);
    lose(&mut chat, "bob", 4);
    let headline = evidence(reach(&chat)).headline;
    assert_eq!(
        headline,
        "bob never got 3 (msg_000000000003), which alice had acknowledged before bob's barrier was asked and answered (messages, connection phone); carol got it"
    );
}

#[test]
fn an_acknowledgement_behind_the_question_is_not_owed() {
    let mut chat = story();
    chat.ask("bob", BOB);
    chat.say("alice", "meanwhile");
    let (_, frame) = lose(&mut chat, "bob", 5);
    chat.answer("bob", BOB);
    chat.received("bob", BOB, frame);
    assert!(matches!(reach(&chat), Judgement::Holds { .. }), "{:?}", reach(&chat));
}

#[test]
fn an_unanswered_barrier_proves_nothing() {
    let mut chat = story();
    lose(&mut chat, "bob", 4);
    chat.ask("bob", BOB);
    assert_eq!(
        why(reach(&chat)),
        "no `echo` barrier was answered, and only its answer shows that everything before it had come"
    );
}

#[test]
fn answers_that_nobody_asked_for_make_the_others_unclear() {
    let mut chat = story();
    lose(&mut chat, "bob", 4);
    chat.answer("bob", BOB);
    chat.ask("bob", BOB);
    chat.answer("bob", BOB);
    assert_eq!(
        why(reach(&chat)),
        "no `echo` barrier was answered, and only its answer shows that everything before it had come"
    );
}

#[test]
fn who_is_no_member_or_leaves_meanwhile_owes_nothing() {
    let mut chat = story();
    // The connection outlives the leave, and nothing is owed of what was said before the return.
    chat.leave("carol").say("alice", "while away").join("carol");
    chat.ask("carol", CAROL);
    chat.answer("carol", CAROL);
    assert_eq!(why(reach(&chat)), "no member's barrier was asked and answered behind an acknowledgement");
    chat.say("alice", "welcome back");
    chat.ask("carol", CAROL);
    chat.answer("carol", CAROL);
    let headline = evidence(reach(&chat)).headline;
    assert_eq!(
        headline,
        "carol never got 6 (msg_000000000006), which alice had acknowledged before carol's barrier was asked and answered (messages, connection phone); bob got it"
    );
    // A leave that was asked for before the barrier's answer may have come first.
    let mut chat = story();
    lose(&mut chat, "carol", 3);
    chat.ask("carol", CAROL);
    chat.leave("carol");
    let last = chat.history.entries.len() - 1;
    chat.answer("carol", CAROL);
    chat.history.entries.swap(last, last + 1);
    assert_eq!(why(reach(&chat)), "no member's barrier was asked and answered behind an acknowledgement");
}

#[test]
fn without_known_members_it_is_unknown() {
    let mut chat = story();
    chat.settle();
    let mut stream = messages();
    stream.membership = None;
    let none = why(verdict(&chat.history, &[], &stream, Invariant::ReachesAll));
    assert_eq!(none, "the protocol declares no membership of this stream");
    chat.history
        .entries
        .retain(|entry| !matches!(&entry.what, EntryKind::Exchange(exchange) if exchange.method == "PUT"));
    assert_eq!(why(reach(&chat)), "no join of conv_1 was seen, so its members are not known");
}

/// Of the chat, what a plain broadcast declares: one stream, whose members are those who are connected.
fn broadcast() -> Stream {
    let connected = Membership { connected: true, join: Vec::new(), leave: Vec::new() };
    let mut stream = messages();
    stream.sends.retain(|send| matches!(send, Send::Frame { .. }));
    Stream { stream: None, connection: None, membership: Some(connected), ..stream }
}

fn reach_of_all(chat: &Chat) -> Judgement {
    verdict(&chat.history, &[], &broadcast(), Invariant::ReachesAll)
}

#[test]
fn who_is_connected_is_a_member_where_the_protocol_says_so() {
    let mut chat = Chat::new();
    for who in ["alice", "bob", "carol"] {
        chat.join(who).connect(who, "main", None);
    }
    // Somebody with two connections is a member until the last one's end, and one who hangs up owes nothing.
    chat.connect("bob", "phone", None).say("alice", "one").hang_up("carol").say("alice", "two");
    chat.connect("carol", "main", Some(2)).say("bob", "three").settle();
    assert_eq!(reach_of_all(&chat), held(10));
    let mut lost = chat;
    lose(&mut lost, "carol", 3);
    let headline = evidence(reach_of_all(&lost)).headline;
    assert_eq!(
        headline,
        "carol never got 3 (msg_000000000003), which bob had acknowledged before carol's barrier was asked and answered (messages, connection main 2); alice got it"
    );
}

#[test]
fn a_connection_that_gets_nothing_at_all_is_judged_where_there_is_one_stream() {
    let mut chat = Chat::new();
    chat.join("alice").connect("alice", "main", None).join("bob").connect("bob", "main", None);
    chat.say("alice", "one").settle();
    assert!(reach_of_all(&chat) == held(2), "{:?}", reach_of_all(&chat));
    lose(&mut chat, "bob", 1);
    assert_eq!(
        evidence(reach_of_all(&chat)).headline,
        "bob never got 1 (msg_000000000001), which alice had acknowledged before bob's barrier was asked and answered (messages, connection main); nobody else got it"
    );
}

#[test]
fn a_stream_that_somebody_is_not_connected_to_is_none_of_its() {
    let mut chat = story();
    let connected = Membership { connected: true, join: Vec::new(), leave: Vec::new() };
    let stream = Stream { membership: Some(connected), ..messages() };
    let judge = |chat: &Chat| verdict(&chat.history, &[], &stream, Invariant::MembersOnly);
    assert!(matches!(judge(&chat), Judgement::Holds { .. }), "{:?}", judge(&chat));
    // Of a second conversation, which alice alone opens, bob gets a message.
    let frame = |conversation: &str| json!({ "type": "message", "conversation_id": conversation, "message": { "message_id": "msg_x", "sequence_id": 1 } });
    let open = EntryKind::Opened {
        connection: ConnectionId(9),
        name: "other".to_owned(),
        path: "/chat/ws/conv_2".to_owned(),
        query: Default::default(),
    };
    let mut entry = chat.history.entries[0].clone();
    (entry.participant, entry.what) = ("alice".to_owned(), open);
    chat.history.entries.push(entry);
    chat.received("alice", ConnectionId(9), frame("conv_2"));
    assert!(matches!(judge(&chat), Judgement::Holds { .. }), "{:?}", judge(&chat));
    chat.received("bob", BOB, frame("conv_2"));
    let headline = evidence(judge(&chat)).headline;
    assert_eq!(headline, "bob got 1 (msg_x) without ever joining (messages of conv_2, connection main)");
}

#[test]
fn of_a_room_that_nobody_entered_everybody_is_told_apart_where_connections_make_members() {
    let mut chat = story();
    let connected = Membership { connected: true, join: Vec::new(), leave: Vec::new() };
    let frame = json!({ "type": "message", "conversation_id": "conv_2", "message": { "message_id": "msg_x", "sequence_id": 1 } });
    chat.received("bob", BOB, frame);
    let stream = Stream { membership: Some(connected), ..messages() };
    assert_eq!(
        evidence(verdict(&chat.history, &[], &stream, Invariant::MembersOnly)).headline,
        "bob got 1 (msg_x) without ever joining (messages of conv_2, connection main)"
    );
    // Connections that don't say of which stream they are tell nothing of it.
    let stream = Stream { connection: None, ..stream };
    assert_eq!(
        why(verdict(&chat.history, &[], &stream, Invariant::MembersOnly)),
        "nothing tells whether bob is connected to conv_1: the stream declares no `connection`"
    );
}

#[test]
fn a_pattern_that_is_misspelt_is_one_that_matched_nothing() {
    let chat = story();
    let used = |stream: &Stream| {
        let (_, uses) =
            judge_all(&chat.history, &members(&["alice", "bob", "carol"]), std::slice::from_ref(stream), &[], &[]);
        uses[0].iter().map(|used| (used.pattern.key(), used.matched)).collect::<Vec<_>>()
    };
    assert_eq!(used(&messages()), [("frame", true), ("acks", true), ("sends", true)]);
    let none = || crate::pattern::Pattern::compile(&json!({ "type": "mesage" })).unwrap();
    assert_eq!(used(&Stream { frame: none(), ..messages() })[0], ("frame", false));
    let mut stream = messages();
    stream.acks.as_mut().unwrap().frame = none();
    assert_eq!(used(&stream)[1], ("acks", false));
    let mut stream = messages();
    for send in &mut stream.sends {
        if let Send::Frame { frame, .. } = send {
            *frame = none();
        }
    }
    assert_eq!(used(&stream)[2], ("sends", false));
    // Where nobody says anything nothing is expected to match.
    let mut silent = Chat::new();
    silent.join("alice").connect("alice", "main", None).settle();
    let (_, uses) = judge_all(&silent.history, &members(&["alice"]), &[messages()], &[], &[]);
    assert!(uses[0].is_empty(), "{uses:?}");
}
