//! Values inside states and frames.

use std::collections::BTreeSet;

use super::place::{PlaceStep, SnapshotPlace};
use crate::snapshot::changes::change::{Change, ChangeKind, Fingerprint};
use crate::snapshot::changes::element_names::{distinct_names, is_id, name};
use crate::snapshot::shape::aligned;
use crate::snapshot::tree::SnapshotNode;
use crate::text::shorten;

/// Letters of a value in a sentence.
const VALUE: usize = 60;

/// Collects changes.
pub(crate) struct ChangeFinder {
    /// The participants that have blocks.
    pub(crate) people: BTreeSet<String>,
    pub(crate) found: Vec<Change>,
}

/// What is around a change, before and after it alone.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) before: Option<SnapshotNode>,
    pub(crate) after: Option<SnapshotNode>,
}

impl Around {
    pub(crate) fn of(before: SnapshotNode, after: SnapshotNode) -> Self {
        Self { before: Some(before), after: Some(after) }
    }

    /// A copy of an object with one member replaced or removed.
    fn member(entries: &[(String, SnapshotNode)], key: &str, value: Option<&SnapshotNode>) -> Self {
        let mut after = entries.to_vec();
        let place = after.iter().position(|(other, _)| other == key);
        match (place, value) {
            (Some(place), Some(value)) => after[place].1 = value.clone(),
            (Some(place), None) => drop(after.remove(place)),
            (None, Some(value)) => {
                let place = after.iter().position(|(other, _)| other.as_str() > key).unwrap_or(after.len());
                after.insert(place, (key.to_owned(), value.clone()));
            }
            (None, None) => {}
        }
        Self::of(SnapshotNode::Map(entries.to_vec()), SnapshotNode::Map(after))
    }

    /// A copy of a list with one element replaced.
    fn element(items: &[SnapshotNode], place: usize, value: &SnapshotNode) -> Self {
        let mut after = items.to_vec();
        if let Some(item) = after.get_mut(place) {
            *item = value.clone();
        }
        Self::of(SnapshotNode::List(items.to_vec()), SnapshotNode::List(after))
    }

    /// A copy of a list without one element.
    pub(crate) fn without(items: &[SnapshotNode], place: usize) -> Self {
        let mut after = items.to_vec();
        if place < after.len() {
            after.remove(place);
        }
        Self::of(SnapshotNode::List(items.to_vec()), SnapshotNode::List(after))
    }

    /// A list with one element that was not there.
    pub(crate) fn inserted(items: &[SnapshotNode], place: usize) -> Self {
        let after = Self::without(items, place);
        Self { before: after.after, after: after.before }
    }
}

impl ChangeFinder {
    /// Takes a change in.
    pub(crate) fn push(
        &mut self,
        kind: ChangeKind,
        place: &SnapshotPlace,
        types: &str,
        meaning: String,
        family: String,
        around: Around,
    ) {
        self.found.push(Change {
            fingerprint: Fingerprint { kind, place: place.general(), types: types.to_owned() },
            path: place.path(),
            meaning,
            family,
            common: None,
            before: around.before,
            after: around.after,
        });
    }

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
            }
            (old, new) => {
                let (from, to) = (excerpt(old), excerpt(new));
                let meaning = format!("{} changed from {from} to {to}{}", place.words(true), place.whom());
                let types = types(old, new);
                let family = format!("{} changed ({types})", place.family());
                self.push(ChangeKind::Value, place, &types, meaning, family, around());
            }
        }
    }

    fn members(&mut self, place: &SnapshotPlace, old: &[(String, SnapshotNode)], new: &[(String, SnapshotNode)]) {
        for (key, value) in new {
            let there = place.with(PlaceStep::Key(key.clone()));
            if let Some((_, before)) = old.iter().find(|(other, _)| other == key) {
                self.value(&there, before, value, &|| Around::member(old, key, Some(value)));
            } else {
                self.field(ChangeKind::FieldNew, &there, place, value, Around::member(old, key, Some(value)));
            }
        }
        for (key, value) in old.iter().filter(|(key, _)| !new.iter().any(|(other, _)| other == key)) {
            let there = place.with(PlaceStep::Key(key.clone()));
            self.field(ChangeKind::FieldGone, &there, place, value, Around::member(old, key, None));
        }
    }

    fn field(
        &mut self,
        kind: ChangeKind,
        there: &SnapshotPlace,
        object: &SnapshotPlace,
        value: &SnapshotNode,
        around: Around,
    ) {
        let happened = if kind == ChangeKind::FieldNew { "is a new field" } else { "is gone" };
        let meaning = match kind {
            ChangeKind::FieldNew => format!("{} {happened}{}: {}", there.words(true), there.whom(), excerpt(value)),
            _ => format!("{} {happened}{}, it was {}", there.words(true), there.whom(), excerpt(value)),
        };
        let family = format!("{} {happened}", there.family());
        self.push(kind, there, word(value), meaning, family, around);
        if let Some(change) = self.found.last_mut() {
            change.common = Some(object.general());
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

/// A value in a sentence.
pub(crate) fn excerpt(node: &SnapshotNode) -> String {
    shorten(&node.compact(), VALUE)
}

/// Its type in a fingerprint.
fn word(node: &SnapshotNode) -> &'static str {
    match node {
        SnapshotNode::Null => "null",
        SnapshotNode::Bool(_) => "boolean",
        SnapshotNode::Number(_) => "number",
        SnapshotNode::Text(text) if is_id(text) => "id",
        SnapshotNode::Text(_) => "string",
        SnapshotNode::List(_) => "list",
        SnapshotNode::Map(_) => "object",
    }
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
