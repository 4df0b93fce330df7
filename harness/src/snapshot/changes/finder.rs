//! What collects changes, and what each is shown in.

use std::collections::BTreeSet;

use super::aspects::{Aspects, aspects_of};
use super::place::{PlaceStep, SnapshotPlace};
use crate::snapshot::changes::change::{Change, ChangeKind, Fingerprint, RenamedField};
use crate::snapshot::changes::element_names::is_id;
use crate::snapshot::tree::SnapshotNode;
use crate::text::shorten;

/// Letters of a value in a sentence.
pub(super) const VALUE: usize = 60;

/// Collects changes.
pub(crate) struct ChangeFinder {
    /// The participants that have blocks.
    pub(crate) people: BTreeSet<String>,
    pub(crate) found: Vec<Change>,
    /// Fields that are known to have another name.
    pub(crate) renamed: BTreeSet<RenamedField>,
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

    /// An object in which one member is another one, or none.
    pub(super) fn member(entries: &[(String, SnapshotNode)], key: &str, value: Option<&SnapshotNode>) -> Self {
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

    /// A list in which one element is another one.
    pub(super) fn element(items: &[SnapshotNode], place: usize, value: &SnapshotNode) -> Self {
        let mut after = items.to_vec();
        if let Some(item) = after.get_mut(place) {
            *item = value.clone();
        }
        Self::of(SnapshotNode::List(items.to_vec()), SnapshotNode::List(after))
    }

    /// A list without one element.
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
        let fingerprint = Fingerprint { kind, place: place.general(), types: types.to_owned(), value: String::new() };
        self.found.push(Change::new(fingerprint, place.path(), meaning, family, (around.before, around.after)));
    }

    /// Says of the last change what holds of its new value.
    pub(super) fn say(&mut self, aspects: Aspects) {
        if let Some(change) = self.found.last_mut() {
            change.aspects = aspects;
        }
    }

    /// The same, with what stands around the value taken from what the change is shown in.
    pub(super) fn say_of(&mut self, place: &SnapshotPlace, old: Option<&SnapshotNode>, new: &SnapshotNode) {
        let key = match place.steps.last() {
            Some(PlaceStep::Key(key)) => Some(key),
            _ => None,
        };
        let others = match self.found.last().and_then(|change| change.after.as_ref()) {
            Some(SnapshotNode::Map(entries)) if key.is_some() => {
                entries.iter().filter(|(other, _)| Some(other) != key).cloned().collect()
            }
            _ => Vec::new(),
        };
        self.say(aspects_of(new, old, &others, place.who.as_deref()));
    }
}

/// A value in a sentence.
pub(crate) fn excerpt(node: &SnapshotNode) -> String {
    shorten(&node.compact(), VALUE)
}

/// Its type in a fingerprint.
pub(super) fn word(node: &SnapshotNode) -> &'static str {
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
