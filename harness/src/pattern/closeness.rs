//! How near a value comes to a pattern, as one number.
//!
//! A leaf that agrees counts in full, one of the right JSON type a little (a string the more, the more
//! of its beginning and end agree), one of another type or missing not at all. An object or array is
//! the weighted mean of its parts, so a field at the top weighs as much as a whole subtree beside it,
//! and shallow fields weigh more than deep ones. A constant weighs twice what a matcher weighs.

use serde_json::{Map, Value};

use super::bound::Bound;
use super::json_type::JsonType;
use super::node::{Field, Matcher, PatternNode, length};
use super::pairing::pair_up;
use super::value::same_shape;

/// The closeness of a value that matches.
pub(super) const FULL: u64 = 1_000_000;
/// What the right JSON type alone is worth.
const SHAPE: u64 = FULL / 8;
/// What a string that agrees nearly to the end is worth on top.
const SIMILAR: u64 = FULL / 4;

/// From 0 to [`FULL`], which only a match reaches.
pub(super) fn closeness(node: &PatternNode, value: Option<&Value>) -> u64 {
    weighted(node, value, &|field| weight(&field.node))
}

/// As [`closeness`], with the weights of the outermost object's fields given.
pub(super) fn weighted(node: &PatternNode, value: Option<&Value>, weight: &dyn Fn(&Field) -> u64) -> u64 {
    if node.matches(value) {
        return FULL;
    }
    let Some(value) = value.filter(|value| fits_shape(node, value)) else {
        return 0;
    };
    let near = match (node, value) {
        (PatternNode::Scalar(Value::String(expected)), Value::String(actual)) => SHAPE + similarity(expected, actual),
        (PatternNode::Array(nodes), Value::Array(values)) => above_shape(side_by_side(nodes, values)),
        (PatternNode::Object(fields), Value::Object(values)) => above_shape(of_fields(fields, values, weight)),
        (PatternNode::Matchers(matchers), value) => {
            mean(matchers.iter().map(|matcher| (1, of_matcher(matcher, value))))
        }
        _ => SHAPE,
    };
    near.min(FULL - 1)
}

/// How much a part weighs in the mean of the object or array around it.
pub(super) fn weight(node: &PatternNode) -> u64 {
    match node {
        PatternNode::Matchers(matchers) if !matchers.iter().any(|matcher| matches!(matcher, Matcher::Exact(_))) => 1,
        _ => 2,
    }
}

/// Whether a value has a JSON type that the pattern could match.
pub(super) fn fits_shape(node: &PatternNode, value: &Value) -> bool {
    match node {
        PatternNode::Scalar(expected) => same_shape(expected, value),
        PatternNode::Array(_) => value.is_array(),
        PatternNode::Object(_) => value.is_object(),
        PatternNode::Matchers(matchers) => matchers.iter().all(|matcher| matcher_fits_shape(matcher, value)),
    }
}

/// Whether a value has a JSON type that the matcher could accept.
pub(super) fn matcher_fits_shape(matcher: &Matcher, value: &Value) -> bool {
    match matcher {
        Matcher::Any | Matcher::Absent | Matcher::Not(_) => true,
        Matcher::Regex(_) | Matcher::Format(_) => value.is_string(),
        Matcher::Type(types) => types.iter().any(|each| match each {
            JsonType::Integer => value.is_number(),
            each => each.accepts(value),
        }),
        Matcher::Len(_) => length(value).is_some(),
        Matcher::Compare(_, Bound::Number(_)) => value.is_number(),
        Matcher::Compare(_, Bound::Instant(..) | Bound::Text(_)) => value.is_string(),
        Matcher::Contains(node) => value.is_array() || (value.is_string() && node.as_text().is_some()),
        Matcher::Unordered(_) | Matcher::Each(_) => value.is_array(),
        Matcher::OneOf(alternatives) => alternatives.iter().any(|node| fits_shape(node, value)),
        Matcher::Exact(expected) => same_shape(expected, value),
    }
}

/// A part of an `$exact` value as a node, so that it is explained and weighed like any other.
pub(super) fn exactly(value: &Value) -> PatternNode {
    match value {
        Value::Array(_) | Value::Object(_) => PatternNode::Matchers(vec![Matcher::Exact(value.clone())]),
        scalar => PatternNode::Scalar(scalar.clone()),
    }
}

/// The index of the value nearest to the pattern, the first of equals.
pub(super) fn nearest_of<'a>(node: &PatternNode, values: impl IntoIterator<Item = &'a Value>) -> Option<usize> {
    let scored = values.into_iter().map(|value| closeness(node, Some(value))).enumerate();
    scored.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(index, _)| index)
}

/// The index of the alternative nearest to the value, the first of equals.
pub(super) fn nearest_alternative(alternatives: &[PatternNode], value: &Value) -> Option<usize> {
    let scored = alternatives.iter().map(|node| closeness(node, Some(value))).enumerate();
    scored.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(index, _)| index)
}

/// Which elements stand for which patterns in a list in any order that does not match.
pub(super) struct Partition {
    /// Patterns without a matching element, each with the nearest element left over, if any is left.
    pub(super) unmet: Vec<(usize, Option<usize>)>,
    /// Elements for which no pattern is left.
    pub(super) surplus: Vec<usize>,
}

/// Pairs what matches, then what is nearest among the rest, nearest pairs first.
pub(super) fn partition(nodes: &[PatternNode], values: &[Value]) -> Partition {
    let pairing = pair_up(nodes, values);
    let free = |of: &[Option<usize>]| -> Vec<usize> { (0..of.len()).filter(|&at| of[at].is_none()).collect() };
    let (unmet, mut surplus) = (free(&pairing.column_of), free(&pairing.row_of));
    let mut near: Vec<(u64, usize, usize)> = Vec::new();
    for &pattern in &unmet {
        near.extend(surplus.iter().map(|&at| (closeness(&nodes[pattern], Some(&values[at])), pattern, at)));
    }
    near.sort_by_key(|&(closeness, pattern, at)| (std::cmp::Reverse(closeness), pattern, at));
    let mut stands_for: Vec<Option<usize>> = vec![None; nodes.len()];
    let mut taken = vec![false; values.len()];
    for (_, pattern, at) in near {
        if stands_for[pattern].is_none() && !taken[at] {
            stands_for[pattern] = Some(at);
            taken[at] = true;
        }
    }
    surplus.retain(|&at| !taken[at]);
    Partition { unmet: unmet.into_iter().map(|pattern| (pattern, stands_for[pattern])).collect(), surplus }
}

fn of_matcher(matcher: &Matcher, value: &Value) -> u64 {
    if matcher.matches(Some(value)) {
        return FULL;
    }
    if !matcher_fits_shape(matcher, value) {
        return 0;
    }
    match (matcher, value) {
        (Matcher::Contains(node), Value::Array(values)) => {
            above_shape(values.iter().map(|value| closeness(node, Some(value))).max().unwrap_or(0))
        }
        (Matcher::Each(node), Value::Array(values)) => {
            above_shape(mean(values.iter().map(|value| (1, closeness(node, Some(value))))))
        }
        (Matcher::Unordered(nodes), Value::Array(values)) => {
            let partition = partition(nodes, values);
            let met = (nodes.len() - partition.unmet.len()) as u64 * FULL;
            let near = |&(pattern, at): &(usize, Option<usize>)| {
                at.map_or(0, |at| closeness(&nodes[pattern], Some(&values[at])))
            };
            let sum = met + partition.unmet.iter().map(near).sum::<u64>();
            above_shape(sum / nodes.len().max(values.len()).max(1) as u64)
        }
        (Matcher::OneOf(alternatives), value) => {
            alternatives.iter().map(|node| closeness(node, Some(value))).max().unwrap_or(0)
        }
        (Matcher::Exact(Value::Array(expected)), Value::Array(values)) => {
            let nodes: Vec<PatternNode> = expected.iter().map(exactly).collect();
            above_shape(side_by_side(&nodes, values))
        }
        (Matcher::Exact(Value::Object(expected)), Value::Object(values)) => {
            let wanted = expected.iter().map(|(key, value)| (1, closeness(&exactly(value), values.get(key))));
            let extra = values.keys().filter(|key| !expected.contains_key(*key)).map(|_| (1, 0));
            above_shape(mean(wanted.chain(extra)))
        }
        (Matcher::Exact(expected), value) => closeness(&exactly(expected), Some(value)),
        _ => SHAPE,
    }
}

fn of_fields(fields: &[Field], values: &Map<String, Value>, weight: &dyn Fn(&Field) -> u64) -> u64 {
    mean(fields.iter().map(|field| (weight(field), closeness(&field.node, values.get(&field.key)))))
}

fn side_by_side(nodes: &[PatternNode], values: &[Value]) -> u64 {
    let both = nodes.iter().zip(values).map(|(node, value)| (1, closeness(node, Some(value))));
    let alone = (0..nodes.len().abs_diff(values.len())).map(|_| (1, 0));
    mean(both.chain(alone))
}

/// The weighted mean, rounded down; 0 of nothing.
fn mean(parts: impl Iterator<Item = (u64, u64)>) -> u64 {
    let (mut sum, mut total) = (0, 0);
    for (weight, closeness) in parts {
        sum += weight * closeness;
        total += weight;
    }
    u64::checked_div(sum, total).unwrap_or(0)
}

fn above_shape(inner: u64) -> u64 {
    SHAPE + inner * (FULL - SHAPE) / FULL
}

fn similarity(a: &str, b: &str) -> u64 {
    let (lengths, longest) = {
        let (a, b) = (a.chars().count(), b.chars().count());
        (a.min(b), a.max(b))
    };
    let front = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let back = a.chars().rev().zip(b.chars().rev()).take_while(|(a, b)| a == b).count();
    let common = (front + back).min(lengths);
    common as u64 * SIMILAR / longest.max(1) as u64
}
