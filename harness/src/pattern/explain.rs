//! Explains why a value doesn't match a pattern.

use serde_json::{Map, Value};

use super::closeness::{exactly, fits_shape, matcher_fits_shape, nearest_alternative, nearest_of, partition};
use super::difference::{Difference, DifferenceKind as Kind};
use super::node::{Field, Matcher, PatternNode, length};
use super::pairing::{aligned, pair_up};
use super::path::{self, Segment};
use super::{phrase, text};
use crate::text::nearest::nearest_key;

/// Arrays whose lengths' product is greater are compared position by position only.
const ALIGNED_CELLS: usize = 40_000;

/// Every difference between a pattern and a value, or its absence.
pub(super) fn differences(node: &PatternNode, value: Option<&Value>) -> Vec<Difference> {
    let mut explainer = Explainer { path: Vec::new(), found: Vec::new() };
    match value {
        Some(value) => explainer.node(node, value),
        None if node.matches(None) => {}
        None => explainer.missing(node, String::new()),
    }
    explainer.found
}

struct Explainer {
    path: Vec<Segment>,
    found: Vec<Difference>,
}

impl Explainer {
    fn node(&mut self, node: &PatternNode, value: &Value) {
        if node.matches(Some(value)) {
            return;
        }
        match (node, value) {
            (PatternNode::Scalar(Value::String(expected)), Value::String(actual)) => {
                let (expected, actual) = text::two_strings(expected, actual);
                self.push(Kind::Value, expected, actual);
            }
            (PatternNode::Scalar(expected), value) if fits_shape(node, value) => {
                self.push(Kind::Value, text::short(expected), text::short(value));
            }
            (PatternNode::Scalar(expected), value) => self.shape(text::with_shape(expected), value),
            (PatternNode::Array(nodes), Value::Array(values)) => self.array(nodes, values),
            (PatternNode::Array(_), value) => self.shape("an array", value),
            (PatternNode::Object(fields), Value::Object(values)) => self.object(fields, values),
            (PatternNode::Object(_), value) => self.shape("an object", value),
            (PatternNode::Matchers(matchers), value) => self.matchers(matchers, value),
        }
    }

    fn object(&mut self, fields: &[Field], values: &Map<String, Value>) {
        let asked: Vec<&str> = fields.iter().map(|field| field.key.as_str()).collect();
        for field in fields {
            self.field(&field.key, &field.node, values, &asked);
        }
    }

    /// `asked` are the keys that the pattern knows, so that a similar key among the others can be
    /// named for one that is missing.
    fn field(&mut self, key: &str, node: &PatternNode, values: &Map<String, Value>, asked: &[&str]) {
        self.below(Segment::Key(key.to_owned()), |it| match values.get(key) {
            Some(value) => it.node(node, value),
            None if node.matches(None) => {}
            None => {
                let others = values.keys().map(String::as_str).filter(|key| !asked.contains(key));
                let remark = nearest_key(key, others);
                let remark = remark.map(|other| format!("there is {}", text::quoted(other)));
                it.missing(node, remark.unwrap_or_default());
            }
        });
    }

    fn array(&mut self, nodes: &[PatternNode], values: &[Value]) {
        let same_length = nodes.len() == values.len();
        let small = nodes.len().saturating_mul(values.len()) <= ALIGNED_CELLS;
        if !same_length {
            let expected = text::count(nodes.len(), "element");
            self.push(Kind::Length, expected, text::count(values.len(), "element"));
        } else if small && pair_up(nodes, values).is_perfect() {
            let expected = phrase::node(&PatternNode::Array(nodes.to_vec()));
            let actual = format!("the same elements in another order, {}", text::short_list(values));
            self.push(Kind::Order, format!("{expected} in this order"), actual);
            return;
        }
        let anchors = if small { aligned(nodes, values) } else { Vec::new() };
        let in_place = nodes.iter().zip(values).filter(|(node, value)| node.matches(Some(value))).count();
        // Elements that have moved count only where that explains more than their places do.
        let anchors = if anchors.len() > in_place { anchors } else { Vec::new() };
        let (mut pattern, mut element) = (0, 0);
        for (next_pattern, next_element) in anchors.into_iter().chain([(nodes.len(), values.len())]) {
            self.gap(nodes, values, pattern..next_pattern, element..next_element);
            (pattern, element) = (next_pattern + 1, next_element + 1);
        }
    }

    /// A stretch between two elements that match: as far as both go they are compared, and then
    /// elements are missing or too many.
    fn gap(
        &mut self,
        nodes: &[PatternNode],
        values: &[Value],
        patterns: std::ops::Range<usize>,
        elements: std::ops::Range<usize>,
    ) {
        let both = patterns.len().min(elements.len());
        let (first_pattern, first_element) = (patterns.start, elements.start);
        for step in 0..both {
            self.below(Segment::Index(first_element + step), |it| {
                it.node(&nodes[first_pattern + step], &values[first_element + step]);
            });
        }
        for missing in patterns.skip(both) {
            self.below(Segment::Index(missing), |it| {
                it.missing(&nodes[missing], String::new());
            });
        }
        for extra in elements.skip(both) {
            self.below(Segment::Index(extra), |it| {
                it.unexpected("no further element", &values[extra]);
            });
        }
    }

    fn matchers(&mut self, matchers: &[Matcher], value: &Value) {
        let failing = || matchers.iter().filter(|matcher| !matcher.matches(Some(value)));
        // A wrong type says it all: what else fails, fails because of it.
        let wrong_type = |matcher: &&Matcher| matches!(matcher, Matcher::Type(_));
        if let Some(matcher) = failing().find(wrong_type) {
            self.matcher(matcher, value);
            return;
        }
        let start = self.found.len();
        for matcher in failing() {
            let before = self.found.len();
            self.matcher(matcher, value);
            // Two bounds on a value of another type are one difference.
            if self.found.len() == before + 1 && self.found[start..before].contains(&self.found[before]) {
                self.found.pop();
            }
        }
    }

    fn matcher(&mut self, matcher: &Matcher, value: &Value) {
        if !matcher_fits_shape(matcher, value) {
            return self.shape(phrase::shape(matcher), value);
        }
        match (matcher, value) {
            (Matcher::Absent, value) => self.unexpected("no value", value),
            (Matcher::Len(node), value) => self.len(node, value),
            (Matcher::Contains(node), Value::Array(values)) => self.contains(node, values),
            (Matcher::Contains(node), value) => {
                self.push(Kind::Value, format!("a string containing {}", phrase::node(node)), text::short(value));
            }
            (Matcher::Unordered(nodes), Value::Array(values)) => self.unordered(nodes, values),
            (Matcher::Each(node), Value::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.below(Segment::Index(index), |it| it.node(node, value));
                }
            }
            (Matcher::Not(_), value) => {
                self.push(Kind::Forbidden, phrase::matcher(matcher), text::short(value));
            }
            (Matcher::OneOf(alternatives), value) => self.one_of(alternatives, value),
            (Matcher::Exact(Value::Array(expected)), Value::Array(values)) => {
                let nodes: Vec<PatternNode> = expected.iter().map(exactly).collect();
                self.array(&nodes, values);
            }
            (Matcher::Exact(Value::Object(expected)), Value::Object(values)) => {
                self.exact_object(expected, values);
            }
            (Matcher::Exact(expected), value) => self.node(&exactly(expected), value),
            (matcher, value) => {
                self.push(Kind::Value, phrase::matcher(matcher), text::short(value));
            }
        }
    }

    fn exact_object(&mut self, expected: &Map<String, Value>, values: &Map<String, Value>) {
        let asked: Vec<&str> = expected.keys().map(String::as_str).collect();
        for (key, value) in expected {
            self.field(key, &exactly(value), values, &asked);
        }
        for (key, value) in values.iter().filter(|(key, _)| !expected.contains_key(*key)) {
            self.below(Segment::Key(key.clone()), |it| {
                it.unexpected("no such field", value);
            });
        }
    }

    fn len(&mut self, node: &PatternNode, value: &Value) {
        let noun = match value {
            Value::String(_) => "character",
            Value::Array(_) => "element",
            _ => "field",
        };
        let expected = match node {
            PatternNode::Scalar(number) => match number.as_u64().and_then(|number| usize::try_from(number).ok()) {
                Some(number) => text::count(number, noun),
                None => format!("{number} {noun}s"),
            },
            node => format!("a length of {}", phrase::node(node)),
        };
        self.push(Kind::Length, expected, text::count(length(value).unwrap_or_default(), noun));
    }

    fn contains(&mut self, node: &PatternNode, values: &[Value]) {
        let nearest = match node {
            PatternNode::Scalar(_) => None,
            node => nearest_of(node, values),
        };
        match nearest {
            None => self.push(Kind::Element, phrase::element(node), text::short_list(values)),
            Some(at) => {
                let count = text::count(values.len(), "element");
                let actual = format!("{count}, the nearest is [{at}]");
                self.push(Kind::Element, phrase::element(node), actual);
                self.below(Segment::Index(at), |it| it.node(node, &values[at]));
            }
        }
    }

    fn unordered(&mut self, nodes: &[PatternNode], values: &[Value]) {
        if nodes.len() != values.len() {
            let expected = format!("{} in any order", text::count(nodes.len(), "element"));
            self.push(Kind::Length, expected, text::count(values.len(), "element"));
        }
        let partition = partition(nodes, values);
        for (pattern, nearest) in partition.unmet {
            let node = &nodes[pattern];
            let actual = match nearest {
                None => "none".to_owned(),
                Some(at) if matches!(node, PatternNode::Scalar(_)) => {
                    format!("none, the nearest left over is [{at}], {}", text::short(&values[at]))
                }
                Some(at) => format!("none, the nearest left over is [{at}]"),
            };
            self.push(Kind::Element, phrase::element(node), actual);
            if let Some(at) = nearest
                && (!matches!(node, PatternNode::Scalar(_)) || !fits_shape(node, &values[at]))
            {
                self.below(Segment::Index(at), |it| it.node(node, &values[at]));
            }
        }
        for at in partition.surplus {
            self.below(Segment::Index(at), |it| {
                it.unexpected("no further element", &values[at]);
            });
        }
    }

    fn one_of(&mut self, alternatives: &[PatternNode], value: &Value) {
        let expected = phrase::one_of(alternatives);
        let structured = |at: &usize| !matches!(alternatives[*at], PatternNode::Scalar(_));
        let Some(at) = nearest_alternative(alternatives, value).filter(structured) else {
            return self.push(Kind::Alternative, expected, text::short(value));
        };
        let actual = format!("{}, nearest to the {}", text::short(value), text::ordinal(at + 1));
        self.push(Kind::Alternative, expected, actual);
        let start = self.found.len();
        self.node(&alternatives[at], value);
        // Leaves out differences that only repeat that two values differ.
        let here = path::in_value(&self.path);
        let repeats = |difference: &Difference| difference.path == here && difference.kind == Kind::Value;
        if self.found[start..].iter().all(repeats) {
            self.found.truncate(start);
        }
    }

    fn missing(&mut self, node: &PatternNode, remark: String) {
        self.push(Kind::Missing, phrase::node(node), remark);
    }

    fn unexpected(&mut self, expected: &str, value: &Value) {
        self.push(Kind::Unexpected, expected, text::short(value));
    }

    fn shape(&mut self, expected: impl Into<String>, value: &Value) {
        self.push(Kind::Shape, expected, text::with_shape(value));
    }

    fn below(&mut self, segment: Segment, visit: impl FnOnce(&mut Self)) {
        self.path.push(segment);
        visit(self);
        self.path.pop();
    }

    fn push(&mut self, kind: Kind, expected: impl Into<String>, actual: impl Into<String>) {
        let path = path::in_value(&self.path);
        self.found.push(Difference { path, kind, expected: expected.into(), actual: actual.into() });
    }
}
