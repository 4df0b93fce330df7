//! A compiled pattern, and whether a value matches it. Nothing here explains or, except for
//! `$unordered`, allocates.

use regex::Regex;
use serde_json::{Map, Value};

use super::bound::{Bound, Comparison};
use super::format::Format;
use super::json_type::JsonType;
use super::matching::maximum_matching;
use super::value::json_equal;

/// One level of a pattern.
#[derive(Clone, Debug)]
pub(super) enum PatternNode {
    /// Equal to this null, boolean, number or string.
    Scalar(Value),
    /// An array of the same length, element by element.
    Array(Vec<PatternNode>),
    /// An object with at least these fields.
    Object(Vec<Field>),
    /// Every one of these holds.
    Matchers(Vec<Matcher>),
}

/// A field that an object pattern speaks of.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// The key in the value, without the `$` that escapes it in the pattern.
    pub(super) key: String,
    pub(super) node: PatternNode,
}

/// One `$word` with its argument.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Regex(Regex),
    Type(Vec<JsonType>),
    Any,
    Absent,
    Len(Box<PatternNode>),
    Compare(Comparison, Bound),
    Contains(Box<PatternNode>),
    Unordered(Vec<PatternNode>),
    Each(Box<PatternNode>),
    Not(Box<PatternNode>),
    OneOf(Vec<PatternNode>),
    Exact(Value),
    Format(Format),
}

impl PatternNode {
    /// Whether a value, or its absence, satisfies this.
    pub(super) fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (PatternNode::Matchers(matchers), _) => matchers.iter().all(|matcher| matcher.matches(value)),
            (_, None) => false,
            (PatternNode::Scalar(expected), Some(value)) => json_equal(expected, value),
            (PatternNode::Array(nodes), Some(Value::Array(values))) => in_order(nodes, values),
            (PatternNode::Object(fields), Some(Value::Object(values))) => {
                fields.iter().all(|field| field.node.matches(values.get(&field.key)))
            }
            (PatternNode::Array(_) | PatternNode::Object(_), Some(_)) => false,
        }
    }

    /// Whether every value that is present matches, whatever it is. May miss a `$one_of` whose
    /// alternatives only together cover everything.
    pub(super) fn accepts_everything(&self) -> bool {
        let PatternNode::Matchers(matchers) = self else {
            return false;
        };
        matchers.iter().all(|matcher| match matcher {
            Matcher::Any => true,
            Matcher::Type(types) => JsonType::EVERY.iter().all(|each| types.contains(each)),
            Matcher::OneOf(alternatives) => alternatives.iter().any(PatternNode::accepts_everything),
            Matcher::Not(node) => node.refuses_everything(),
            _ => false,
        })
    }

    /// Whether no value that is present can match.
    fn refuses_everything(&self) -> bool {
        let PatternNode::Matchers(matchers) = self else {
            return false;
        };
        matchers.iter().any(|matcher| match matcher {
            Matcher::Absent => true,
            Matcher::OneOf(alternatives) => alternatives.iter().all(PatternNode::refuses_everything),
            Matcher::Not(node) => node.accepts_everything(),
            _ => false,
        })
    }

    /// The string that this is a constant of.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            PatternNode::Scalar(value) => value.as_str(),
            _ => None,
        }
    }

    /// The node as JSON, as it was written.
    pub(super) fn written(&self) -> Value {
        match self {
            PatternNode::Scalar(value) => value.clone(),
            PatternNode::Array(nodes) => written_list(nodes),
            PatternNode::Object(fields) => {
                let escaped = |key: &str| {
                    if key.starts_with('$') { format!("${key}") } else { key.to_owned() }
                };
                let fields = fields.iter().map(|field| (escaped(&field.key), field.node.written()));
                Value::Object(fields.collect())
            }
            PatternNode::Matchers(matchers) => {
                let words = matchers.iter().map(|matcher| (matcher.word().to_owned(), matcher.argument()));
                Value::Object(words.collect::<Map<_, _>>())
            }
        }
    }
}

impl Matcher {
    pub(super) fn matches(&self, value: Option<&Value>) -> bool {
        let Some(value) = value else {
            return match self {
                Matcher::Absent => true,
                Matcher::Not(node) => !node.matches(None),
                Matcher::OneOf(alternatives) => alternatives.iter().any(|node| node.matches(None)),
                _ => false,
            };
        };
        match self {
            Matcher::Any => true,
            Matcher::Absent => false,
            Matcher::Regex(regex) => value.as_str().is_some_and(|text| regex.is_match(text)),
            Matcher::Type(types) => types.iter().any(|each| each.accepts(value)),
            Matcher::Len(node) => length(value).is_some_and(|length| node.matches(Some(&length.into()))),
            Matcher::Compare(comparison, bound) => {
                bound.compare(value).is_some_and(|ordering| comparison.accepts(ordering))
            }
            Matcher::Contains(node) => match value {
                Value::Array(values) => values.iter().any(|value| node.matches(Some(value))),
                Value::String(text) => node.as_text().is_some_and(|part| text.contains(part)),
                _ => false,
            },
            Matcher::Unordered(nodes) => value.as_array().is_some_and(|values| {
                nodes.len() == values.len() && (in_order(nodes, values) || in_any_order(nodes, values))
            }),
            Matcher::Each(node) => {
                value.as_array().is_some_and(|values| values.iter().all(|value| node.matches(Some(value))))
            }
            Matcher::Not(node) => !node.matches(Some(value)),
            Matcher::OneOf(alternatives) => alternatives.iter().any(|node| node.matches(Some(value))),
            Matcher::Exact(expected) => json_equal(expected, value),
            Matcher::Format(format) => value.as_str().is_some_and(|text| format.accepts(text)),
        }
    }

    pub(super) fn word(&self) -> &'static str {
        match self {
            Matcher::Regex(_) => "$regex",
            Matcher::Type(_) => "$type",
            Matcher::Any => "$any",
            Matcher::Absent => "$absent",
            Matcher::Len(_) => "$len",
            Matcher::Compare(Comparison::Greater, _) => "$gt",
            Matcher::Compare(Comparison::AtLeast, _) => "$gte",
            Matcher::Compare(Comparison::Less, _) => "$lt",
            Matcher::Compare(Comparison::AtMost, _) => "$lte",
            Matcher::Contains(_) => "$contains",
            Matcher::Unordered(_) => "$unordered",
            Matcher::Each(_) => "$each",
            Matcher::Not(_) => "$not",
            Matcher::OneOf(_) => "$one_of",
            Matcher::Exact(_) => "$exact",
            Matcher::Format(_) => "$format",
        }
    }

    /// The argument as it was written.
    pub(super) fn argument(&self) -> Value {
        match self {
            Matcher::Regex(regex) => regex.as_str().into(),
            Matcher::Type(types) => match types.as_slice() {
                [one] => one.name().into(),
                several => several.iter().map(|each| each.name()).collect(),
            },
            Matcher::Any | Matcher::Absent => true.into(),
            Matcher::Len(node) | Matcher::Contains(node) | Matcher::Each(node) | Matcher::Not(node) => node.written(),
            Matcher::Compare(_, Bound::Number(number)) => Value::Number(number.clone()),
            Matcher::Compare(_, Bound::Instant(_, text) | Bound::Text(text)) => text.as_str().into(),
            Matcher::Unordered(nodes) | Matcher::OneOf(nodes) => written_list(nodes),
            Matcher::Exact(value) => value.clone(),
            Matcher::Format(format) => format.name().into(),
        }
    }
}

/// What `$len` counts: Unicode scalar values, elements or fields.
pub(super) fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(values) => Some(values.len()),
        Value::Object(fields) => Some(fields.len()),
        _ => None,
    }
}

fn in_order(nodes: &[PatternNode], values: &[Value]) -> bool {
    nodes.len() == values.len() && nodes.iter().zip(values).all(|(node, value)| node.matches(Some(value)))
}

fn in_any_order(nodes: &[PatternNode], values: &[Value]) -> bool {
    let fits = |node: usize, value: usize| nodes[node].matches(Some(&values[value]));
    maximum_matching(nodes.len(), values.len(), fits).is_perfect()
}

fn written_list(nodes: &[PatternNode]) -> Value {
    nodes.iter().map(PatternNode::written).collect()
}
