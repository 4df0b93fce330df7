//! How the participants of a race were released.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::Place;
use super::times::micros;

/// How the participants of a race were released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Raced {
    /// The race's step.
    pub place: Option<Place>,
    /// Who, in the order of release.
    pub order: Vec<Start>,
    /// Between the first and the last.
    #[serde(rename = "spread_us", with = "micros")]
    #[schemars(with = "u64")]
    pub spread: Duration,
}

/// One racer's release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Start {
    /// Who.
    pub participant: String,
    /// How long after the first.
    #[serde(rename = "after_us", with = "micros")]
    #[schemars(with = "u64")]
    pub after: Duration,
}
