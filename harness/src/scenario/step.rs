//! Steps, as the runner plays them.

use std::sync::Arc;
use std::time::Duration;

use super::action::{Action, Checks};
use super::template::{Expr, Template};
use crate::source::{Position, Source};

/// A step, with its place.
#[derive(Debug, Clone)]
pub struct Step {
    /// The file it stands in.
    pub source: Arc<Source>,
    /// Where.
    pub at: Position,
    /// What it is.
    pub kind: StepKind,
}

/// What a step is.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Somebody does something.
    Act {
        /// A participant, a group, `all`, `me`, or a name that a race gave.
        actor: String,
        /// What.
        action: Arc<Action>,
    },
    /// Branches at once.
    Parallel(Vec<Vec<Step>>),
    /// One release instant.
    Race(Box<Race>),
    /// So many times.
    Repeat {
        /// How many.
        count: Template,
        /// What.
        steps: Vec<Step>,
    },
    /// Once for each value.
    ForEach {
        /// The name of the value.
        name: String,
        /// The values.
        values: Template,
        /// What.
        steps: Vec<Step>,
    },
    /// Compare with the stored snapshot.
    Snapshot {
        /// Its name.
        name: Template,
        /// Kinds whose order was raced.
        unordered: Vec<String>,
        /// Who is shown; everybody where it is empty.
        of: Vec<String>,
        /// Streams, kinds of frames and states that are left out.
        without: Vec<String>,
    },
    /// Must be true.
    Check(Expr),
    /// A line in the report.
    Note(Template),
    /// Acts on the server.
    Server(ServerAction),
}

/// What can be done to the server.
#[derive(Debug, Clone)]
pub enum ServerAction {
    /// Gracefully ended and started again.
    Restart,
    /// Gracefully ended.
    Stop,
    /// Started after a stop or kill.
    Start,
    /// Ended at once.
    Kill,
    /// A line of its log must come.
    Logged {
        /// A text that the line holds, or a pattern for the whole line.
        pattern: Template,
        /// Another deadline than the default.
        within: Option<Duration>,
    },
}

/// Everybody in a group does one thing at one instant.
#[derive(Debug, Clone)]
pub struct Race {
    /// Who.
    pub of: String,
    /// What.
    pub action: Arc<Action>,
    /// How it may end, in the order in which an answer is compared.
    pub outcomes: Vec<RaceOutcome>,
}

/// One way in which a race may end for somebody.
#[derive(Debug, Clone)]
pub struct RaceOutcome {
    /// Where it stands.
    pub at: Position,
    /// The name of those who ended so.
    pub name: Option<String>,
    /// How many.
    pub count: Option<Template>,
    /// What holds of their answers.
    pub checks: Checks,
}
