//! One difference between a value and its pattern.

use std::fmt;

use serde::Serialize;

/// One difference between a value and its pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where in the value, as JSONPath: `$.message.participants[1]`. A missing element stands at its
    /// place in the pattern.
    pub path: String,
    /// What kind of miss.
    pub kind: DifferenceKind,
    /// What the pattern asks for at this place, in words or compact JSON, shortened.
    pub expected: String,
    /// What is there, shortened. For [`DifferenceKind::Missing`] a remark on what is there instead,
    /// or empty.
    pub actual: String,
}

/// The kinds of misses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The value is missing.
    Missing,
    /// Something is there that should not be: a field behind `$absent`, an extra key or element.
    Unexpected,
    /// Another JSON type, such as a string where an object belongs.
    Shape,
    /// The right JSON type, another value.
    Value,
    /// Too long or too short.
    Length,
    /// The right elements, in another order.
    Order,
    /// No element that `$contains` or `$unordered` asks for; the differences behind it, if any, are
    /// those of the nearest element.
    Element,
    /// None of the alternatives of `$one_of`; the differences behind it, if any, are those to the
    /// nearest alternative.
    Alternative,
    /// A value that `$not` excludes.
    Forbidden,
}

/// One line for people, such as `$.content: expected "hello", got "hallo"`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { path, kind, expected, actual } = self;
        match kind {
            DifferenceKind::Missing if actual.is_empty() => {
                write!(f, "{path}: missing, expected {expected}")
            }
            DifferenceKind::Missing => write!(f, "{path}: missing, expected {expected} ({actual})"),
            _ => write!(f, "{path}: expected {expected}, got {actual}"),
        }
    }
}
