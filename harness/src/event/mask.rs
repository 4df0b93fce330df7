//! Events and results without the secrets.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Event, EventSink, Failure, FailureKind, Outcome, ScenarioResult};
use crate::secret::Secrets;

/// Fields whose texts are words of the format. They are not masked, even if a secret reads like one of them.
const WORDS: [&str; 4] = ["class", "event", "kind", "status"];

/// Fields whose keys are free text; all other keys belong to the format.
const MAPS: [&str; 1] = ["headers"];

impl Secrets {
    /// Anything that events are made of.
    fn masked<T: Serialize + DeserializeOwned>(&self, value: &T) -> Option<T> {
        let mut json = serde_json::to_value(value).ok()?;
        self.mask_texts(&mut json, false);
        serde_json::from_value(json).ok()
    }

    /// Masks what is text. Numbers are the format's own: places, times, counts; those of frames and bodies stand in
    /// texts.
    fn mask_texts(&self, value: &mut Value, keys_are_texts: bool) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.mask(text) {
                    *text = masked;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_texts(item, false)),
            Value::Object(fields) => {
                if keys_are_texts {
                    let renamed = std::mem::take(fields).into_iter();
                    *fields = renamed.map(|(name, value)| (self.mask(&name).into_owned(), value)).collect();
                }
                for (name, value) in fields {
                    let is_word = value.is_string() && !keys_are_texts && WORDS.contains(&name.as_str());
                    if !is_word {
                        self.mask_texts(value, MAPS.contains(&name.as_str()));
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A result without the secrets.
    pub(crate) fn mask_result(&self, result: ScenarioResult) -> ScenarioResult {
        let Some(mut masked) = self.masked(&result) else {
            // What can't be masked isn't shown.
            return ScenarioResult { people: Vec::new(), log: Vec::new(), outcome: hidden(), ..result };
        };
        for (person, before) in masked.people.iter_mut().zip(&result.people) {
            person.token = self.mask(&before.token).into_owned();
            person.paste = before.paste.as_deref().map(|paste| self.mask(paste).into_owned());
        }
        masked
    }

    /// A sink that gets every event without the secrets.
    pub(crate) fn sink(self: &Arc<Self>, sink: EventSink) -> EventSink {
        let secrets = Arc::clone(self);
        Arc::new(move |event: Event| {
            if let Some(event) = secrets.masked(&event) {
                sink(event);
            }
        })
    }
}

fn hidden() -> Outcome {
    let headline = "the outcome can't be shown without a secret";
    let failure = Failure::new(FailureKind::Environment, headline);
    Outcome::Failed { failures: vec![failure] }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::event::EventKind;
    use crate::event::sample::{failed, full_failure, logged, raced, result, run_started, scenario_finished, sent};

    #[test]
    fn events_keep_their_form() {
        let values = BTreeMap::from([("KEY".to_owned(), "opensesame".to_owned())]);
        let secrets = Secrets::new(&values).unwrap().unwrap();
        let event = Event {
            scenario: None,
            at: std::time::Duration::from_micros(7),
            kind: crate::event::EventKind::ServerLog { line: "the key is opensesame".to_owned() },
        };
        let masked = secrets.masked(&event).unwrap();
        let crate::event::EventKind::ServerLog { line } = masked.kind else { panic!("{masked:?}") };
        assert_eq!(line, "the key is [secret KEY]");
    }

    fn secret(value: &str) -> Arc<Secrets> {
        Secrets::new(&BTreeMap::from([("KEY".to_owned(), value.to_owned())])).unwrap().unwrap()
    }

    /// Everything in a value that is long enough to be a secret: texts, keys, numbers, truths.
    fn leaves(value: &Value, into: &mut BTreeSet<String>) {
        let mut add = |text: &str| _ = (text.trim().chars().count() >= 6).then(|| into.insert(text.to_owned()));
        match value {
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) => add(&value.to_string()),
            Value::String(text) => add(text),
            Value::Array(items) => items.iter().for_each(|item| leaves(item, into)),
            Value::Object(fields) => {
                fields.keys().for_each(|name| add(name));
                fields.values().for_each(|value| leaves(value, into));
            }
        }
    }

    #[test]
    fn no_secret_breaks_an_event() {
        let many = ScenarioResult {
            seed: 123_456_789,
            races: vec![raced(&[("ann", 0), ("ben", 1_234_567)])],
            log: vec![logged(1_234, "it listens")],
            outcome: Outcome::Failed { failures: vec![full_failure()] },
            ..failed("talk/hello", &["ben never got said"])
        };
        let answered = EventKind::Answered {
            participant: "ann".to_owned(),
            exchange: 123_456,
            entry: 654_321,
            status: 200,
            headers: BTreeMap::from([("retry-after".to_owned(), "123456".to_owned())]),
            body: r#"{"pin":123456}"#.to_owned(),
            took: std::time::Duration::from_secs(9),
        };
        let skipped = Outcome::Skipped { reason: "not today".to_owned() };
        let events = [
            run_started(123_456, Some("2/4")),
            sent("talk/hello", 1_000, "hello you"),
            Event { scenario: None, at: std::time::Duration::from_secs(1), kind: answered },
            scenario_finished(&many),
            scenario_finished(&result("talk/other", skipped)),
        ];
        for event in events {
            let mut values = BTreeSet::new();
            leaves(&serde_json::to_value(&event).unwrap(), &mut values);
            assert!(!values.is_empty());
            for value in values {
                assert!(secret(&value).masked(&event).is_some(), "{value:?} as a secret breaks {event:?}");
            }
        }
    }

    #[test]
    fn a_secret_number_is_masked_in_a_frame_and_counts_stay() {
        let event = Event {
            scenario: None,
            at: std::time::Duration::from_micros(123_456),
            kind: EventKind::Sent {
                participant: "ann".to_owned(),
                connection: "main".to_owned(),
                id: 123_456,
                step: Some(1),
                entry: 2,
                frame: r#"{"pin":123456}"#.to_owned(),
                barrier: false,
            },
        };
        let masked = secret("123456").masked(&event).unwrap();
        assert_eq!(masked.at, event.at);
        let EventKind::Sent { frame, id, .. } = masked.kind else { panic!("another event") };
        assert_eq!((frame.as_str(), id), (r#"{"pin":[secret KEY]}"#, 123_456));
    }
}
