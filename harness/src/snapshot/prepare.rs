//! A frame or answer on its way into a snapshot: redactions, times, the orders of raced streams.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::scenario::stream::SnapshotRules;
use crate::snapshot::json_pointer::{pointers, put};
use crate::snapshot::raced::{RacedOrders, SEQ};

/// What stands for a time.
const TIME: &str = "[time]";

static TIMES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})")
        .expect("a constant expression")
});

/// A value that is ready to be named, with the lists in it whose order means nothing (JSON pointers).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prepared {
    pub(crate) value: Value,
    pub(crate) unordered: BTreeSet<String>,
}

/// Prepares values, and counts which redactions did something.
pub(crate) struct Preparation<'a> {
    rules: &'a SnapshotRules,
    raced: &'a RacedOrders,
    used: BTreeSet<usize>,
    now: f64,
}

impl<'a> Preparation<'a> {
    pub(crate) fn new(rules: &'a SnapshotRules, raced: &'a RacedOrders, now: f64) -> Self {
        Self { rules, raced, used: BTreeSet::new(), now }
    }

    /// Prepares one value; what stands at `orders` becomes `[seq]`.
    pub(crate) fn value(&mut self, value: &Value, orders: &[&JsonPath]) -> Prepared {
        let mut unordered = BTreeSet::new();
        for path in &self.rules.unordered {
            unordered.extend(pointers(path, value));
        }
        let mut value = value.clone();
        for (place, redaction) in self.rules.redact.iter().enumerate() {
            for pointer in pointers(&redaction.path, &value) {
                self.used.insert(place);
                put(&mut value, &pointer, &redaction.with);
            }
        }
        for path in orders {
            for pointer in pointers(path, &value) {
                put(&mut value, &pointer, SEQ);
            }
        }
        self.raced_orders(&mut value, "", &mut unordered);
        times(&mut value, self.now);
        Prepared { value, unordered }
    }

    /// The redactions, as written, that matched nothing in any value so far.
    pub(crate) fn unmatched(&self) -> Vec<String> {
        let redactions = self.rules.redact.iter().enumerate();
        redactions.filter(|(place, _)| !self.used.contains(place)).map(|(_, redaction)| redaction.label()).collect()
    }

    /// Replaces the orders of raced deliveries wherever they are shown again, such as in a history. A list of
    /// nothing else has no order either. Says whether the value itself is such a delivery.
    fn raced_orders(&self, value: &mut Value, at: &str, unordered: &mut BTreeSet<String>) -> bool {
        match value {
            _ if self.raced.orders.is_empty() => false,
            Value::Array(items) => {
                let mut all = !items.is_empty();
                for (place, item) in items.iter_mut().enumerate() {
                    all &= self.raced_orders(item, &format!("{at}/{place}"), unordered);
                }
                if all {
                    unordered.insert(at.to_owned());
                }
                false
            }
            Value::Object(entries) => {
                let orders: BTreeSet<i64> = entries
                    .values()
                    .filter_map(|value| value.as_str())
                    .filter_map(|text| self.raced.orders.get(text).copied())
                    .collect();
                let mut raced = false;
                for (key, value) in entries.iter_mut() {
                    if self.raced.keys.contains(key) && value.as_i64().is_some_and(|order| orders.contains(&order)) {
                        *value = Value::from(SEQ);
                        raced = true;
                    } else {
                        let key = key.replace('~', "~0").replace('/', "~1");
                        self.raced_orders(value, &format!("{at}/{key}"), unordered);
                    }
                }
                raced
            }
            _ => false,
        }
    }
}

/// Puts a word for every time: texts of RFC 3339, and numbers that count seconds, milliseconds, microseconds or
/// nanoseconds since 1970 to within a day of `now`.
fn times(value: &mut Value, now: f64) {
    const DAY: f64 = 86_400.0;
    match value {
        Value::Number(number) => {
            let is_time = |unit: f64| number.as_f64().is_some_and(|number| (number / unit - now).abs() < DAY);
            if now > DAY && [1.0, 1e3, 1e6, 1e9].into_iter().any(is_time) {
                *value = Value::from(TIME);
            }
        }
        Value::String(text) => {
            if TIMES.is_match(text) {
                *text = TIMES.replace_all(text, TIME).into_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| times(item, now)),
        Value::Object(entries) => entries.values_mut().for_each(|value| times(value, now)),
        _ => {}
    }
}
