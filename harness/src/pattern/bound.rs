//! What `$gt`, `$gte`, `$lt` and `$lte` compare with.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Number, Value};

use super::format::instant;
use super::value::number_cmp;

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

impl Comparison {
    pub(super) fn accepts(self, ordering: Ordering) -> bool {
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
    pub(super) fn compare(&self, value: &Value) -> Option<Ordering> {
        match (self, value) {
            (Bound::Number(bound), Value::Number(number)) => Some(number_cmp(number, bound)),
            (Bound::Instant(bound, _), Value::String(text)) => Some(instant(text)?.cmp(bound)),
            (Bound::Text(bound), Value::String(text)) => Some(text.as_str().cmp(bound)),
            _ => None,
        }
    }
}
