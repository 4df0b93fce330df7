//! Two playings of one scenario compared: the first divergence in causal order. Pure; it reads event files alone.
//!
//! - [`playing`]: events as lanes (what one participant sent, got, asked, was answered) with what happened before what;
//! - [`unify`]: values that are the same but for ids, times and the run's digits;
//! - [`told`]: the divergence in words and in two columns.
//!
//! Order counts within a lane only: how independent lanes were interleaved is no divergence.

pub mod playing;
#[cfg(test)]
mod properties;
pub mod told;
pub mod unify;

use std::collections::BTreeSet;

use playing::{Lane, Playing};
use unify::Unifier;

/// Where two playings first differ.
#[derive(Debug, Clone)]
pub struct Divergence {
    /// In which lane.
    pub lane: Lane,
    /// At which place of the lane, from 0.
    pub place: usize,
    /// How.
    pub kind: Kind,
    /// The first playing's node there, if it has one.
    pub a: Option<usize>,
    /// The second playing's.
    pub b: Option<usize>,
}

/// How lanes differ at a place, from the first playing to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What is there in the first never is in the second.
    Missing,
    /// What is there in the second never is in the first.
    Extra,
    /// Both are in both, in another order.
    Order,
    /// Something else is there.
    Changed,
}

/// What comparing gave.
#[derive(Debug)]
pub struct Compared {
    /// The first divergence in causal order.
    pub first: Option<Divergence>,
    /// Divergences of other lanes that the first one didn't cause, as far as it is known.
    pub others: Vec<Divergence>,
    /// Nodes of the first playing that have their like in the second, with it, in the first's order.
    pub same: Vec<(usize, usize)>,
    /// Which values stand for which.
    pub unifier: Unifier,
}

/// Compares two playings of one scenario.
pub fn compare(a: &Playing, b: &Playing) -> Compared {
    let mut unifier = Unifier::new(&a.people, &b.people);
    let mut found: Vec<Divergence> = Vec::new();
    let mut same = Vec::new();
    let mut broken: BTreeSet<Lane> = BTreeSet::new();
    // In the order of the first: what caused a value binds it before what it caused.
    for (index, node) in a.nodes.iter().enumerate() {
        if broken.contains(&node.lane) {
            continue;
        }
        let other = b.lane(&node.lane).get(node.place).copied();
        match other {
            Some(other) if unifier.unify(&node.value, &b.nodes[other].value) => same.push((index, other)),
            other => {
                broken.insert(node.lane.clone());
                found.push(Divergence {
                    lane: node.lane.clone(),
                    place: node.place,
                    kind: Kind::Changed,
                    a: Some(index),
                    b: other,
                });
            }
        }
    }
    for (lane, nodes) in &b.lanes {
        let length = a.lane(lane).len();
        if !broken.contains(lane)
            && let Some(more) = nodes.get(length)
        {
            found.push(Divergence { lane: lane.clone(), place: length, kind: Kind::Extra, a: None, b: Some(*more) });
        }
    }
    for divergence in &mut found {
        divergence.kind = kind(a, b, divergence, &mut unifier);
    }
    let (first, others) = earliest(a, b, &found);
    Compared { first, others, same, unifier }
}

/// What kind a divergence is: each side's node is looked for behind the place in the other's lane.
fn kind(a: &Playing, b: &Playing, divergence: &Divergence, unifier: &mut Unifier) -> Kind {
    let (Some(one), Some(other)) = (divergence.a, divergence.b) else {
        return if divergence.a.is_some() { Kind::Missing } else { Kind::Extra };
    };
    let rest = |playing: &Playing| playing.lane(&divergence.lane)[divergence.place + 1..].to_vec();
    let in_b = rest(b).into_iter().any(|index| unifier.would(&a.nodes[one].value, &b.nodes[index].value));
    let in_a = rest(a).into_iter().any(|index| unifier.would(&a.nodes[index].value, &b.nodes[other].value));
    match (in_b, in_a) {
        (true, true) => Kind::Order,
        (true, false) => Kind::Extra,
        (false, true) => Kind::Missing,
        (false, false) => Kind::Changed,
    }
}

/// The divergence that no other precedes; of several, the one that came first in the scenario.
fn earliest(a: &Playing, b: &Playing, found: &[Divergence]) -> (Option<Divergence>, Vec<Divergence>) {
    let before = |one: &Divergence, other: &Divergence| {
        let in_a = one.a.zip(other.a).is_some_and(|(one, other)| a.precedes(one, other));
        in_a || one.b.zip(other.b).is_some_and(|(one, other)| b.precedes(one, other))
    };
    let place = |divergence: &Divergence| match (divergence.a, divergence.b) {
        (Some(node), _) => (a.nodes[node].top, 0, node),
        (None, Some(node)) => (b.nodes[node].top, 1, node),
        (None, None) => (usize::MAX, 1, usize::MAX),
    };
    let minimal: Vec<usize> = (0..found.len())
        .filter(|&this| !(0..found.len()).any(|other| other != this && before(&found[other], &found[this])))
        .collect();
    let first = minimal.iter().copied().min_by_key(|this| place(&found[*this]));
    let first = first.or_else(|| (0..found.len()).min_by_key(|this| place(&found[*this])));
    let Some(first) = first else { return (None, Vec::new()) };
    let others = minimal.into_iter().filter(|this| *this != first).map(|this| found[this].clone());
    let mut others: Vec<Divergence> = others.collect();
    others.sort_by_key(&place);
    (Some(found[first].clone()), others)
}
