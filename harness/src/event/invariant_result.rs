//! What the invariants of a scenario's protocol said.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of one invariant for one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvariantResult {
    /// Its name in the protocol file, `reaches_all`.
    pub invariant: String,
    /// The stream's name in the protocol file.
    pub stream: String,
    /// What it said.
    pub verdict: InvariantVerdict,
}

/// What an invariant can say of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum InvariantVerdict {
    /// It holds.
    Held {
        /// How much it was judged on: deliveries, for `acked_not_lost` acknowledgements, for `reaches_all` what was owed
        /// to a connection.
        judged: NonZeroUsize,
    },
    /// The stream saw no sending, acknowledgement or delivery that it could be about.
    NotAsked,
    /// It couldn't be judged.
    Unknown {
        /// What is missing.
        why: String,
        /// The reason for which the scenario excepts it, where it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        excepted: Option<String>,
    },
    /// It doesn't hold; a failure of the result has the evidence.
    Violated {
        /// One line that says what happened.
        headline: String,
    },
}

impl InvariantResult {
    /// Where it is unknown: `name (stream): why`, and the reason for which the scenario excepts it.
    pub fn unknown(&self) -> Option<(String, Option<&str>)> {
        match &self.verdict {
            InvariantVerdict::Unknown { why, excepted } => {
                Some((format!("{} ({}): {why}", self.invariant, self.stream), excepted.as_deref()))
            }
            _ => None,
        }
    }
}

/// Counts of a run's invariant results, without the unknown ones that no scenario excepts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvariantCounts {
    /// Invariants that held.
    pub held: usize,
    /// How many items the invariants that held were judged on, in total.
    pub judged: usize,
    /// Invariants whose stream had nothing for them to judge.
    pub not_asked: usize,
    /// Unknown invariants that their scenario excepts.
    pub excepted: usize,
    /// Violated invariants.
    pub violated: usize,
}

impl InvariantCounts {
    /// Counts one more.
    pub fn add(&mut self, result: &InvariantResult) {
        match &result.verdict {
            InvariantVerdict::Held { judged } => {
                self.held += 1;
                self.judged += judged.get();
            }
            InvariantVerdict::NotAsked => self.not_asked += 1,
            InvariantVerdict::Unknown { excepted: Some(_), .. } => self.excepted += 1,
            InvariantVerdict::Unknown { excepted: None, .. } => {}
            InvariantVerdict::Violated { .. } => self.violated += 1,
        }
    }

    /// Adds the numbers of another part of the run.
    pub fn add_all(&mut self, other: Self) {
        self.held += other.held;
        self.judged += other.judged;
        self.not_asked += other.not_asked;
        self.excepted += other.excepted;
        self.violated += other.violated;
    }

    /// `12 held (340 judged), 3 not asked, 1 violated, 2 unknown but excepted`; empty if there are none.
    pub fn text(&self) -> String {
        let mut parts = Vec::new();
        if self.held > 0 {
            parts.push(format!("{} held ({} judged)", self.held, self.judged));
        }
        for (number, what) in
            [(self.not_asked, "not asked"), (self.violated, "violated"), (self.excepted, "unknown but excepted")]
        {
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        }
        parts.join(", ")
    }
}
