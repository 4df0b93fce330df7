//! A compiled pattern, and whether a value matches it. Nothing here explains or, but for
//! `$unordered`, allocates.

use std::cmp::Ordering;

use jiff::Timestamp;
use regex::Regex;
use serde_json::{Map, Number, Value};

use super::format::{Format, instant};
use super::pairing::pair_up;
use super::value::{is_integral, json_equal, number_cmp};

/// One level of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Equal to this null, boolean, number or string.
    Scalar(Value),
    /// An array of the same length, element by element.
    Array(Vec<Node>),
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
    pub(super) node: Node,
}

/// One `$word` with its argument.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Regex(Regex),
    Type(Vec<JsonType>),
    Any,
    Absent,
    Len(Box<Node>),
    Compare(Comparison, Bound),
    Contains(Box<Node>),
    Unordered(Vec<Node>),
    Each(Box<Node>),
    Not(Box<Node>),
    OneOf(Vec<Node>),
    Exact(Value),
    Format(Format),
}

/// What `$type` can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonType {
    String,
    Number,
    Integer,
    Boolean,
    Null,
    Object,
    Array,
}

/// The four comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Greater,
    AtLeast,
    Less,
    AtMost,
}

/// What a value is compared with. The kind decides what values can be compared at all.
#[derive(Clone, Debug)]
pub(super) enum Bound {
    Number(Number),
    /// With the text as written.
    Instant(Timestamp, String),
    Text(String),
}

impl Node {
    /// Whether a value, or its absence, satisfies this.
    pub(super) fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Node::Matchers(matchers), _) => matchers.iter().all(|matcher| matcher.matches(value)),
            (_, None) => false,
            (Node::Scalar(expected), Some(value)) => json_equal(expected, value),
            (Node::Array(nodes), Some(Value::Array(values))) => in_order(nodes, values),
            (Node::Object(fields), Some(Value::Object(values))) => {
                fields.iter().all(|field| field.node.matches(values.get(&field.key)))
            }
            (Node::Array(_) | Node::Object(_), Some(_)) => false,
        }
    }

    /// Whether every value that is present matches, whatever it is. May miss a `$one_of` whose
    /// alternatives only together cover everything.
    pub(super) fn accepts_everything(&self) -> bool {
        let Node::Matchers(matchers) = self else {
            return false;
        };
        matchers.iter().all(|matcher| match matcher {
            Matcher::Any => true,
            Matcher::Type(types) => JsonType::EVERY.iter().all(|each| types.contains(each)),
            Matcher::OneOf(alternatives) => alternatives.iter().any(Node::accepts_everything),
            Matcher::Not(node) => node.refuses_everything(),
            _ => false,
        })
    }

    /// Whether no value that is present can match.
    fn refuses_everything(&self) -> bool {
        let Node::Matchers(matchers) = self else {
            return false;
        };
        matchers.iter().any(|matcher| match matcher {
            Matcher::Absent => true,
            Matcher::OneOf(alternatives) => alternatives.iter().all(Node::refuses_everything),
            Matcher::Not(node) => node.accepts_everything(),
            _ => false,
        })
    }

    /// The node as JSON, as it was written.
    pub(super) fn written(&self) -> Value {
        match self {
            Node::Scalar(value) => value.clone(),
            Node::Array(nodes) => written_list(nodes),
            Node::Object(fields) => {
                let escaped = |key: &str| {
                    if key.starts_with('$') { format!("${key}") } else { key.to_owned() }
                };
                let fields = fields.iter().map(|field| (escaped(&field.key), field.node.written()));
                Value::Object(fields.collect())
            }
            Node::Matchers(matchers) => {
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
                nodes.len() == values.len() && (in_order(nodes, values) || pair_up(nodes, values).is_perfect())
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

impl JsonType {
    /// Every type there is; integers are numbers.
    const EVERY: [JsonType; 6] =
        [JsonType::String, JsonType::Number, JsonType::Boolean, JsonType::Null, JsonType::Object, JsonType::Array];

    pub(super) const NAMES: [&'static str; 7] = ["string", "number", "integer", "boolean", "null", "object", "array"];

    pub(super) fn named(name: &str) -> Option<JsonType> {
        let every = JsonType::EVERY.into_iter().chain([JsonType::Integer]);
        every.into_iter().find(|each| each.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            JsonType::String => "string",
            JsonType::Number => "number",
            JsonType::Integer => "integer",
            JsonType::Boolean => "boolean",
            JsonType::Null => "null",
            JsonType::Object => "object",
            JsonType::Array => "array",
        }
    }

    /// The type with its article.
    pub(super) fn described(self) -> &'static str {
        match self {
            JsonType::String => "a string",
            JsonType::Number => "a number",
            JsonType::Integer => "an integer",
            JsonType::Boolean => "a boolean",
            JsonType::Null => "null",
            JsonType::Object => "an object",
            JsonType::Array => "an array",
        }
    }

    pub(super) fn accepts(self, value: &Value) -> bool {
        match self {
            JsonType::String => value.is_string(),
            JsonType::Number => value.is_number(),
            JsonType::Integer => matches!(value, Value::Number(number) if is_integral(number)),
            JsonType::Boolean => value.is_boolean(),
            JsonType::Null => value.is_null(),
            JsonType::Object => value.is_object(),
            JsonType::Array => value.is_array(),
        }
    }
}

impl Comparison {
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Greater => ordering.is_gt(),
            Comparison::AtLeast => ordering.is_ge(),
            Comparison::Less => ordering.is_lt(),
            Comparison::AtMost => ordering.is_le(),
        }
    }
}

impl Bound {
    pub(super) fn text(text: &str) -> Bound {
        match instant(text) {
            Some(at) => Bound::Instant(at, text.to_owned()),
            None => Bound::Text(text.to_owned()),
        }
    }

    /// How `value` stands to this bound; `None` when the two can't be compared.
    fn compare(&self, value: &Value) -> Option<Ordering> {
        match (self, value) {
            (Bound::Number(bound), Value::Number(number)) => Some(number_cmp(number, bound)),
            (Bound::Instant(bound, _), Value::String(text)) => Some(instant(text)?.cmp(bound)),
            (Bound::Text(bound), Value::String(text)) => Some(text.as_str().cmp(bound)),
            _ => None,
        }
    }
}

impl Node {
    /// The string that this is a constant of.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Node::Scalar(value) => value.as_str(),
            _ => None,
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

fn in_order(nodes: &[Node], values: &[Value]) -> bool {
    nodes.len() == values.len() && nodes.iter().zip(values).all(|(node, value)| node.matches(Some(value)))
}

fn written_list(nodes: &[Node]) -> Value {
    nodes.iter().map(Node::written).collect()
}
