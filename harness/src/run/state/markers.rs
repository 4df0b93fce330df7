//! Markers of barriers that are under way or were: their frames stay out of every inbox.

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
    list: Mutex<Vec<Marker>>,
    come_back: AtomicBool,
    stay_away: AtomicBool,
}

impl Markers {
    /// A marker is under way.
    pub(crate) fn add(&self, marker: Marker) {
        lock(&self.list).push(marker);
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
        let markers = lock(&self.list);
        if let Some(marker) = markers.iter().find(|marker| marker.receive.matches(frame)) {
            return Marked::Marker(marker.value.clone());
        }
        let hidden = markers.iter().any(|marker| marker.hides.iter().any(|hidden| hidden.matches(frame)));
        if hidden { Marked::Hidden } else { Marked::No }
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
}
