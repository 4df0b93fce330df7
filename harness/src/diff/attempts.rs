//! The attempts of a flaky scenario: the one that passed against the last one that failed.

use std::collections::BTreeMap;

use super::compare::compare;
use super::describe::{DescribedDivergence, described, difference_text};
use super::timeline::Timeline;
use crate::event::{Event, EventKind, Instance};
use crate::text::paint::Paint;

/// Keeps what failed until it is known how the next attempt ended.
#[derive(Debug, Default)]
pub struct FailedAttempts {
    under_way: BTreeMap<Instance, Vec<Event>>,
    /// The last attempt that failed, by the scenario's label and repetition.
    failed: BTreeMap<(String, usize), Timeline>,
}

/// An attempt that passed, and the one before it, which failed.
#[derive(Debug)]
pub struct FlakyPair {
    passed: Timeline,
    failed: Timeline,
    /// `attempt 2, passed` and `attempt 1, failed`.
    pub names: (String, String),
}

impl FailedAttempts {
    /// Takes the next event. At the end of an attempt that passed after one that failed it gives both.
    pub fn take(&mut self, event: &Event) -> Option<FlakyPair> {
        let instance = event.scenario.as_ref()?;
        if event.kind.is_detail() {
            self.under_way.entry(Instance::clone(instance)).or_default().push(event.clone());
            return None;
        }
        if !matches!(event.kind, EventKind::ScenarioFinished(_)) {
            return None;
        }
        let details = self.under_way.remove(&**instance).unwrap_or_default();
        self.ended(details.iter().chain([event]))
    }

    /// Takes all events of an attempt at once, its end among them.
    pub fn ended<'e>(&mut self, events: impl Iterator<Item = &'e Event> + Clone) -> Option<FlakyPair> {
        let result = events.clone().find_map(|event| match &event.kind {
            EventKind::ScenarioFinished(result) => Some(result),
            _ => None,
        })?;
        let key = (result.label.to_string(), result.repetition);
        if result.will_retry {
            self.failed.insert(key, Timeline::of(events));
            return None;
        }
        let failed = self.failed.remove(&key).filter(|_| result.is_flaky())?;
        let passed = Timeline::of(events);
        let before = failed.result.as_ref().map_or(1, |result| result.attempt);
        let names = (format!("attempt {}, passed", result.attempt), format!("attempt {before}, failed"));
        // Without details of both there is nothing to compare.
        let known = !failed.nodes.is_empty() && !passed.nodes.is_empty();
        known.then_some(FlakyPair { passed, failed, names })
    }
}

impl FlakyPair {
    /// Where they first differ, for people.
    pub fn text(&self, width: usize, paint: Paint) -> String {
        let compared = compare(&self.passed, &self.failed);
        difference_text(&self.passed, &self.failed, &compared, (&self.names.0, &self.names.1), width, paint)
    }

    /// The same for a page.
    pub fn described(&self) -> Option<DescribedDivergence> {
        described(&self.passed, &self.failed, &compare(&self.passed, &self.failed))
    }
}
