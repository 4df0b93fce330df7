//! Values inside states and frames.

use super::aspects::aspects_of;
use super::finder::{Around, ChangeFinder, VALUE, excerpt, word};
use super::members::ObjectMember;
use super::place::{PlaceStep, SnapshotPlace};
use crate::snapshot::changes::change::ChangeKind;
use crate::snapshot::changes::element_names::{distinct_names, name};
use crate::snapshot::shape::aligned;
use crate::snapshot::tree::SnapshotNode;
use crate::text::shorten;

impl ChangeFinder {
    /// Two values at one place. `around` is what a change of the whole value is shown in.
    pub(crate) fn value(
        &mut self,
        place: &SnapshotPlace,
        old: &SnapshotNode,
        new: &SnapshotNode,
        around: &dyn Fn() -> Around,
    ) {
        match (old, new) {
            (SnapshotNode::Map(old), SnapshotNode::Map(new)) => self.members(place, old, new),
            (SnapshotNode::List(old), SnapshotNode::List(new)) => self.elements(place, old, new),
            (old, new) if old == new => {}
            (old, new) if old.shape() != new.shape() => {
                let meaning =
                    format!("{} became {}{}, it was {}", place.words(false), new.shape(), place.whom(), old.shape());
                let family = format!("{} became {}, it was {}", place.family(), new.shape(), old.shape());
                self.push(
                    ChangeKind::Shape,
                    place,
                    &format!("{} → {}", shape(old), shape(new)),
                    meaning,
                    family,
                    around(),
                );
                self.say_of(place, Some(old), new);
            }
            (old, new) => {
                let (from, to) = (excerpt(old), excerpt(new));
                let meaning = format!("{} changed from {from} to {to}{}", place.words(true), place.whom());
                let types = types(old, new);
                let family = format!("{} changed ({types})", place.family());
                self.push(ChangeKind::Value, place, &types, meaning, family, around());
                self.say_of(place, Some(old), new);
            }
        }
    }

    /// Two objects at one place.
    fn members(&mut self, place: &SnapshotPlace, old: &[ObjectMember], new: &[ObjectMember]) {
        let lacks = |side: &[ObjectMember], key: &str| !side.iter().any(|(other, _)| other == key);
        let mut gone: Vec<&ObjectMember> = old.iter().filter(|(key, _)| lacks(new, key)).collect();
        let added: Vec<&ObjectMember> = new.iter().filter(|(key, _)| lacks(old, key)).collect();
        for (key, value) in new {
            let there = place.with(PlaceStep::Key(key.clone()));
            if let Some((_, before)) = old.iter().find(|(other, _)| other == key) {
                self.value(&there, before, value, &|| Around::member(old, key, Some(value)));
                continue;
            }
            if let Some(at) = self.former(place, key, value, &gone, &added) {
                let former = gone.remove(at);
                if self.rename(&there, place, former, (key, value), old) {
                    self.value(&there, &former.1, value, &|| Around::of(former.1.clone(), value.clone()));
                }
            } else {
                self.field(ChangeKind::FieldNew, &there, place, value, Around::member(old, key, Some(value)));
                let others: Vec<ObjectMember> = new.iter().filter(|(other, _)| other != key).cloned().collect();
                self.say(aspects_of(value, None, &others, there.who.as_deref()));
            }
        }
        for (key, value) in gone {
            let there = place.with(PlaceStep::Key(key.clone()));
            self.field(ChangeKind::FieldGone, &there, place, value, Around::member(old, key, None));
        }
    }

    fn elements(&mut self, place: &SnapshotPlace, old: &[SnapshotNode], new: &[SnapshotNode]) {
        if old == new {
            return;
        }
        let (mut pairs, mut gone, mut added) =
            match (distinct_names(old, &self.people), distinct_names(new, &self.people)) {
                (Some(olds), Some(news)) => by_name(&olds, &news),
                _ => aligned(old, new),
            };
        reshaped(old, new, &mut pairs, &mut gone, &mut added);
        for (before, after) in &pairs {
            if let (Some(one), Some(other)) = (old.get(*before), new.get(*after)) {
                let there = place.with(PlaceStep::Element(*after, name(one, &self.people)));
                self.value(&there, one, other, &|| Around::element(old, *before, other));
            }
        }
        let ordered = pairs.is_sorted_by_key(|(_, after)| *after);
        // An element that is gone here and new there went to another place.
        let moved = gone.iter().any(|before| added.iter().any(|after| old.get(*before) == new.get(*after)));
        if moved {
            gone.retain(|before| {
                let to = added.iter().position(|after| old.get(*before) == new.get(*after));
                to.map(|to| added.remove(to)).is_none()
            });
        }
        if moved || !ordered {
            let meaning = format!("{} has another order{}", place.words(true), place.whom());
            let family = format!("{} has another order", place.family());
            let around = Around::of(SnapshotNode::List(old.to_vec()), SnapshotNode::List(new.to_vec()));
            self.push(ChangeKind::Moved, place, "order", meaning, family, around);
        }
        for (kind, places, items) in [(ChangeKind::Gone, &gone, old), (ChangeKind::New, &added, new)] {
            for at in places {
                if let Some(item) = items.get(*at) {
                    self.element(kind, place, items, *at, item);
                }
            }
        }
    }

    fn element(
        &mut self,
        kind: ChangeKind,
        place: &SnapshotPlace,
        items: &[SnapshotNode],
        at: usize,
        item: &SnapshotNode,
    ) {
        let (happened, around) = match kind {
            ChangeKind::Gone => ("is no longer in", Around::without(items, at)),
            _ => ("is new in", Around::inserted(items, at)),
        };
        let what = name(item, &self.people).map_or_else(|| excerpt(item), |name| shorten(&name, VALUE));
        let there = place.with(PlaceStep::Element(at, None));
        let meaning = format!("{what} {happened} {}{}", place.words(true), place.whom());
        let family = match kind {
            ChangeKind::Gone => format!("elements are no longer in {}", place.family()),
            _ => format!("elements are new in {}", place.family()),
        };
        self.push(kind, &there, word(item), meaning, family, around);
        if kind == ChangeKind::New {
            self.say(aspects_of(item, None, &[], place.who.as_deref()));
        }
    }
}

type Pairing = (Vec<(usize, usize)>, Vec<usize>, Vec<usize>);

fn by_name(olds: &[String], news: &[String]) -> Pairing {
    let pairs: Vec<(usize, usize)> = olds
        .iter()
        .enumerate()
        .filter_map(|(before, name)| news.iter().position(|other| other == name).map(|after| (before, after)))
        .collect();
    let gone = (0..olds.len()).filter(|place| !pairs.iter().any(|(before, _)| before == place)).collect();
    let added = (0..news.len()).filter(|place| !pairs.iter().any(|(_, after)| after == place)).collect();
    (pairs, gone, added)
}

/// Elements that have no partner, of different shapes on both sides: the same ones in another shape.
fn reshaped(
    old: &[SnapshotNode],
    new: &[SnapshotNode],
    pairs: &mut Vec<(usize, usize)>,
    gone: &mut Vec<usize>,
    added: &mut Vec<usize>,
) {
    gone.retain(|before| {
        let shape = |items: &[SnapshotNode], place: usize| items.get(place).map(SnapshotNode::shape);
        let other = added.iter().position(|after| shape(old, *before) != shape(new, *after));
        if let Some(other) = other {
            pairs.push((*before, added.remove(other)));
        }
        other.is_none()
    });
    pairs.sort_unstable();
}

/// Its shape in a fingerprint: an object that became a string is one cause, whether the string is an id or not.
fn shape(node: &SnapshotNode) -> &'static str {
    if let SnapshotNode::Text(_) = node { "string" } else { word(node) }
}

/// From what to what, where the shape is the same: flags by their value, numbers by where they went.
fn types(old: &SnapshotNode, new: &SnapshotNode) -> String {
    match (old, new) {
        (SnapshotNode::Bool(old), SnapshotNode::Bool(new)) => format!("{old} → {new}"),
        (SnapshotNode::Number(old), SnapshotNode::Number(new)) => {
            let grew = old.as_f64().zip(new.as_f64()).is_some_and(|(old, new)| new > old);
            format!("number, {}", if grew { "grew" } else { "shrank" })
        }
        (old, new) => format!("{} → {}", word(old), word(new)),
    }
}
