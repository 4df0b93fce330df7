//! Values with the names of what is in them: from JSON to the tree of a snapshot.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::snapshot::json_pointer::child;
use crate::snapshot::placeholders::Placeholders;
use crate::snapshot::tree::Node;

impl Placeholders {
    /// The value as a tree with names. Objects are sorted by their keys' names, and the lists at `unordered`
    /// (JSON pointers) by their elements as they are shown.
    pub(crate) fn node(&mut self, value: &Value, unordered: &BTreeSet<String>) -> Node {
        self.walk(value, unordered, "")
    }

    fn walk(&mut self, value: &Value, unordered: &BTreeSet<String>, at: &str) -> Node {
        match value {
            Value::Object(entries) => {
                let mut entries: Vec<(String, &String, &Value)> =
                    entries.iter().map(|(key, value)| (self.masked(key), key, value)).collect();
                // Keys that differ only in ids without a number are told apart by what they hold.
                entries.sort_by_cached_key(|(masked, key, value)| {
                    (masked.clone(), (masked != *key).then(|| self.mask(value, unordered, &child(at, key)).compact()))
                });
                let mut named = Vec::with_capacity(entries.len());
                for (_, key, value) in entries {
                    named.push((self.resolve(key), self.walk(value, unordered, &child(at, key))));
                }
                Node::Map(named)
            }
            Value::Array(items) => {
                let mut places: Vec<usize> = (0..items.len()).collect();
                if unordered.contains(at) {
                    let keys: Vec<String> = items
                        .iter()
                        .enumerate()
                        .map(|(place, item)| self.mask(item, unordered, &child(at, &place.to_string())).compact())
                        .collect();
                    places.sort_by_key(|place| keys.get(*place));
                }
                let walked = places.into_iter().filter_map(|place| Some((place, items.get(place)?)));
                Node::List(
                    walked.map(|(place, item)| self.walk(item, unordered, &child(at, &place.to_string()))).collect(),
                )
            }
            Value::String(text) => Node::Text(self.resolve(text)),
            scalar => Node::from(scalar),
        }
    }

    /// The tree as it can be compared before all ids have numbers.
    pub(crate) fn mask(&self, value: &Value, unordered: &BTreeSet<String>, at: &str) -> Node {
        match value {
            Value::Object(entries) => {
                let mut entries: Vec<(String, Node)> = entries
                    .iter()
                    .map(|(key, value)| (self.masked(key), self.mask(value, unordered, &child(at, key))))
                    .collect();
                entries.sort_by_cached_key(|(key, value)| (key.clone(), value.compact()));
                Node::Map(entries)
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let mut items: Vec<Node> =
                    items.map(|(place, item)| self.mask(item, unordered, &child(at, &place.to_string()))).collect();
                if unordered.contains(at) {
                    items.sort_by_cached_key(Node::compact);
                }
                Node::List(items)
            }
            Value::String(text) => Node::Text(self.masked(text)),
            scalar => Node::from(scalar),
        }
    }

    /// A text of our own with one of the scenario's behind it, as a heading: `messages [conversation]`.
    pub(crate) fn heading(&mut self, text: &str, id: Option<&str>) -> String {
        match id {
            Some(id) => format!("{text} {}", self.resolve(id)),
            None => text.to_owned(),
        }
    }
}
