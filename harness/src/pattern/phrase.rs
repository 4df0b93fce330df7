//! What a pattern asks for, in words that fit behind "expected".

use serde_json::Value;

use super::bound::{Bound, Comparison};
use super::json_type::JsonType;
use super::node::{Matcher, PatternNode};
use super::text;

/// How many alternatives of a `$one_of` a line names.
const ALTERNATIVES: usize = 8;

/// What a pattern asks for: constants as compact JSON, matchers in words.
pub(super) fn node(node: &PatternNode) -> String {
    match node {
        PatternNode::Scalar(value) => text::short(value),
        PatternNode::Array(_) | PatternNode::Object(_) => text::short(&node.written()),
        PatternNode::Matchers(matchers) => {
            let mut each: Vec<String> = matchers.iter().map(matcher).collect();
            // "a string and a string matching /x/" says one thing twice.
            let all = each.clone();
            each.retain(|one| !all.iter().any(|other| other.len() > one.len() && other.starts_with(one)));
            each.join(" and ")
        }
    }
}

/// What one matcher asks for.
pub(super) fn matcher(matcher: &Matcher) -> String {
    match matcher {
        Matcher::Regex(regex) => format!("a string matching /{}/", text::visible(regex.as_str())),
        Matcher::Type(types) => json_types(types),
        Matcher::Any => "any value".to_owned(),
        Matcher::Absent => "no value".to_owned(),
        Matcher::Len(inner) => format!("a length of {}", node(inner)),
        Matcher::Compare(comparison, bound) => compared(*comparison, bound),
        Matcher::Contains(inner) => match inner.as_text() {
            Some(part) => format!("a string or an array containing {}", text::short(&part.into())),
            None => format!("an array with {}", element(inner)),
        },
        Matcher::Unordered(_) => match matcher.argument() {
            Value::Array(empty) if empty.is_empty() => "an empty array".to_owned(),
            patterns => format!("the elements {} in any order", text::short(&patterns)),
        },
        Matcher::Each(inner) => format!("an array of which every element is {}", node(inner)),
        Matcher::Not(inner) if matches!(**inner, PatternNode::Matchers(ref only) if matches!(only[..], [Matcher::Absent])) => {
            "any value".to_owned()
        }
        Matcher::Not(inner) => format!("anything but {}", node(inner)),
        Matcher::OneOf(alternatives) => one_of(alternatives),
        Matcher::Exact(value) => format!("exactly {}", text::short(value)),
        Matcher::Format(format) => format.described().to_owned(),
    }
}

/// The JSON types that a matcher could accept, for a value of another type.
pub(super) fn shape(matcher: &Matcher) -> String {
    match matcher {
        Matcher::Compare(_, Bound::Number(_)) => "a number".to_owned(),
        Matcher::Len(_) => "a string, an array or an object".to_owned(),
        Matcher::Contains(node) if node.as_text().is_some() => "an array or a string".to_owned(),
        Matcher::Contains(_) | Matcher::Unordered(_) | Matcher::Each(_) => "an array".to_owned(),
        Matcher::Exact(expected) => match expected {
            Value::Array(_) => "an array".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            scalar => text::with_shape(scalar),
        },
        matcher => self::matcher(matcher),
    }
}

/// An element that matches, as `$contains` and `$unordered` want it.
pub(super) fn element(inner: &PatternNode) -> String {
    match inner {
        PatternNode::Scalar(_) => format!("the element {}", node(inner)),
        PatternNode::Array(_) | PatternNode::Object(_) => format!("an element matching {}", node(inner)),
        PatternNode::Matchers(_) => format!("an element that is {}", node(inner)),
    }
}

/// The JSON types of a `$type`.
pub(super) fn json_types(types: &[JsonType]) -> String {
    let names: Vec<String> = types.iter().map(|each| each.described().to_owned()).collect();
    text::joined(&names, "or")
}

/// The alternatives of a `$one_of`.
pub(super) fn one_of(alternatives: &[PatternNode]) -> String {
    let mut each: Vec<String> = alternatives.iter().take(ALTERNATIVES).map(node).collect();
    if alternatives.len() > ALTERNATIVES {
        each.push(format!("{} more", alternatives.len() - ALTERNATIVES));
    }
    text::joined(&each, "or")
}

fn compared(comparison: Comparison, bound: &Bound) -> String {
    use Comparison::{AtLeast, AtMost, Greater, Less};
    match bound {
        Bound::Number(number) => {
            let words = match comparison {
                Greater => "more than",
                AtLeast => "at least",
                Less => "less than",
                AtMost => "at most",
            };
            format!("{words} {number}")
        }
        Bound::Instant(_, text) => {
            let words = match comparison {
                Greater => "after",
                AtLeast => "not before",
                Less => "before",
                AtMost => "not after",
            };
            format!("a timestamp {words} {text}")
        }
        Bound::Text(text) => {
            let words = match comparison {
                Greater => "behind",
                AtLeast => "at or behind",
                Less => "in front of",
                AtMost => "at or in front of",
            };
            format!("a string that sorts {words} {}", text::quoted(text))
        }
    }
}
