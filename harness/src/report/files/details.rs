//! Decides which events reports get, and when: a scenario's details, if kept, directly before its end.

use std::collections::BTreeMap;

use crate::event::{Event, EventKind, Instance, ScenarioResult};

/// Of which scenarios the details (requests, frames, steps) are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum KeepDetails {
    /// Of all scenarios.
    On,
    /// Of no scenario.
    Off,
    /// Of scenarios that did not end well, or only after an attempt that failed.
    #[default]
    OnFailure,
}

impl KeepDetails {
    /// Whether the details of a scenario with this result are kept.
    pub(crate) fn wants(self, result: &ScenarioResult) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::OnFailure => !result.is_good() || result.is_flaky(),
        }
    }
}

/// Holds back the details of scenarios until they end.
#[derive(Debug, Default)]
pub struct DetailBuffer {
    keep: KeepDetails,
    under_way: BTreeMap<Instance, Vec<Event>>,
}

impl DetailBuffer {
    /// An empty buffer.
    pub fn new(keep: KeepDetails) -> Self {
        Self { keep, under_way: BTreeMap::new() }
    }

    /// Takes an event, and returns those that reports get now, in order. Events of the run and a scenario's beginning pass
    /// at once; a scenario's end brings its details with it, directly before it.
    pub fn take(&mut self, event: Event) -> Vec<Event> {
        let Some(instance) = &event.scenario else {
            // Lines of a shared server stand in the results of the scenarios that they concern.
            return if event.kind.is_detail() { Vec::new() } else { vec![event] };
        };
        match &event.kind {
            EventKind::ScenarioFinished(result) => {
                let mut told = self.under_way.remove(&**instance).unwrap_or_default();
                if !self.keep.wants(result) {
                    told.clear();
                }
                told.push(event);
                told
            }
            // They stand in the result, with their times.
            EventKind::ServerLog { .. } => Vec::new(),
            kind if kind.is_detail() => {
                if self.keep != KeepDetails::Off {
                    self.under_way.entry(Instance::clone(instance)).or_default().push(event);
                }
                Vec::new()
            }
            _ => vec![event],
        }
    }
}
