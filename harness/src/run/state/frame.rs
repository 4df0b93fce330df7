//! A frame in an inbox.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

/// A frame in an inbox.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Time since the scenario's start.
    pub(crate) at: Duration,
    /// Its entry in the record.
    pub(crate) entry: usize,
    /// The value that patterns match.
    pub(crate) value: Arc<Value>,
    /// The line of the step that took it.
    pub(crate) taken_by: Option<usize>,
    /// Whether some expectation counted it, so that it is no surprise any more.
    pub(crate) counted: bool,
    /// Why it can't be read, where it was meant as JSON: nothing that matches JSON can be said of it.
    pub(crate) unreadable: Option<String>,
}

impl Frame {
    /// A frame that nothing has taken yet.
    pub(crate) fn new(at: Duration, entry: usize, value: Arc<Value>) -> Self {
        Self { at, entry, value, taken_by: None, counted: false, unreadable: None }
    }
}
