//! Markers of barriers that are under way or were: their frames stay out of every inbox.

use std::sync::Mutex;

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
    /// Nothing.
    No,
}

/// All markers of a scenario.
#[derive(Default)]
pub(crate) struct Markers(Mutex<Vec<Marker>>);

impl Markers {
    /// A marker is under way.
    pub(crate) fn add(&self, marker: Marker) {
        lock(&self.0).push(marker);
    }

    /// What a frame is to them; the first marker that knows it decides.
    pub(crate) fn of(&self, frame: &Value) -> Marked {
        for marker in lock(&self.0).iter() {
            if marker.receive.matches(frame) {
                return Marked::Marker(marker.value.clone());
            }
            if marker.hides.iter().any(|hidden| hidden.matches(frame)) {
                return Marked::Hidden;
            }
        }
        Marked::No
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
    }
}
