//! What can be said of a new value that may hold in other snapshots too, where the value itself is another one:
//! "the same as `from`", "the sender of `message_id`". A value that lacks what most others have is an outlier.

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::tree::SnapshotNode;

/// What holds of each scalar inside a new value, by the way to it; the way to a scalar itself is empty.
pub(crate) type Aspects = BTreeMap<String, BTreeSet<Aspect>>;

/// Something that holds of a scalar; what says more stands first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Aspect {
    /// The same as another value near it: `as from`.
    Related(String),
    /// The value itself.
    Exact(String),
}

/// What holds of `new`. `old` is what it was, `object` what stands around it without itself, `reader` whose block it
/// stands in.
pub(super) fn aspects_of(
    new: &SnapshotNode,
    old: Option<&SnapshotNode>,
    object: &[(String, SnapshotNode)],
    reader: Option<&str>,
) -> Aspects {
    let mut around = Vec::new();
    for (key, value) in object {
        leaves(value, key, &mut around);
    }
    let mut before = Vec::new();
    if let Some(old) = old {
        leaves(old, "", &mut before);
    }
    let mut inside = Vec::new();
    leaves(new, "", &mut inside);
    let mut aspects = Aspects::new();
    for (way, value) in inside {
        let of_way = aspects.entry(way).or_default();
        of_way.insert(Aspect::Exact(value.compact()));
        let SnapshotNode::Text(text) = value else { continue };
        for (there, other) in &before {
            if *other == value {
                let what = if there.is_empty() { "as before".to_owned() } else { format!("as {there} was") };
                of_way.insert(Aspect::Related(what));
            }
        }
        for (there, other) in &around {
            if let SnapshotNode::Text(other) = other {
                if other == text {
                    of_way.insert(Aspect::Related(format!("as {there}")));
                } else if origin(other).is_some_and(|who| bare(text) == Some(who)) {
                    of_way.insert(Aspect::Related(format!("whose {there} it is")));
                }
            }
        }
        if reader.is_some_and(|reader| bare(text) == Some(reader)) {
            of_way.insert(Aspect::Related("whose inbox it is".to_owned()));
        }
    }
    aspects
}

/// The scalars inside a value, each with the way to it. A list is told as one.
fn leaves<'n>(node: &'n SnapshotNode, way: &str, found: &mut Vec<(String, &'n SnapshotNode)>) {
    if let SnapshotNode::Map(entries) = node {
        for (key, value) in entries {
            let way = if way.is_empty() { key.clone() } else { format!("{way}.{key}") };
            leaves(value, &way, found);
        }
    } else {
        found.push((way.to_owned(), node));
    }
}

/// `alice` of `[alice]`.
fn bare(text: &str) -> Option<&str> {
    text.strip_prefix('[')?.strip_suffix(']')
}

/// Who an id comes from: `alice` of `[alice.msg.2]`.
fn origin(text: &str) -> Option<&str> {
    bare(text)?.split_once('.').map(|(who, _)| who)
}
