//! Markers of barriers that are under way or were: their frames stay out of every inbox.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::lock::lock;
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
}

/// The markers by what finds them: a frame is held against those alone whose value stands in it as a text of its own.
#[derive(Default)]
struct MarkerList {
    by_value: HashMap<String, Vec<Pattern>>,
    /// Those whose value may be a part of a text.
    others: Vec<(String, Pattern)>,
    /// What they hide: the same for each marker, mostly.
    hides: Vec<Pattern>,
}

impl MarkerList {
    /// The value of the marker that a frame is.
    fn marker(&self, frame: &Value) -> Option<&str> {
        let mut inner = vec![frame];
        while let Some(value) = inner.pop() {
            match value {
                Value::String(text) => {
                    if let Some((value, patterns)) = self.by_value.get_key_value(text)
                        && patterns.iter().any(|receive| receive.matches(frame))
                    {
                        return Some(value);
                    }
                }
                Value::Array(items) => inner.extend(items),
                Value::Object(fields) => inner.extend(fields.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        self.others.iter().find(|(_, receive)| receive.matches(frame)).map(|(value, _)| value.as_str())
    }
}

impl Markers {
    /// A marker is under way.
    pub(crate) fn add(&self, marker: Marker) {
        let Marker { value, receive, hides } = marker;
        let mut list = lock(&self.list);
        for hidden in hides {
            if !list.hides.iter().any(|other| other.source() == hidden.source()) {
                list.hides.push(hidden);
            }
        }
        let whole = receive.required().iter().any(|part| part.equal.and_then(Value::as_str) == Some(&value));
        if whole {
            list.by_value.entry(value).or_default().push(receive);
        } else {
            list.others.push((value, receive));
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

    /// What a frame is to them: a marker, before it is anything that another marker's action caused.
    pub(crate) fn of(&self, frame: &Value) -> Marked {
        let list = lock(&self.list);
        if let Some(value) = list.marker(frame) {
            return Marked::Marker(value.to_owned());
        }
        if list.hides.iter().any(|hidden| hidden.matches(frame)) { Marked::Hidden } else { Marked::No }
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
                hides: vec![pattern(json!({ "typing": true }))],
            });
        }
        let list = lock(&markers.list);
        // What every frame is held against doesn't grow with the markers.
        assert_eq!((list.others.len(), list.hides.len(), list.by_value.len()), (0, 1, 100));
        drop(list);
        assert_eq!(markers.of(&json!({ "said": { "text": "m-7", "n": 1 } })), Marked::Marker("m-7".to_owned()));
        assert_eq!(markers.of(&json!({ "told": "m-7" })), Marked::No);
    }
}
