//! Compares two timelines.

use std::collections::BTreeSet;

use serde_json::Value;

use super::matching::ValueMatcher;
use super::timeline::{Channel, Timeline};

/// Where two playings first differ.
#[derive(Debug, Clone)]
pub struct Divergence {
    /// In which channel.
    pub channel: Channel,
    /// At which place of the channel, from 0.
    pub place: usize,
    /// How.
    pub kind: DivergenceKind,
    /// The first playing's node there, if it has one.
    pub a: Option<usize>,
    /// The second playing's.
    pub b: Option<usize>,
}

/// How channels differ at a place, from the first playing to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DivergenceKind {
    /// What is there in the first never is in the second.
    Missing,
    /// What is there in the second never is in the first.
    Extra,
    /// Both are in both, in another order.
    Order,
    /// Something else is there.
    Changed,
}

/// How two timelines differ.
#[derive(Debug)]
pub struct TimelineComparison {
    /// The first divergence in causal order.
    pub first: Option<Divergence>,
    /// Divergences of other channels that the first one caused.
    pub effects: Vec<Divergence>,
    /// Divergences of other channels that are the same as the first, or have the same cause.
    pub alike: Vec<Divergence>,
    /// Divergences of other channels with no known connection to the first.
    pub others: Vec<Divergence>,
    /// Pairs of equal nodes (first timeline, second timeline), in the first one's order.
    pub same: Vec<(usize, usize)>,
    /// Which values stand for which.
    pub matcher: ValueMatcher,
}

/// Compares two playings of one scenario.
pub fn compare(a: &Timeline, b: &Timeline) -> TimelineComparison {
    let mut matcher = ValueMatcher::new(&a.people, &b.people);
    let mut found: Vec<Divergence> = Vec::new();
    let mut same = Vec::new();
    let mut broken: BTreeSet<Channel> = BTreeSet::new();
    // In the order of the first: what caused a value binds it before what it caused.
    for (index, node) in a.nodes.iter().enumerate() {
        if broken.contains(&node.channel) {
            continue;
        }
        let other = b.channel(&node.channel).get(node.place).copied();
        match other {
            Some(other) if matcher.matches(&node.value, &b.nodes[other].value) => same.push((index, other)),
            other => {
                broken.insert(node.channel.clone());
                found.push(Divergence {
                    channel: node.channel.clone(),
                    place: node.place,
                    kind: DivergenceKind::Changed,
                    a: Some(index),
                    b: other,
                });
            }
        }
    }
    for (channel, nodes) in &b.channels {
        let length = a.channel(channel).len();
        if !broken.contains(channel)
            && let Some(more) = nodes.get(length)
        {
            found.push(Divergence {
                channel: channel.clone(),
                place: length,
                kind: DivergenceKind::Extra,
                a: None,
                b: Some(*more),
            });
        }
    }
    for divergence in &mut found {
        divergence.kind = kind(a, b, divergence, &mut matcher);
    }
    for divergence in found.iter().filter(|divergence| divergence.kind == DivergenceKind::Changed) {
        if let (Some(one), Some(other)) = (divergence.a, divergence.b) {
            matcher.learn(&a.nodes[one].value, &b.nodes[other].value);
        }
    }
    let (first, effects, rest) = earliest(a, b, &found);
    let tie = |other: &Divergence| first.as_ref().map_or(Tie::None, |first| tie(a, b, first, other, &matcher));
    let (mut effects, mut alike, mut others) = (effects, Vec::new(), Vec::new());
    for divergence in rest {
        match tie(&divergence) {
            Tie::Effect => effects.push(divergence),
            Tie::Alike => alike.push(divergence),
            Tie::None => others.push(divergence),
        }
    }
    TimelineComparison { first, effects, alike, others, same, matcher }
}

/// How a divergence is related to the first one, where neither precedes the other.
enum Tie {
    Effect,
    Alike,
    None,
}

fn tie(a: &Timeline, b: &Timeline, first: &Divergence, other: &Divergence, matcher: &ValueMatcher) -> Tie {
    // What was sent and what was got are told in other words: only the content can be the same.
    let does = |channel: &Channel| matches!(channel, Channel::Out(..) | Channel::Asks(_));
    let changes = |divergence: &Divergence| match (divergence.a, divergence.b) {
        (Some(one), Some(other)) if divergence.kind == DivergenceKind::Changed => changed_leaves(
            &matcher.with_names(&a.nodes[one].value, true),
            &matcher.with_names(&b.nodes[other].value, false),
        ),
        _ => Vec::new(),
    };
    let (changed, others) = (changes(first), changes(other));
    let repeats = !others.is_empty() && others.iter().all(|change| changed.contains(change));
    if repeats && does(&first.channel) && !does(&other.channel) {
        return Tie::Effect;
    }
    let cause = |playing: &Timeline, node: Option<usize>| node.and_then(|node| playing.cause(node));
    let shared =
        |playing: &Timeline, one, other| cause(playing, one).is_some_and(|it| cause(playing, other) == Some(it));
    let value = |playing: &Timeline, one: Option<usize>, other: Option<usize>| {
        one.zip(other).is_some_and(|(one, other)| playing.nodes[one].value == playing.nodes[other].value)
    };
    let same = match first.kind {
        DivergenceKind::Missing => value(a, first.a, other.a),
        DivergenceKind::Extra => value(b, first.b, other.b),
        DivergenceKind::Order => value(a, first.a, other.a) && value(b, first.b, other.b),
        DivergenceKind::Changed => repeats,
    };
    let of_one_cause = match first.kind {
        DivergenceKind::Extra => shared(b, first.b, other.b),
        _ => shared(a, first.a, other.a),
    };
    if first.kind == other.kind && (same || of_one_cause) { Tie::Alike } else { Tie::None }
}

/// The values in which two values differ, each with what stands there in the other.
fn changed_leaves(one: &Value, other: &Value) -> Vec<(Value, Value)> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            let at = |map: &serde_json::Map<String, Value>, key: &String| map.get(key).cloned().unwrap_or_default();
            keys.into_iter().flat_map(|key| changed_leaves(&at(one, key), &at(other, key))).collect()
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).flat_map(|(one, other)| changed_leaves(one, other)).collect()
        }
        _ if one == other => Vec::new(),
        _ => vec![(one.clone(), other.clone())],
    }
}

/// What kind a divergence is: each side's node is looked for behind the place in the other's channel.
fn kind(a: &Timeline, b: &Timeline, divergence: &Divergence, matcher: &mut ValueMatcher) -> DivergenceKind {
    let (Some(one), Some(other)) = (divergence.a, divergence.b) else {
        return if divergence.a.is_some() { DivergenceKind::Missing } else { DivergenceKind::Extra };
    };
    let rest = |playing: &Timeline| playing.channel(&divergence.channel)[divergence.place + 1..].to_vec();
    let in_b = rest(b).into_iter().any(|index| matcher.could_match(&a.nodes[one].value, &b.nodes[index].value));
    let in_a = rest(a).into_iter().any(|index| matcher.could_match(&a.nodes[index].value, &b.nodes[other].value));
    match (in_b, in_a) {
        (true, true) => DivergenceKind::Order,
        (true, false) => DivergenceKind::Extra,
        (false, true) => DivergenceKind::Missing,
        (false, false) => DivergenceKind::Changed,
    }
}

/// The divergence that no other precedes, of several the one that came first in the scenario; then those that it
/// precedes, and those that no other precedes either.
fn earliest(
    a: &Timeline,
    b: &Timeline,
    found: &[Divergence],
) -> (Option<Divergence>, Vec<Divergence>, Vec<Divergence>) {
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
    let Some(first) = first else { return (None, Vec::new(), Vec::new()) };
    let (mut effects, mut rest) = (Vec::new(), Vec::new());
    for (index, divergence) in found.iter().enumerate().filter(|(index, _)| *index != first) {
        if before(&found[first], divergence) {
            effects.push(divergence.clone());
        } else if minimal.contains(&index) {
            rest.push(divergence.clone());
        }
    }
    effects.sort_by_key(&place);
    rest.sort_by_key(&place);
    (Some(found[first].clone()), effects, rest)
}
