//! Values with the names of what is in them: from JSON to the tree of a snapshot.

use serde_json::Value;

use crate::snapshot::json_pointer::child;
use crate::snapshot::placeholders::Placeholders;
use crate::snapshot::prepare::PreparedValue;
use crate::snapshot::tree::SnapshotNode;

impl Placeholders {
    /// The value as a tree with names. Objects are sorted by their keys' names, and the lists at `unordered`
    /// (JSON pointers) by their elements as they are shown.
    pub(crate) fn node(&mut self, body: &PreparedValue) -> SnapshotNode {
        self.walk(&body.value, body, "")
    }

    fn walk(&mut self, value: &Value, body: &PreparedValue, at: &str) -> SnapshotNode {
        match value {
            Value::Object(entries) => {
                let mut entries: Vec<(String, &String, &Value)> =
                    entries.iter().map(|(key, value)| (self.masked(key), key, value)).collect();
                // Keys that differ only in ids without a number are told apart by what they hold.
                entries.sort_by_cached_key(|(masked, key, value)| {
                    (masked.clone(), (masked != *key).then(|| self.mask(value, body, &child(at, key)).compact()))
                });
                let mut named = Vec::with_capacity(entries.len());
                for (_, key, value) in entries {
                    named.push((self.resolve(key), self.walk(value, body, &child(at, key))));
                }
                SnapshotNode::Map(named)
            }
            Value::Array(items) => {
                let mut places: Vec<usize> = (0..items.len()).collect();
                if body.unordered.contains(at) {
                    let keys: Vec<String> = items
                        .iter()
                        .enumerate()
                        .map(|(place, item)| self.mask(item, body, &child(at, &place.to_string())).compact())
                        .collect();
                    places.sort_by_key(|place| keys.get(*place));
                }
                let walked = places.into_iter().filter_map(|place| Some((place, items.get(place)?)));
                SnapshotNode::List(
                    walked.map(|(place, item)| self.walk(item, body, &child(at, &place.to_string()))).collect(),
                )
            }
            Value::String(_) | Value::Number(_) if self.id_at(value, body.ids.get(at)).is_some() => {
                if let Some(id) = self.id_at(value, body.ids.get(at)) {
                    self.assign(&id, None);
                }
                self.scalar(value, body.ids.get(at))
            }
            Value::String(text) => SnapshotNode::Text(self.resolve(text)),
            scalar => self.scalar(scalar, body.ids.get(at)),
        }
    }

    /// The tree as it can be compared before all ids have numbers.
    pub(crate) fn mask(&self, value: &Value, body: &PreparedValue, at: &str) -> SnapshotNode {
        match value {
            Value::Object(entries) => {
                let mut entries: Vec<(String, SnapshotNode)> = entries
                    .iter()
                    .map(|(key, value)| (self.masked(key), self.mask(value, body, &child(at, key))))
                    .collect();
                entries.sort_by_cached_key(|(key, value)| (key.clone(), value.compact()));
                SnapshotNode::Map(entries)
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let mut items: Vec<SnapshotNode> =
                    items.map(|(place, item)| self.mask(item, body, &child(at, &place.to_string()))).collect();
                if body.unordered.contains(at) {
                    items.sort_by_cached_key(SnapshotNode::compact);
                }
                SnapshotNode::List(items)
            }
            scalar => self.scalar(scalar, body.ids.get(at)),
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
