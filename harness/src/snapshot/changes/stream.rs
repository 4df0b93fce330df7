//! Deliveries of a stream: found again by order and content, so that a lost one, a second one and two that changed
//! places are told as such and not as a cascade of changed values.

use std::sync::LazyLock;

use regex::Regex;

use super::finder::{Around, ChangeFinder};
use super::place::{DeliveryHead, PlacePart, SnapshotPlace};
use crate::snapshot::changes::change::ChangeKind;
use crate::snapshot::shape::aligned;
use crate::snapshot::tree::SnapshotNode;

static NUMBERED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\.[0-9]+\]").expect("a constant expression"));

struct Delivery<'a> {
    head: DeliveryHead,
    body: &'a SnapshotNode,
}

impl Delivery<'_> {
    /// Its content without its order, and without the numbers of ids where they may have shifted.
    fn content(&self, ids: bool) -> SnapshotNode {
        masked(self.body, self.head.order, ids)
    }
}

/// Whether a list is a stream: each element one delivery under its heading.
pub(crate) fn is_stream(items: &[SnapshotNode]) -> bool {
    items.iter().all(|item| matches!(item, SnapshotNode::Map(entries) if entries.len() == 1))
}

fn deliveries(items: &[SnapshotNode]) -> Vec<Delivery<'_>> {
    let one = items.iter().filter_map(|item| match item {
        SnapshotNode::Map(entries) => {
            entries.first().map(|(head, body)| Delivery { head: DeliveryHead::parse(head), body })
        }
        _ => None,
    });
    one.collect()
}

impl ChangeFinder {
    /// The deliveries of one stream of one participant.
    pub(crate) fn stream(&mut self, who: &str, stream: &str, old_items: &[SnapshotNode], new_items: &[SnapshotNode]) {
        let (old, new) = (deliveries(old_items), deliveries(new_items));
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        let mut moved: Vec<(usize, usize)> = Vec::new();
        let mut free = (vec![true; old.len()], vec![true; new.len()]);
        let mut take = |same: &dyn Fn(&Delivery<'_>, &Delivery<'_>) -> bool| {
            let mut taken = Vec::new();
            for (after, other) in new.iter().enumerate() {
                if !free.1[after] {
                    continue;
                }
                let before = old.iter().enumerate().find(|(before, one)| free.0[*before] && same(one, other));
                if let Some((before, _)) = before {
                    (free.0[before], free.1[after]) = (false, false);
                    taken.push((before, after));
                }
            }
            taken
        };
        take(&|one, other| one.head == other.head && one.body == other.body);
        pairs.extend(take(&|one, other| {
            one.head.order == other.head.order && one.head.kind == other.head.kind && one.body == other.body
        }));
        for ids in [false, true] {
            moved.extend(take(&|one, other| {
                one.head.kind == other.head.kind
                    && one.head.order != other.head.order
                    && one.content(ids) == other.content(ids)
            }));
        }
        pairs.extend(take(&|one, other| {
            one.head.order.is_some() && one.head.order == other.head.order && one.head.kind == other.head.kind
        }));
        let (gone, added) = rest(&old, &new, &free.0, &free.1, &mut pairs);
        pairs.sort_unstable();

        let place = |head: &DeliveryHead| {
            SnapshotPlace::new(Some(who), PlacePart::Delivery { stream: stream.to_owned(), head: head.clone() })
        };
        for (before, after) in pairs {
            let (one, other) = (&old[before], &new[after]);
            let there = place(&other.head);
            let around = || Around { before: old_items.get(before).cloned(), after: new_items.get(after).cloned() };
            if one.head.connections != other.head.connections {
                self.connections(&there, one, other, around());
            }
            self.value(&there, one.body, other.body, &around);
        }
        self.moved(&place, who, &old, &new, moved, (old_items, new_items));
        for at in gone {
            let head = &old[at].head;
            let meaning = format!("{} is missing in {who}'s inbox{}", head.short(), of(stream));
            let family = format!("{} frames are missing", head.kind);
            self.push(ChangeKind::Missing, &place(head), "delivery", meaning, family, Around::without(old_items, at));
        }
        for at in added {
            let head = &new[at].head;
            let content = new[at].content(false);
            let twin = new.iter().enumerate().find(|(other, delivery)| {
                *other != at && delivery.head.kind == head.kind && delivery.content(false) == content
            });
            let around = Around::inserted(new_items, at);
            if let Some((_, twin)) = twin {
                let again =
                    if twin.head.order == head.order { String::new() } else { format!(", again as {}", head.short()) };
                let meaning = format!("{who} got {} twice{}{again}", twin.head.short(), of(stream));
                let family = format!("{} frames came twice", head.kind);
                self.push(ChangeKind::Twice, &place(head), "delivery", meaning, family, around);
            } else {
                let meaning = format!("{} is new in {who}'s inbox{}", head.short(), of(stream));
                let family = format!("{} frames are new", head.kind);
                self.push(ChangeKind::Added, &place(head), "delivery", meaning, family, around);
            }
        }
    }

    fn connections(&mut self, there: &SnapshotPlace, one: &Delivery<'_>, other: &Delivery<'_>, around: Around) {
        let on = |head: &DeliveryHead| head.connections.clone().unwrap_or_else(|| "the only connection".to_owned());
        let (from, to) = (on(&one.head), on(&other.head));
        let meaning = format!("{} came on {to}{}, it was on {from}", other.head.short(), there.whom());
        let family = format!("{} frames came on other connections", other.head.kind);
        self.push(ChangeKind::Connection, there, "connections", meaning, family, around);
    }

    fn moved(
        &mut self,
        place: &dyn Fn(&DeliveryHead) -> SnapshotPlace,
        who: &str,
        old: &[Delivery<'_>],
        new: &[Delivery<'_>],
        mut moved: Vec<(usize, usize)>,
        items: (&[SnapshotNode], &[SnapshotNode]),
    ) {
        moved.sort_unstable();
        let mut told = Vec::new();
        for (before, after) in &moved {
            let (from, to) = (&old[*before].head, &new[*after].head);
            if told.contains(before) {
                continue;
            }
            let back = moved.iter().find(|(other, to_here)| {
                *other > *before && old[*other].head.order == to.order && new[*to_here].head.order == from.order
            });
            let around = Around::of(SnapshotNode::List(items.0.to_vec()), SnapshotNode::List(items.1.to_vec()));
            if let Some((other, _)) = back {
                told.push(*other);
                let meaning = format!("{} and {} changed places for {who}", from.short(), to.short());
                let family = format!("{} frames changed places", from.kind);
                self.push(ChangeKind::Moved, &place(from), "swapped", meaning, family, around);
            } else {
                let types = if to.order > from.order { "later" } else { "earlier" };
                let meaning = format!("{} is {} now for {who}", from.short(), to.short());
                let family = format!("{} frames stand {types}", from.kind);
                self.push(ChangeKind::Moved, &place(from), types, meaning, family, around);
            }
        }
    }
}

/// What is left: deliveries without an order are paired by likeness; the others are gone, or new.
fn rest(
    old: &[Delivery<'_>],
    new: &[Delivery<'_>],
    free_old: &[bool],
    free_new: &[bool],
    pairs: &mut Vec<(usize, usize)>,
) -> (Vec<usize>, Vec<usize>) {
    let left = |all: &[Delivery<'_>], free: &[bool]| -> Vec<usize> {
        (0..all.len()).filter(|place| free.get(*place).copied().unwrap_or_default()).collect()
    };
    let (mut gone, mut added) = (left(old, free_old), left(new, free_new));
    let kinds: std::collections::BTreeSet<&str> = gone
        .iter()
        .map(|place| &old[*place].head)
        .filter(|head| head.order.is_none())
        .map(|head| head.kind.as_str())
        .collect();
    for kind in kinds {
        let of_kind = |all: &[Delivery<'_>], left: &[usize]| -> (Vec<usize>, Vec<SnapshotNode>) {
            let places =
                left.iter().copied().filter(|place| all[*place].head.kind == kind && all[*place].head.order.is_none());
            places.map(|place| (place, all[place].body.clone())).unzip()
        };
        let ((olds, old_bodies), (news, new_bodies)) = (of_kind(old, &gone), of_kind(new, &added));
        for (before, after) in aligned(&old_bodies, &new_bodies).0 {
            if let (Some(before), Some(after)) = (olds.get(before), news.get(after)) {
                gone.retain(|place| place != before);
                added.retain(|place| place != after);
                pairs.push((*before, *after));
            }
        }
    }
    (gone, added)
}

fn masked(node: &SnapshotNode, order: Option<i64>, ids: bool) -> SnapshotNode {
    match node {
        SnapshotNode::Number(number) if order.is_some() && number.as_i64() == order => SnapshotNode::Null,
        SnapshotNode::Text(text) if ids => SnapshotNode::Text(NUMBERED.replace_all(text, "]").into_owned()),
        SnapshotNode::List(items) => SnapshotNode::List(items.iter().map(|item| masked(item, order, ids)).collect()),
        SnapshotNode::Map(entries) => {
            SnapshotNode::Map(entries.iter().map(|(key, value)| (key.clone(), masked(value, order, ids))).collect())
        }
        other => other.clone(),
    }
}

/// Which of several streams of one name.
fn of(stream: &str) -> String {
    stream.split_once(' ').map(|(_, value)| format!(" of {}", value.trim_matches(['[', ']']))).unwrap_or_default()
}
