//! Generated talks: legal reorderings are no divergence, and one changed delivery is found where it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::compare::{DivergenceKind, compare};
use crate::diff::timeline::{Channel, Timeline};
use crate::event::{Event, EventKind};

const PEOPLE: [&str; 3] = ["ann", "ben", "cem"];

/// What happens in a talk; everybody has one connection.
#[derive(Debug, Clone, PartialEq)]
enum Act {
    /// Somebody sends message so-and-so.
    Sent(usize, usize),
    /// Somebody gets it.
    Got(usize, usize),
}

/// A talk: who sends which message, and in which order each gets the others' messages. Messages of one sender stay in
/// order everywhere; everything else is free.
fn talk() -> impl Strategy<Value = (Vec<usize>, Vec<Vec<usize>>)> {
    proptest::collection::vec(0..PEOPLE.len(), 1..8).prop_flat_map(|senders| {
        let count = senders.len();
        let orders = proptest::collection::vec(Just((0..count).collect::<Vec<_>>()).prop_shuffle(), PEOPLE.len());
        (Just(senders), orders)
    })
}

/// An interleaving of the talk that the priorities choose among all that are possible.
fn play(senders: &[usize], orders: &[Vec<usize>], priorities: &[u8]) -> Vec<Act> {
    let mut channels: Vec<Vec<Act>> = Vec::new();
    for (who, order) in orders.iter().enumerate() {
        channels.push((0..senders.len()).filter(|m| senders[*m] == who).map(|m| Act::Sent(who, m)).collect());
        channels.push(order.iter().filter(|m| senders[**m] != who).map(|m| Act::Got(who, *m)).collect());
    }
    let mut done: Vec<Act> = Vec::new();
    let mut turn = 0;
    loop {
        let ready: Vec<usize> = (0..channels.len())
            .filter(|channel| match channels[*channel].first() {
                Some(Act::Got(_, m)) => done.contains(&Act::Sent(senders[*m], *m)),
                Some(Act::Sent(..)) => true,
                None => false,
            })
            .collect();
        if ready.is_empty() {
            return done;
        }
        let choice = usize::from(priorities[turn % priorities.len()]) % ready.len();
        done.push(channels[ready[choice]].remove(0));
        turn += 1;
    }
}

/// The events of a talk, with ids that depend on `salt`.
fn events(acts: &[Act], salt: u64) -> Vec<Event> {
    let mut entries: BTreeMap<usize, (Option<usize>, Vec<usize>)> = BTreeMap::new();
    let mut list: Vec<EventKind> = Vec::new();
    let frame = |m: usize| -> Value {
        json!({ "type": "said", "text": format!("text {m}"), "id": format!("id_{:012}", salt * 1000 + m as u64) })
    };
    for (entry, act) in acts.iter().enumerate() {
        match act {
            Act::Sent(who, m) => {
                entries.entry(*m).or_default().0 = Some(entry);
                list.push(EventKind::Sent {
                    participant: PEOPLE[*who].to_owned(),
                    connection: "main".to_owned(),
                    id: *who,
                    step: Some(0),
                    entry,
                    frame: frame(*m).to_string(),
                    barrier: false,
                });
            }
            Act::Got(who, m) => {
                entries.entry(*m).or_default().1.push(entry);
                list.push(EventKind::Received {
                    participant: PEOPLE[*who].to_owned(),
                    connection: "main".to_owned(),
                    id: *who,
                    entry,
                    number: Some(entry),
                    frame: frame(*m).to_string(),
                    barrier: false,
                });
            }
        }
    }
    for (sent, deliveries) in entries.into_values() {
        list.push(EventKind::Linked {
            stream: "talk".to_owned(),
            id: None,
            order: None,
            sent,
            acks: Vec::new(),
            deliveries,
        });
    }
    let at = |place: usize| Duration::from_millis(place as u64);
    let instance = Arc::new(crate::event::Instance { label: "a/b".into(), repetition: 1, attempt: 1 });
    list.into_iter()
        .enumerate()
        .map(|(place, kind)| Event { scenario: Some(Arc::clone(&instance)), at: at(place), kind })
        .collect()
}

fn playing(acts: &[Act], salt: u64) -> Timeline {
    Timeline::of(&events(acts, salt))
}

fn inbox(who: usize) -> Channel {
    Channel::In(PEOPLE[who].to_owned(), "main".to_owned(), 1)
}

proptest! {
    #[test]
    fn another_interleaving_of_the_same_is_no_divergence(
        (senders, orders) in talk(),
        one in proptest::collection::vec(any::<u8>(), 1..40),
        other in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let a = playing(&play(&senders, &orders, &one), 1);
        let b = playing(&play(&senders, &orders, &other), 2);
        let compared = compare(&a, &b);
        prop_assert!(compared.first.is_none(), "{:?}", compared.first);
        prop_assert_eq!(compared.same.len(), a.nodes.len());
    }

    #[test]
    fn a_delivery_that_is_missing_is_found_where_it_is(
        (senders, orders) in talk(),
        one in proptest::collection::vec(any::<u8>(), 1..40),
        other in proptest::collection::vec(any::<u8>(), 1..40),
        which: prop::sample::Index,
    ) {
        let acts = play(&senders, &orders, &one);
        let mut changed = play(&senders, &orders, &other);
        let got: Vec<usize> = (0..changed.len()).filter(|place| matches!(changed[*place], Act::Got(..))).collect();
        prop_assume!(!got.is_empty());
        let Act::Got(who, m) = changed.remove(got[which.index(got.len())]) else { unreachable!() };
        let (a, b) = (playing(&acts, 1), playing(&changed, 2));
        let compared = compare(&a, &b);
        let first = compared.first.expect("a divergence");
        prop_assert_eq!((&first.channel, first.kind), (&inbox(who), DivergenceKind::Missing));
        let text = format!("text {m}");
        prop_assert_eq!(a.nodes[first.a.unwrap()].value["text"].as_str(), Some(text.as_str()));
        prop_assert!(compared.others.is_empty());
        // What caused it is told.
        let cause = a.cause(first.a.unwrap()).map(|cause| a.nodes[cause].channel.participant().to_owned());
        prop_assert_eq!(cause.as_deref(), Some(PEOPLE[senders[m]]));
        // The other way round it is one too many.
        let back = compare(&b, &a).first.expect("a divergence");
        prop_assert_eq!((&back.channel, back.kind), (&inbox(who), DivergenceKind::Extra));
    }

    #[test]
    fn deliveries_that_changed_places_are_found_at_the_first(
        (senders, orders) in talk(),
        one in proptest::collection::vec(any::<u8>(), 1..40),
        other in proptest::collection::vec(any::<u8>(), 1..40),
        who in 0..PEOPLE.len(),
        which: prop::sample::Index,
    ) {
        let own = |orders: &[Vec<usize>]| -> Vec<usize> {
            orders[who].iter().copied().filter(|m| senders[*m] != who).collect()
        };
        let mut swapped = orders.clone();
        let order = own(&orders);
        prop_assume!(order.len() > 1);
        let place = which.index(order.len() - 1);
        let mut new = order.clone();
        new.swap(place, place + 1);
        swapped[who] = new;
        let a = playing(&play(&senders, &orders, &one), 1);
        let b = playing(&play(&senders, &swapped, &other), 2);
        let first = compare(&a, &b).first.expect("a divergence");
        prop_assert_eq!((first.channel, first.place, first.kind), (inbox(who), place, DivergenceKind::Order));
    }

    #[test]
    fn a_delivery_of_other_content_is_found_where_it_is(
        (senders, orders) in talk(),
        one in proptest::collection::vec(any::<u8>(), 1..40),
        other in proptest::collection::vec(any::<u8>(), 1..40),
        which: prop::sample::Index,
    ) {
        let acts = play(&senders, &orders, &one);
        let mut changed = events(&play(&senders, &orders, &other), 2);
        let got: Vec<usize> = (0..changed.len())
            .filter(|place| matches!(changed[*place].kind, EventKind::Received { .. }))
            .collect();
        prop_assume!(!got.is_empty());
        let mut channel = None;
        if let EventKind::Received { frame, participant, .. } = &mut changed[got[which.index(got.len())]].kind {
            *frame = frame.replace("text ", "other ");
            channel = Some(participant.clone());
        }
        let first = compare(&playing(&acts, 1), &Timeline::of(&changed)).first.expect("a divergence");
        prop_assert_eq!(first.kind, DivergenceKind::Changed);
        prop_assert_eq!(Some(first.channel.participant().to_owned()), channel);
    }
}
