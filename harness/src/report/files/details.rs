//! Which events reports get: those of a scenario together and in order, with its details only where they are wanted.

use std::collections::BTreeMap;

use crate::event::{Event, EventKind, Instance, ScenarioResult};

/// Whose details are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum KeepDetails {
    /// Everybody's.
    On,
    /// Nobody's.
    Off,
    /// Of scenarios that didn't end well.
    #[default]
    OnFailure,
}

impl KeepDetails {
    /// Whether the details of a scenario that ended so are kept.
    pub(crate) fn wants(self, result: &ScenarioResult) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::OnFailure => !result.is_good(),
        }
    }
}

/// Holds the details of scenarios that are under way back until their end.
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

    /// Takes an event; gives those that are to be told now, in order. What belongs to no scenario, and a scenario's
    /// beginning, is told at once; the details stand together directly before the scenario's end.
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
