//! A case: a scenario, the protocol that it speaks, and what the server does wrong in it.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::fault::Fault;

/// What every length of time in a file, and every deadline, is multiplied by.
const SLOW: f64 = 0.05;
/// How long an expectation waits unless it says otherwise.
const DEADLINE: Duration = Duration::from_secs(5);

/// Behind this, neighbouring whole numbers are one as floating point numbers.
pub(crate) const BEYOND_FLOATS: i64 = (1 << 53) - 1;

/// With what the texts begin that a marker barrier makes.
pub(crate) const MARKER: &str = "marker-";

/// One generated case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Its number in a run of one seed.
    pub(crate) number: u64,
    pub(crate) protocol: Protocol,
    /// Who takes part, by key.
    pub(crate) people: Vec<String>,
    /// Whether frames that no step took fail the scenario.
    pub(crate) strict: bool,
    /// What the numbers of messages begin behind.
    pub(crate) base: i64,
    /// How many times longer everything may take than at first.
    pub(crate) patience: u32,
    pub(crate) steps: Vec<Step>,
    pub(crate) faults: Vec<Fault>,
}

/// What the protocol file declares, and so how an honest server behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) barrier: Barrier,
    pub(crate) acks: Acks,
    /// Whether all invariants are asked.
    pub(crate) invariants: bool,
    /// Whether `fails: { type: error }` is declared.
    pub(crate) fails: bool,
    /// Ends by the server that the protocol allows: by the code of a close frame, or none without one.
    pub(crate) closes: Vec<Option<u16>>,
}

/// How the protocol proves that everything caused before has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Barrier {
    Echo,
    Marker,
    Get,
    None,
}

/// What the sender of a message gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acks {
    /// An acknowledgement in the message's place: the message goes to the others alone.
    Instead,
    /// The message as everybody does, and an acknowledgement behind it, which is no delivery.
    Beside,
    /// The message as everybody does.
    None,
}

/// Kinds of frames that the server writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Welcome,
    Said,
    Stored,
    Pong,
    /// Owed to nobody.
    Secret,
    /// Owed to nobody, and named by `fails`.
    Error,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::Said => "said",
            Self::Stored => "stored",
            Self::Pong => "pong",
            Self::Secret => "secret",
            Self::Error => "error",
        }
    }
}

/// What a step awaits: frames of a kind, or of a kind and a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) kind: Kind,
    pub(crate) text: Option<String>,
}

/// A connection, as a scenario names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Link {
    pub(crate) who: String,
    pub(crate) name: String,
}

/// One step, in a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) link: Link,
    pub(crate) action: Action,
    /// Whether it runs at once with the step before.
    pub(crate) beside: bool,
}

impl Step {
    /// Whether it claims what did not come.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self.action, Action::Nothing(_) | Action::Count { .. } | Action::Mark { .. })
    }

    fn may_be_beside(&self) -> bool {
        use Action::{Count, Nothing, Receive, Say};
        matches!(self.action, Say(_) | Receive { capture: false, .. } | Nothing(_) | Count { .. })
    }

    /// A step that begins when the one before is over.
    pub(crate) fn new(link: Link, action: Action) -> Self {
        Self { link, action, beside: false }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Connect {
        room: String,
        /// Whether it resumes behind the last message that was captured.
        resume: bool,
    },
    /// Says something over the connection.
    Say(String),
    /// Sends what a barrier sends, for itself.
    Ping,
    /// Says something by a request.
    Post {
        room: String,
        text: String,
    },
    Receive {
        pattern: Pattern,
        /// Captures its number, for a later `resume`.
        capture: bool,
    },
    Next(Pattern),
    InOrder(Vec<Pattern>),
    All(Vec<Pattern>),
    Nothing(Absence),
    Count {
        of: Absence,
        times: usize,
    },
    Mark {
        name: String,
        listen: Option<u64>,
    },
    Closed {
        code: Option<u16>,
    },
    Close,
    Drop,
}

/// What `receive_nothing` and `received` look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Absence {
    pub(crate) pattern: Pattern,
    /// How long to listen, in milliseconds.
    pub(crate) listen: Option<u64>,
    pub(crate) since: Option<String>,
}

impl Case {
    /// What its protocol file is called.
    pub(crate) fn protocol_name(&self) -> String {
        self.protocol.to_string()
    }

    /// The step that says a text.
    pub(crate) fn step_that_says(&self, text: &str) -> Option<usize> {
        self.steps.iter().position(|step| match &step.action {
            Action::Say(said) | Action::Post { text: said, .. } => said == text,
            _ => false,
        })
    }

    /// What the runner multiplies every length of time by.
    pub(crate) fn slow(&self) -> f64 {
        SLOW * f64::from(self.patience)
    }

    /// How long an expectation waits.
    pub(crate) fn deadline(&self) -> Duration {
        DEADLINE.mul_f64(self.slow())
    }

    /// How long a step listens that says so many milliseconds.
    pub(crate) fn listens(&self, ms: u64) -> Duration {
        Duration::from_millis(ms).mul_f64(self.slow())
    }

    /// The steps that run at once with a step, itself among them.
    pub(crate) fn group(&self, step: usize) -> Range<usize> {
        let beside = |place: &usize| self.steps.get(*place).is_some_and(|step| step.beside);
        let first = (0..=step).rev().find(|place| !beside(place)).unwrap_or(0);
        let behind = (step + 1..).find(|place| !beside(place)).unwrap_or(step + 1);
        first..behind
    }

    /// Leaves out what has become impossible because a step in front of it is gone.
    pub(crate) fn repair(&mut self) {
        let mut captured: Vec<String> = Vec::new();
        let mut marks: Vec<String> = Vec::new();
        for step in &mut self.steps {
            match &mut step.action {
                Action::Receive { capture: true, .. } => captured.push(step.link.who.clone()),
                Action::Connect { resume, .. } => *resume &= captured.contains(&step.link.who),
                Action::Mark { name, .. } => marks.push(name.clone()),
                Action::Nothing(of) | Action::Count { of, .. } => {
                    of.since = of.since.take().filter(|name| marks.contains(name));
                }
                _ => {}
            }
        }
        // At once with others stands what neither begins nor ends a connection, one step for each.
        for place in 0..self.steps.len() {
            let before = &self.steps[self.group(place).start..place];
            let step = &self.steps[place];
            let apart = before.iter().all(|other| other.link.who != step.link.who);
            let fits = !before.is_empty() && apart && step.may_be_beside() && before[0].may_be_beside();
            self.steps[place].beside &= fits;
        }
    }
}

impl Protocol {
    /// The barrier and the acknowledgements, in a word.
    pub(crate) fn manner(&self) -> String {
        let barrier = match self.barrier {
            Barrier::Echo => "echo",
            Barrier::Marker => "marker",
            Barrier::Get => "get",
            Barrier::None => "open",
        };
        let acks = match self.acks {
            Acks::Instead => "instead",
            Acks::Beside => "beside",
            Acks::None => "plain",
        };
        format!("{barrier}_{acks}")
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.manner())?;
        if self.invariants {
            f.write_str("_judged")?;
        }
        if self.fails {
            f.write_str("_fails")?;
        }
        for code in &self.closes {
            match code {
                Some(code) => write!(f, "_{code}")?,
                None => f.write_str("_none")?,
            }
        }
        Ok(())
    }
}
