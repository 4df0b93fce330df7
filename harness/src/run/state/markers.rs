//! Markers of barriers that are under way or were: their frames stay out of every inbox.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::lock::lock;
use crate::pattern::Pattern;

/// A marker, with the value that stands once.
pub(crate) struct Marker {
    pub(crate) value: String,
    pub(crate) receive: Pattern,
    pub(crate) hides: Vec<Pattern>,
}

/// What a frame is to the markers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Marked {
    /// The marker with this value.
    Marker(String),
    /// Something else that a marker's action caused.
    Hidden,
    /// The frame belongs to no marker.
    No,
}

/// All markers of a scenario.
#[derive(Default)]
pub(crate) struct Markers {
    list: Mutex<MarkerList>,
    come_back: AtomicBool,
    stay_away: AtomicBool,
}

/// The patterns of the markers by what finds them: a frame is held against those alone whose marker's value stands in it
/// as a text of its own.
#[derive(Default)]
struct MarkerList {
    receive: MarkerPatterns,
    hides: MarkerPatterns,
}

/// Patterns, each with the value of a marker.
#[derive(Default)]
struct MarkerPatterns {
    by_value: HashMap<String, Vec<Pattern>>,
    /// Those in which the value doesn't stand, or as a part of a text; equal ones once.
    others: Vec<(String, Pattern)>,
}

impl MarkerPatterns {
    fn add(&mut self, value: &str, pattern: Pattern) {
        if pattern.required().iter().any(|part| part.equal.and_then(Value::as_str) == Some(value)) {
            self.by_value.entry(value.to_owned()).or_default().push(pattern);
        } else if !self.others.iter().any(|(_, other)| other.source() == pattern.source()) {
            self.others.push((value.to_owned(), pattern));
        }
    }

    /// The value of the first marker whose pattern a frame matches.
    fn value_of(&self, frame: &Value) -> Option<&str> {
        let mut inner = if self.by_value.is_empty() { Vec::new() } else { vec![frame] };
        while let Some(value) = inner.pop() {
            match value {
                Value::String(text) => {
                    if let Some((value, patterns)) = self.by_value.get_key_value(text)
                        && patterns.iter().any(|pattern| pattern.matches(frame))
                    {
                        return Some(value);
                    }
                }
                Value::Array(items) => inner.extend(items),
                Value::Object(fields) => inner.extend(fields.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        self.others.iter().find(|(_, pattern)| pattern.matches(frame)).map(|(value, _)| value.as_str())
    }
}

impl Markers {
    /// A marker is under way.
    pub(crate) fn add(&self, marker: Marker) {
        let Marker { value, receive, hides } = marker;
        let mut list = lock(&self.list);
        list.receive.add(&value, receive);
        for hidden in hides {
            list.hides.add(&value, hidden);
        }
    }

    /// Whether the server is known to hand a marker to the participant too who did it.
    pub(crate) fn come_back(&self) -> bool {
        self.come_back.load(Ordering::Relaxed)
    }

    /// The server has handed a marker to the participant who did it.
    pub(crate) fn came_back(&self) {
        self.come_back.store(true, Ordering::Relaxed);
    }

    /// Whether a marker was missed before by its participant, who was alone.
    pub(crate) fn stay_away(&self) -> bool {
        self.stay_away.load(Ordering::Relaxed)
    }

    /// A marker did not come back to its participant, who was alone.
    pub(crate) fn stayed_away(&self) {
        self.stay_away.store(true, Ordering::Relaxed);
    }

    /// What a frame is to them: a marker, before it is anything that another marker's action caused.
    pub(crate) fn of(&self, frame: &Value) -> Marked {
        let list = lock(&self.list);
        if let Some(value) = list.receive.value_of(frame) {
            return Marked::Marker(value.to_owned());
        }
        if list.hides.value_of(frame).is_some() { Marked::Hidden } else { Marked::No }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_marker_and_what_it_hides_are_known() {
        let pattern = |value: Value| Pattern::compile(&value).unwrap();
        let markers = Markers::default();
        assert_eq!(markers.of(&json!({ "said": "m-1" })), Marked::No);
        markers.add(Marker {
            value: "m-1".to_owned(),
            receive: pattern(json!({ "said": "m-1" })),
            hides: vec![pattern(json!({ "typing": true }))],
        });
        assert_eq!(markers.of(&json!({ "said": "m-1" })), Marked::Marker("m-1".to_owned()));
        assert_eq!(markers.of(&json!({ "typing": true })), Marked::Hidden);
        assert_eq!(markers.of(&json!({ "said": "hi" })), Marked::No);
        markers.add(Marker {
            value: "m-2".to_owned(),
            receive: pattern(json!({ "typing": true, "n": 2 })),
            hides: Vec::new(),
        });
        let second = json!({ "typing": true, "n": 2 });
        assert_eq!(markers.of(&second), Marked::Marker("m-2".to_owned()), "though the first hides it");
    }

    #[test]
    fn a_frame_is_held_against_its_own_marker_alone() {
        let pattern = |value: Value| Pattern::compile(&value).unwrap();
        let markers = Markers::default();
        for n in 0..100 {
            markers.add(Marker {
                value: format!("m-{n}"),
                receive: pattern(json!({ "said": { "text": format!("m-{n}") } })),
                hides: vec![pattern(json!({ "typing": true })), pattern(json!({ "stored": format!("m-{n}") }))],
            });
        }
        let list = lock(&markers.list);
        // What every frame is held against doesn't grow with the markers.
        assert_eq!((list.receive.others.len(), list.hides.others.len()), (0, 1));
        drop(list);
        assert_eq!(markers.of(&json!({ "said": { "text": "m-7", "n": 1 } })), Marked::Marker("m-7".to_owned()));
        assert_eq!(markers.of(&json!({ "told": "m-7" })), Marked::No);
        assert_eq!(markers.of(&json!({ "stored": "m-99" })), Marked::Hidden);
        assert_eq!(markers.of(&json!({ "typing": true })), Marked::Hidden);
    }
}
