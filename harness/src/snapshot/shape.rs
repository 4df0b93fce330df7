//! Changes of shape between two snapshots: an object that became a string, a key that is gone. They hide in a
//! long line diff, so they are found on the trees.

use std::collections::BTreeMap;

use crate::snapshot::tree::Node;

/// Elements of two lists that are paired one by one, at most; longer lists are paired by place.
const PAIRED: usize = 40_000;

/// A change of shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShapeChange {
    /// Where: `alice.state.conversation.participants[1]`.
    pub(crate) path: String,
    /// What: `an object became a string`.
    pub(crate) what: String,
    /// In how many more places the same happened to the same member.
    pub(crate) more: usize,
}

/// The changes of shape, in the order of the new snapshot. What happened alike at the same member for other
/// participants or elements is told once, with a count.
pub(crate) fn shape_changes(old: &Node, new: &Node) -> Vec<ShapeChange> {
    let mut found = Vec::new();
    compare(old, new, &TreePath::default(), &mut found);
    let mut told: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut changes: Vec<ShapeChange> = Vec::new();
    for (path, what) in found {
        let place = *told.entry((path.general(), what.clone())).or_insert(changes.len());
        match changes.get_mut(place) {
            Some(first) => first.more += 1,
            None => changes.push(ShapeChange { path: path.text(), what, more: 0 }),
        }
    }
    changes
}

/// The way to a value: keys, places in lists, and the headings of frames.
#[derive(Debug, Default, Clone)]
struct TreePath(Vec<PathStep>);

#[derive(Debug, Clone)]
enum PathStep {
    Key(String),
    Place(usize),
    Frame(String),
}

impl TreePath {
    fn with(&self, step: PathStep) -> Self {
        let mut path = self.clone();
        path.0.push(step);
        path
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.0 {
            match step {
                PathStep::Key(key) if text.is_empty() => text.push_str(key),
                PathStep::Key(key) => text.push_str(&format!(".{key}")),
                PathStep::Place(place) => text.push_str(&format!("[{place}]")),
                PathStep::Frame(head) => text.push_str(&format!("[{head}]")),
            }
        }
        text
    }

    /// The way without whose block it is in, and which element of a list.
    fn general(&self) -> String {
        let steps = self.0.iter().skip(1).map(|step| match step {
            PathStep::Key(key) => format!(".{key}"),
            PathStep::Place(_) => "[]".to_owned(),
            PathStep::Frame(head) => format!("[{}]", kind(head)),
        });
        // A block as a whole has no way within itself; its own name tells it apart.
        if self.0.len() < 2 { self.text() } else { steps.collect() }
    }
}

fn compare(old: &Node, new: &Node, path: &TreePath, found: &mut Vec<(TreePath, String)>) {
    match (old, new) {
        (Node::Map(old), Node::Map(new)) => {
            for (key, value) in new {
                let way = path.with(PathStep::Key(key.clone()));
                match old.iter().find(|(other, _)| other == key) {
                    Some((_, before)) => compare(before, value, &way, found),
                    None => found.push((path.clone(), format!("new key {key}"))),
                }
            }
            for (key, _) in old.iter().filter(|(key, _)| !new.iter().any(|(other, _)| other == key)) {
                found.push((path.clone(), format!("key {key} is gone")));
            }
        }
        (Node::List(old), Node::List(new)) => {
            for (before, after) in paired(old, new) {
                let (Some(one), Some(other)) = (old.get(before), new.get(after)) else {
                    continue;
                };
                match (head(one), head(other)) {
                    (Some((_, one)), Some((head, other))) => {
                        compare(one, other, &path.with(PathStep::Frame(head.to_owned())), found);
                    }
                    _ => compare(one, other, &path.with(PathStep::Place(after)), found),
                }
            }
        }
        (old, new) if old.shape() != new.shape() => {
            found.push((path.clone(), format!("{} became {}", old.shape(), new.shape())));
        }
        _ => {}
    }
}

/// A frame of a stream: an object of one member whose key is its heading, with an order or connection.
fn head(node: &Node) -> Option<(&str, &Node)> {
    match node {
        Node::Map(entries) => match entries.as_slice() {
            [(key, value @ Node::Map(_))] => Some((key, value)),
            _ => None,
        },
        _ => None,
    }
}

/// A heading without order and connections.
fn kind(head: &str) -> &str {
    let head = head.split_once(" (").map_or(head, |(head, _)| head);
    head.trim_end_matches(|character: char| character.is_ascii_digit() || character == '-').trim_end()
}

/// Which elements of two lists are the same, equal ones included: pairs of (old, new) places, and the places that
/// have no partner on either side.
pub(crate) fn aligned(old: &[Node], new: &[Node]) -> (Vec<(usize, usize)>, Vec<usize>, Vec<usize>) {
    let front = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let rest = old.len().min(new.len()) - front;
    let back = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    let mut pairs: Vec<(usize, usize)> = (0..front).map(|place| (place, place)).collect();
    pairs.extend(paired(old, new));
    pairs.extend((1..=back).rev().map(|from_end| (old.len() - from_end, new.len() - from_end)));
    let gone = (0..old.len()).filter(|place| pairs.binary_search_by_key(place, |(before, _)| *before).is_err());
    let added = (0..new.len()).filter(|place| pairs.binary_search_by_key(place, |(_, after)| *after).is_err());
    let (gone, added) = (gone.collect(), added.collect());
    (pairs, gone, added)
}

/// Which elements of two lists are the same: those that are alike, in order, so that one that was inserted or
/// is gone doesn't shift all behind it. Pairs of (old, new) places.
fn paired(old: &[Node], new: &[Node]) -> Vec<(usize, usize)> {
    let front = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let rest = old.len().min(new.len()) - front;
    let back = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    let (rows, columns) = (old.len() - front - back, new.len() - front - back);
    if rows == 0 || columns == 0 {
        return Vec::new();
    }
    if rows.saturating_mul(columns) > PAIRED {
        return (0..rows.min(columns)).map(|place| (front + place, front + place)).collect();
    }
    // best[row][column]: the most likeness that the elements from there on can have in pairs.
    let likeness = |row: usize, column: usize| match (old.get(front + row), new.get(front + column)) {
        (Some(one), Some(other)) => alike(one, other),
        _ => 0,
    };
    let width = columns + 1;
    let mut best = vec![0_u64; (rows + 1) * width];
    let mut likenesses = vec![0_u64; rows * columns];
    let at = |table: &[u64], place: usize| table.get(place).copied().unwrap_or_default();
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let own = likeness(row, column);
            let pair = own + at(&best, (row + 1) * width + column + 1);
            let skip = at(&best, (row + 1) * width + column).max(at(&best, row * width + column + 1));
            if let Some(place) = best.get_mut(row * width + column) {
                *place = pair.max(skip);
            }
            if let Some(place) = likenesses.get_mut(row * columns + column) {
                *place = own;
            }
        }
    }
    let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
    while row < rows && column < columns {
        let here = at(&best, row * width + column);
        let own = at(&likenesses, row * columns + column);
        if own > 0 && here == own + at(&best, (row + 1) * width + column + 1) {
            pairs.push((front + row, front + column));
            row += 1;
            column += 1;
        } else if here == at(&best, (row + 1) * width + column) {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}

/// How alike two elements are, from 0 (never the same) to 1000 (equal).
fn alike(one: &Node, other: &Node) -> u64 {
    if one == other {
        return 1000;
    }
    match (one, other) {
        (Node::Map(_), Node::Map(_)) => match (head(one), head(other)) {
            (Some((one_head, _)), Some((other_head, _))) if kind(one_head) != kind(other_head) => 0,
            (Some((_, one)), Some((_, other))) => shared(one, other),
            _ => shared(one, other),
        },
        // Of different shapes: perhaps the very change that is looked for.
        _ => 1,
    }
}

/// The part of equal members that two objects have, from 2 to 900.
fn shared(one: &Node, other: &Node) -> u64 {
    let (mut equal, mut all) = (0, 0);
    members(one, other, &mut equal, &mut all);
    2 + (898 * equal).checked_div(all).unwrap_or(0)
}

fn members(one: &Node, other: &Node, equal: &mut u64, all: &mut u64) {
    match (one, other) {
        (Node::Map(ones), Node::Map(others)) => {
            for (key, value) in ones {
                match others.iter().find(|(other, _)| other == key) {
                    Some((_, other)) => members(value, other, equal, all),
                    None => *all += 1,
                }
            }
            *all += others.iter().filter(|(key, _)| !ones.iter().any(|(one, _)| one == key)).count() as u64;
        }
        (one, other) => {
            *all += 1;
            *equal += u64::from(one == other);
        }
    }
}
