//! A running scenario: its participants, its server, its history and its captured values.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::cast::Cast;
use super::log_book::LogBook;
use super::markers::Markers;
use super::progress::Progress;
use super::random::Random;
use super::recorder::Recorder;
use super::target::Target;
use crate::event::{LoggedLine, Place, Raced};
use crate::lock::lock;
use crate::plan::PlaySettings;
use crate::scenario::model::{Row, Scenario};
use crate::secret::Secrets;

/// Captured texts from this length on are looked for in a server's log.
const SHORTEST_ID: usize = 8;

/// A snapshot that a step took.
pub(crate) struct TakenSnapshot {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) place: Option<Place>,
    pub(crate) idle_redactions: Vec<String>,
    /// A race before it after which somebody has no name but its own.
    pub(crate) raced: Option<Place>,
}

/// A text or number that a step captured.
pub(crate) struct CapturedValue {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// What steps leave for the scenario's result.
#[derive(Default)]
pub(crate) struct CollectedResults {
    /// Expectations of nothing, or of a count, that could not be proven: where, and why.
    pub(crate) unproven: Mutex<Vec<String>>,
    pub(crate) snapshots: Mutex<Vec<TakenSnapshot>>,
    /// What steps of the scenario's own file captured, for snapshots that differ by it.
    pub(crate) captured: Mutex<Vec<CapturedValue>>,
    /// Who was released when, a race each.
    pub(crate) races: Mutex<Vec<Raced>>,
}

/// A running scenario.
pub(crate) struct World {
    pub(crate) scenario: Arc<Scenario>,
    /// The row of its examples.
    pub(crate) row: Row,
    /// The digits that keep this playing's identities apart.
    pub(crate) run: String,
    pub(crate) settings: PlaySettings,
    pub(crate) random: Arc<Random>,
    pub(crate) target: Target,
    pub(crate) cast: Cast,
    /// What steps captured for the whole scenario.
    pub(crate) captures: Mutex<BTreeMap<String, Value>>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) markers: Arc<Markers>,
    pub(crate) findings: CollectedResults,
    /// The server's log since the scenario's start.
    pub(crate) log: Arc<LogBook>,
    /// What is waited for now.
    pub(crate) progress: Arc<Progress>,
    pub(crate) secrets: Option<Arc<Secrets>>,
}

impl World {
    /// The lines of the server's log that belong to the scenario.
    pub(crate) fn own_log(&self) -> Vec<LoggedLine> {
        self.target.server.read_log();
        let captures = lock(&self.captures);
        let ids = captures.values().filter_map(Value::as_str).filter(|text| text.len() >= SHORTEST_ID);
        let ids: Vec<String> = ids.map(str::to_owned).chain([self.run.clone()]).collect();
        // Why a server ended stands in its last lines, whomever they name.
        self.log.own_lines(self.target.server.died().is_some(), &ids)
    }
}
