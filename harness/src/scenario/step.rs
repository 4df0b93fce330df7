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
    /// Where it stands there.
    pub at: Position,
    /// What it does.
    pub kind: StepKind,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// An actor does something.
    Act {
        /// A participant, a group, `all`, `me`, or a name that a race gave.
        actor: String,
        /// The action.
        action: Arc<Action>,
    },
    /// Runs branches at once.
    Parallel(Vec<Vec<Step>>),
    /// Starts the same action for several participants at one instant.
    Race(Box<Race>),
    /// Repeats steps a number of times.
    Repeat {
        /// The number of times.
        count: Template,
        /// The steps.
        steps: Vec<Step>,
    },
    /// Repeats steps for each value.
    ForEach {
        /// The name of the value.
        name: String,
        /// The values.
        values: Template,
        /// The steps.
        steps: Vec<Step>,
    },
    /// Compares with the stored snapshot.
    Snapshot {
        /// Its name.
        name: Template,
        /// Kinds of frames whose order may differ between runs.
        unordered: Vec<String>,
        /// Who is shown; everybody where it is empty.
        of: Vec<String>,
        /// Streams, kinds of frames and states that are left out.
        without: Vec<String>,
    },
    /// Fails unless the expression is true.
    Check(Expr),
    /// Writes a line into the report.
    Note(Template),
    /// Acts on the server, or waits for a line of its log.
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
    /// Waits for a line of its log.
    Logged {
        /// A text that the line holds, or a pattern for the whole line.
        pattern: Template,
        /// The deadline, where it is not the default.
        within: Option<Duration>,
    },
}

/// All members of a group do the same at one instant.
#[derive(Debug, Clone)]
pub struct Race {
    /// The group, `all`, or one participant.
    pub of: String,
    /// The action.
    pub action: Arc<Action>,
    /// The outcomes, in the order in which an answer is compared with them; the first that fits counts.
    pub outcomes: Vec<RaceOutcome>,
}

/// A result that racers may get.
#[derive(Debug, Clone)]
pub struct RaceOutcome {
    /// Where it stands.
    pub at: Position,
    /// Names the racers with this outcome; later steps can use the name as an actor.
    pub name: Option<String>,
    /// How many racers must have it.
    pub count: Option<Template>,
    /// What their answers must match.
    pub checks: Checks,
}
