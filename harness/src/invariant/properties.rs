//! Histories of a correct server always hold, until one thing is changed.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::history::{EntryKind, History, Payload};
use crate::invariant::Judgement;
use crate::invariant::simulator::Chat;
use crate::invariant::tests::{KEYS, deliveries, frame_mut, outcome, swap};
use crate::scenario::stream::Invariant;

#[derive(Debug, Clone)]
enum Act {
    Join(usize),
    Leave(usize),
    Connect(usize),
    Resume(usize, i64),
    Say(usize),
    Post(usize),
    HangUp(usize),
    Settle,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = 0..KEYS.len();
    let act = prop_oneof![
        1 => who.clone().prop_map(Act::Join),
        1 => who.clone().prop_map(Act::Leave),
        2 => who.clone().prop_map(Act::Connect),
        1 => (who.clone(), 0_i64..9).prop_map(|(who, after)| Act::Resume(who, after)),
        6 => who.clone().prop_map(Act::Say),
        2 => who.clone().prop_map(Act::Post),
        1 => who.prop_map(Act::HangUp),
        2 => Just(Act::Settle),
    ];
    prop::collection::vec(act, 0..60)
}

fn play(acts: &[Act]) -> Chat {
    let mut chat = Chat::new();
    chat.join("alice").join("bob").connect("alice", "main", None).connect("bob", "main", None);
    for act in acts {
        match act {
            Act::Join(who) => chat.join(KEYS[*who]),
            Act::Leave(who) => chat.leave(KEYS[*who]),
            Act::Connect(who) => chat.connect(KEYS[*who], "main", None),
            Act::Resume(who, after) => {
                let after = (*after).min(chat.log.len() as i64);
                chat.connect(KEYS[*who], "main", Some(after))
            }
            Act::Say(who) => chat.say(KEYS[*who], "hi"),
            Act::Post(who) => chat.post(KEYS[*who], "hi"),
            Act::HangUp(who) => chat.hang_up(KEYS[*who]),
            Act::Settle => chat.settle(),
        };
    }
    chat.settle();
    chat
}

/// Deliveries and acks of each connection, as (index, order).
fn arrivals(history: &History) -> Vec<Vec<(usize, i64)>> {
    let mut all: Vec<Vec<(usize, i64)>> = Vec::new();
    for (index, entry) in history.entries.iter().enumerate() {
        if let EntryKind::Received { connection, frame: Payload::Json(frame), .. } = &entry.what {
            let order = frame.pointer("/message/sequence_id").or_else(|| frame.get("sequence_id"));
            if let Some(order) = order.and_then(Value::as_i64) {
                all.resize(all.len().max(connection.0 + 1), Vec::new());
                all[connection.0].push((index, order));
            }
        }
    }
    all
}

/// The deliveries that are owed: those behind another one on a connection that is open to the end.
fn owed(chat: &Chat) -> Vec<usize> {
    let arrivals = arrivals(&chat.history);
    let open = chat.open().iter().filter_map(|(connection, _)| arrivals.get(connection.0));
    let behind = open.flat_map(|own| own.iter().skip(1)).map(|(index, _)| *index);
    behind.filter(|index| is_message(&chat.history.entries[*index].what)).collect()
}

fn is_message(what: &EntryKind) -> bool {
    matches!(what, EntryKind::Received { frame: Payload::Json(frame), .. } if frame["type"] == "message")
}

proptest! {
    #[test]
    fn records_of_a_correct_server_hold(acts in acts()) {
        let chat = play(&acts);
        for (invariant, ..) in Invariant::ALL {
            let outcome = outcome(&chat, invariant);
            let judged = match invariant {
                Invariant::AckedNotLost => !chat.log.is_empty(),
                // What is owed depends on who is connected and settles in the end.
                Invariant::ReachesAll => !owed(&chat).is_empty(),
                _ => !arrivals(&chat.history).concat().is_empty(),
            };
            let fits = match &outcome {
                Judgement::Holds { .. } => true,
                Judgement::NotAsked | Judgement::Unknown { .. } => !judged,
                Judgement::Violated(_) => false,
            };
            prop_assert!(fits, "{invariant:?}: {outcome:?}");
        }
    }

    #[test]
    fn two_swapped_deliveries_are_found(acts in acts(), pick in any::<prop::sample::Index>()) {
        let mut chat = play(&acts);
        let pairs: Vec<(usize, usize)> = arrivals(&chat.history)
            .iter()
            .flat_map(|own| own.windows(2).map(|pair| (pair[0].0, pair[1].0)).collect::<Vec<_>>())
            .collect();
        prop_assume!(!pairs.is_empty());
        let (one, other) = pairs[pick.index(pairs.len())];
        swap(&mut chat.history, one, other);
        prop_assert!(matches!(outcome(&chat, Invariant::SameOrder), Judgement::Violated(_)));
    }

    #[test]
    fn a_dropped_delivery_is_found(acts in acts(), pick in any::<prop::sample::Index>()) {
        let mut chat = play(&acts);
        // One that lies between two others of its connection; the participant's other connections lose it too.
        let middles: Vec<(String, i64)> = arrivals(&chat.history)
            .iter()
            .flat_map(|own| own.windows(3).map(|three| three[1]).collect::<Vec<_>>())
            .map(|(index, order)| (chat.history.entries[index].participant.clone(), order))
            .collect();
        prop_assume!(!middles.is_empty());
        let (who, lost) = middles[pick.index(middles.len())].clone();
        let gone: BTreeSet<usize> = arrivals(&chat.history)
            .concat()
            .into_iter()
            .filter(|(index, order)| *order == lost && chat.history.entries[*index].participant == who)
            .map(|(index, _)| index)
            .collect();
        // What is dropped keeps its place in the history, so that the other indices stay right.
        for index in gone {
            *frame_mut(&mut chat.history, index) = json!({ "type": "lost" });
        }
        let outcome = outcome(&chat, Invariant::NoGaps);
        prop_assert!(matches!(outcome, Judgement::Violated(_)), "{outcome:?}");
    }

    #[test]
    fn a_delivery_that_never_came_is_found(acts in acts(), pick in any::<prop::sample::Index>()) {
        let mut chat = play(&acts);
        let owed = owed(&chat);
        prop_assume!(!owed.is_empty());
        *frame_mut(&mut chat.history, owed[pick.index(owed.len())]) = json!({ "type": "lost" });
        let outcome = outcome(&chat, Invariant::ReachesAll);
        prop_assert!(matches!(outcome, Judgement::Violated(_)), "{outcome:?}");
    }

    #[test]
    fn a_delivery_behind_the_barrier_is_found(acts in acts(), pick in any::<prop::sample::Index>()) {
        let mut chat = play(&acts);
        let owed = owed(&chat);
        prop_assume!(!owed.is_empty());
        let late = owed[pick.index(owed.len())];
        let mut entry = chat.history.entries[late].clone();
        entry.at = chat.history.entries.last().map(|last| last.at).unwrap_or_default();
        *frame_mut(&mut chat.history, late) = json!({ "type": "lost" });
        chat.history.entries.push(entry);
        let outcome = outcome(&chat, Invariant::ReachesAll);
        let late = matches!(&outcome, Judgement::Violated(evidence) if evidence.headline.contains("behind the answer"));
        prop_assert!(late, "{outcome:?}");
    }

    #[test]
    fn a_repeated_delivery_is_found(acts in acts(), pick in any::<prop::sample::Index>()) {
        let mut chat = play(&acts);
        let all = arrivals(&chat.history).concat();
        prop_assume!(!all.is_empty());
        let again = chat.history.entries[all[pick.index(all.len())].0].clone();
        chat.history.entries.push(again);
        prop_assert!(matches!(outcome(&chat, Invariant::NoDuplicates), Judgement::Violated(_)));
    }

    #[test]
    fn a_reassigned_id_is_found(acts in acts(), pick in any::<prop::sample::Index>()) {
        let mut chat = play(&acts);
        let deliveries: Vec<(usize, i64)> = KEYS.iter().flat_map(|who| deliveries(&chat.history, who)).collect();
        prop_assume!(!deliveries.is_empty());
        let (index, _) = deliveries[pick.index(deliveries.len())];
        frame_mut(&mut chat.history, index)["message"]["message_id"] = json!("msg_ffffffffffff");
        prop_assert!(matches!(outcome(&chat, Invariant::SameOrder), Judgement::Violated(_)));
    }

    #[test]
    fn a_delivery_after_the_leave_is_found(acts in acts()) {
        let mut chat = play(&acts);
        chat.join("alice").join("bob").connect("alice", "main", None).connect("bob", "main", None);
        let connection = chat.open().iter().rev().find(|(_, who)| who == "bob").map(|(id, _)| *id);
        chat.leave("bob").say("alice", "secret");
        let (id, order) = chat.log.last().cloned().expect("alice said it");
        let frame = json!({ "type": "message", "conversation_id": "conv_1", "message": { "message_id": id, "sequence_id": order } });
        chat.received("bob", connection.expect("bob connected"), frame);
        let outcome = outcome(&chat, Invariant::MembersOnly);
        prop_assert!(matches!(outcome, Judgement::Violated(_)), "{outcome:?}");
    }

    #[test]
    fn a_forgotten_ack_is_found(acts in acts(), pick in any::<prop::sample::Index>()) {
        let mut chat = play(&acts);
        prop_assume!(!chat.log.is_empty());
        chat.log.remove(pick.index(chat.log.len()));
        prop_assert!(matches!(outcome(&chat, Invariant::AckedNotLost), Judgement::Violated(_)));
    }
}
