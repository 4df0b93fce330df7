//! The ways in which a scenario can end.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failure::{Class, Failure};
use super::place::Place;
use super::times::micros;

/// The ways in which a scenario can end.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// Everything held.
    Passed,
    /// It failed, as its file says it would.
    FailedAsExpected {
        /// The reason that the file gives.
        reason: String,
    },
    /// Something didn't hold.
    Failed {
        /// What, in the order of the file.
        failures: Vec<Failure>,
    },
    /// It wasn't run.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Its server couldn't be started or reached.
    NoServer {
        /// Why.
        reason: String,
        /// The end of the server's log.
        log: Vec<String>,
    },
    /// It wasn't begun, because the server that it shares is gone.
    NotRun {
        /// Why: how the server went, and which scenarios were under way then.
        reason: String,
        /// [`Class::ServerDied`] for a server that the run started, [`Class::Environment`] for one behind a URL.
        class: Class,
    },
    /// The run was interrupted, or reached its time limit, before it ended.
    Interrupted {
        /// Who waited for what at that moment.
        waiting: Vec<Waiting>,
    },
}

impl Outcome {
    /// The word for it in event files.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::FailedAsExpected { .. } => "failed_as_expected",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::NoServer { .. } => "no_server",
            Self::NotRun { .. } => "not_run",
            Self::Interrupted { .. } => "interrupted",
        }
    }
}

/// Something that a running scenario waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// The participant that waits; null for the scenario as a whole.
    pub participant: Option<String>,
    /// For what.
    pub what: String,
    /// How long it has waited.
    #[serde(rename = "waited_us", with = "micros")]
    #[schemars(with = "u64")]
    pub waited: Duration,
    /// The step that waits.
    pub place: Option<Place>,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.participant.as_deref().unwrap_or("everybody");
        write!(f, "{who} has waited {:.1} s for {}", self.waited.as_secs_f64(), self.what)?;
        match &self.place {
            Some(place) => write!(f, " at {}:{}:{}", place.file.display(), place.at.line, place.at.column),
            None => Ok(()),
        }
    }
}
