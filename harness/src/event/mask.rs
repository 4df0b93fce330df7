//! Events and results without the secrets.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Event, EventSink, Failure, FailureKind, Outcome, ScenarioResult};
use crate::secret::Secrets;

impl Secrets {
    /// Anything that events are made of.
    fn masked<T: Serialize + DeserializeOwned>(&self, value: &T) -> Option<T> {
        let json = serde_json::to_value(value).ok()?;
        serde_json::from_value(self.mask_json(json)).ok()
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
    use std::collections::BTreeMap;

    use super::*;

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
}
