//! A frame or answer on its way into a snapshot: redactions, times, the orders of raced streams.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::scenario::snapshot_rules::{IdRule, SnapshotRules};
use crate::snapshot::json_pointer::{pointers, put};
use crate::snapshot::raced::{RacedOrders, SEQ};
use crate::snapshot::times::PlaySpan;

/// A value that is ready to be named, with the lists in it whose order means nothing (JSON pointers).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PreparedValue {
    pub(crate) value: Value,
    pub(crate) unordered: BTreeSet<String>,
    /// The kinds of the ids that stand at declared paths, by JSON pointer.
    pub(crate) ids: IdPlaces,
}

/// Kinds of ids by the JSON pointers where they stand.
pub(crate) type IdPlaces = BTreeMap<String, String>;

/// Where a value has ids by the paths of `ids`.
pub(crate) fn id_places(rules: &SnapshotRules, value: &Value) -> IdPlaces {
    let mut places = IdPlaces::new();
    for kind in &rules.ids {
        if let IdRule::At(path) = &kind.rule {
            for pointer in pointers(path, value) {
                places.entry(pointer).or_insert_with(|| kind.name.clone());
            }
        }
    }
    places
}

/// Prepares values, and counts which redactions did something.
pub(crate) struct Preparation<'a> {
    rules: &'a SnapshotRules,
    raced: &'a RacedOrders,
    used: BTreeSet<usize>,
    span: PlaySpan,
}

impl<'a> Preparation<'a> {
    pub(crate) fn new(rules: &'a SnapshotRules, raced: &'a RacedOrders, span: PlaySpan) -> Self {
        Self { rules, raced, used: BTreeSet::new(), span }
    }

    /// Prepares one value; what stands at `orders` becomes `[seq]`, and what stands at the paths of `own_ids` is an id
    /// of that kind.
    pub(crate) fn value(
        &mut self,
        value: &Value,
        orders: &[&JsonPath],
        own_ids: &[(&JsonPath, &str)],
    ) -> PreparedValue {
        let mut ids = id_places(self.rules, value);
        for (path, kind) in own_ids {
            for pointer in pointers(path, value) {
                ids.entry(pointer).or_insert_with(|| (*kind).to_owned());
            }
        }
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
        self.span.replace(&mut value, "", &|at| ids.contains_key(at));
        PreparedValue { value, unordered, ids }
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
