//! A job: one scenario with one row of its examples, played once.

use std::sync::Arc;
use std::time::Duration;

use crate::event::{Instance, Outcome, ScenarioResult};
use crate::scenario::model::{Row, Scenario};

/// One scenario with one row of its examples, once.
#[derive(Debug, Clone)]
pub struct Job {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Which of its rows.
    pub row: usize,
    /// Which repetition, from 1.
    pub repetition: usize,
    /// Which attempt, from 1.
    pub attempt: usize,
    /// `suite/stem`, with `@row` where there are examples.
    pub label: Arc<str>,
}

impl Job {
    /// The row's columns.
    pub(crate) fn row(&self) -> Row {
        self.scenario.rows.get(self.row).cloned().unwrap_or_default()
    }

    /// Which scenario, repetition and attempt this is.
    pub fn instance(&self) -> Instance {
        Instance { label: Arc::clone(&self.label), repetition: self.repetition, attempt: self.attempt }
    }

    /// The result of a job that did not run to its end.
    pub fn unplayed(&self, outcome: Outcome) -> ScenarioResult {
        ScenarioResult {
            label: Arc::clone(&self.label),
            title: self.scenario.title.clone(),
            file: self.scenario.source.path.clone(),
            repetition: self.repetition,
            attempt: self.attempt,
            outcome,
            took: Duration::ZERO,
            seed: 0,
            races: Vec::new(),
            unproven: 0,
            unproven_why: Vec::new(),
            invariants: Vec::new(),
            unknown: Vec::new(),
            needless_exceptions: Vec::new(),
            beside: Vec::new(),
            heard: Vec::new(),
            left_behind: false,
            log: Vec::new(),
            snapshots: Vec::new(),
            updated: 0,
            idle_redactions: Vec::new(),
            stream_patterns: Vec::new(),
            server: String::new(),
            people: Vec::new(),
            owner: self.scenario.owner.clone(),
            quarantine: None,
            trace: None,
            will_retry: false,
            earlier: Vec::new(),
        }
    }
}

/// What a scenario, or one of its rows, is called in reports.
pub fn label(scenario: &Scenario, row: &str) -> Arc<str> {
    if row.is_empty() { Arc::from(scenario.id.as_str()) } else { Arc::from(format!("{}@{row}", scenario.id)) }
}
