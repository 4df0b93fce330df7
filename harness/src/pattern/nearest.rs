//! Finds the value that a pattern was probably meant for.

use std::fmt;

use serde_json::Value;

use super::closeness::{FULL, weight, weighted};
use super::compiled::Pattern;
use super::difference::Difference;
use super::node::{Field, PatternNode};

/// The weight of a field that tells kinds of values apart, where a common constant has 2.
const KIND: u64 = 8;

/// The candidate that comes nearest to a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// Its position among the candidates, from 0.
    pub index: usize,
    /// How near it comes.
    pub score: Score,
    /// Where it differs; empty if it matches.
    pub differences: Vec<Difference>,
}

/// The share of a pattern that a value agrees with, from nothing to all. Scores compare within one
/// call of [`nearest`]; shown as a percentage, which only a match brings to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(u64);

impl Score {
    /// The share, from 0.0 to 1.0, which only a match reaches.
    pub fn share(self) -> f64 {
        self.0 as f64 / FULL as f64
    }

    /// Whether nothing at all agrees, so that the nearest candidate is hardly worth showing.
    pub fn is_nothing(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0 * 100 / FULL)
    }
}

/// The candidate nearest to the pattern, the latest of equals; `None` without candidates.
///
/// The score is the share of agreeing leaves, by level: the mean over an object's fields, each of
/// which may be an object again, so that shallow fields weigh more than deep ones. Constants weigh
/// twice what matchers do. What tells kinds of frames apart is found in the candidates: an outermost
/// field that every object among them has as a string and that the pattern gives as a constant weighs four
/// times a constant. A leaf of the right JSON type counts a little even if its value is wrong.
pub fn nearest<'a>(pattern: &Pattern, candidates: impl IntoIterator<Item = &'a Value>) -> Option<NearMiss> {
    let candidates: Vec<&Value> = candidates.into_iter().collect();
    let scores = scores(pattern, &candidates).into_iter().enumerate();
    // `max_by_key` takes the last of equals.
    let (index, score) = scores.max_by_key(|&(_, score)| score)?;
    Some(NearMiss { index, score, differences: pattern.differences(candidates[index]) })
}

/// The score of each candidate among all of them.
pub(super) fn scores(pattern: &Pattern, candidates: &[&Value]) -> Vec<Score> {
    let root = pattern.root();
    let kinds: Vec<&str> = match root {
        PatternNode::Object(fields) => {
            let in_all = |key: &str| {
                let mut objects = candidates.iter().filter(|value| value.is_object());
                objects.all(|value| value.get(key).is_some_and(Value::is_string))
            };
            let constants = fields.iter().filter(|field| field.node.as_text().is_some());
            constants.map(|field| field.key.as_str()).filter(|key| in_all(key)).collect()
        }
        _ => Vec::new(),
    };
    let weight = |field: &Field| {
        if kinds.contains(&field.key.as_str()) { KIND } else { weight(&field.node) }
    };
    candidates.iter().map(|value| Score(weighted(root, Some(value), &weight))).collect()
}
