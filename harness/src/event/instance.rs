//! Which playing of a scenario something belongs to.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One playing of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// `suite/stem`, with `@row` behind it where there are examples.
    pub label: Arc<str>,
    /// Which repetition, from 1.
    pub repetition: usize,
    /// Which attempt, from 1.
    pub attempt: usize,
}
