//! The entry point: all changes from one text to another.

use std::collections::{BTreeMap, BTreeSet};

use super::blocks;
use super::census::count_objects;
use super::change::{Change, ChangeKind, Fingerprint, RenamedField};
use crate::snapshot::parse::parse;
use crate::snapshot::tree::SnapshotNode;

/// All changes from the stored text to the new one, in the new one's order; empty where the texts are equal, and
/// never empty where they differ. Without a stored text the whole is one change.
pub fn changes(old: Option<&str>, new: &str) -> Vec<Change> {
    let found = changes_knowing(old, new, &BTreeSet::new());
    // A field that has the same value under another name in one place has that name in the others too.
    let renamed = renamed_fields(&found);
    if renamed.is_empty() { found } else { changes_knowing(old, new, &renamed) }
}

/// The fields that have another name and the same value.
pub(crate) fn renamed_fields<'c>(found: impl IntoIterator<Item = &'c Change>) -> BTreeSet<RenamedField> {
    let kept = found.into_iter().filter_map(|change| change.renamed.as_ref());
    kept.filter(|(_, same)| *same).map(|(field, _)| field.clone()).collect()
}

/// The same as [`changes`], with fields that are known to have another name from other snapshots.
pub(crate) fn changes_knowing(old: Option<&str>, new: &str, renamed: &BTreeSet<RenamedField>) -> Vec<Change> {
    let whole = |kind: ChangeKind, types: &str, meaning: String, family: &str| {
        let before = old.map(|text| SnapshotNode::Text(text.to_owned()));
        vec![of_whole(kind, types, meaning, family, (before, None))]
    };
    let Some(old_text) = old else {
        let mut change = whole(ChangeKind::NewSnapshot, "new", describe(new), "new snapshots");
        if let Some(change) = change.first_mut() {
            change.after = parse(new).ok();
        }
        return change;
    };
    if old_text == new {
        return Vec::new();
    }
    let (before, after) = match (parse(old_text), parse(new)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) => {
            let meaning = format!("the stored snapshot was edited by hand: {error}");
            return whole(ChangeKind::Unreadable, "stored", meaning, "stored snapshots were edited by hand");
        }
        (_, Err(error)) => {
            let meaning = format!("the new text is no snapshot of this program: {error}");
            return whole(ChangeKind::Unreadable, "new", meaning, "new texts that are no snapshots of this program");
        }
    };
    let found = blocks::changes_between(&before, &after, renamed);
    if found.is_empty() {
        let meaning = "only the layout of the text changed".to_owned();
        return whole(ChangeKind::Layout, "text", meaning, "only the layout of the text changed");
    }
    found
}

/// The one change of a snapshot whose stored file can't be read, and why.
pub(crate) fn unreadable(why: &str, new: &str) -> Change {
    let family = "stored snapshots that can't be read";
    of_whole(ChangeKind::Unreadable, "file", why.to_owned(), family, (None, parse(new).ok()))
}

/// A change of a snapshot as a whole.
fn of_whole(
    kind: ChangeKind,
    types: &str,
    meaning: String,
    family: &str,
    around: (Option<SnapshotNode>, Option<SnapshotNode>),
) -> Change {
    let place = "snapshot".to_owned();
    let fingerprint = Fingerprint { kind, place: place.clone(), types: types.to_owned(), value: String::new() };
    Change::new(fingerprint, place, meaning, family.to_owned(), around)
}

/// How often each place that holds an object stands in a snapshot: what "every" is measured by.
pub(crate) fn census(text: &str) -> BTreeMap<String, usize> {
    parse(text).map(|node| count_objects(&node)).unwrap_or_default()
}

fn describe(new: &str) -> String {
    match parse(new) {
        Ok(SnapshotNode::Map(blocks)) => {
            let people: Vec<&str> = blocks.iter().map(|(key, _)| key.as_str()).collect();
            format!("a new snapshot of {}", people.join(", "))
        }
        _ => "a new snapshot".to_owned(),
    }
}
