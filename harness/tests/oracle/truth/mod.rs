//! What must come of a playing, by what the server did: written from the words of the documents, not from the runner.
//!
//! - `seen`: the log by connection and by step;
//! - `steps`: one step after another, with what earlier steps took;
//! - `waits`: `receive` and its kin; `absence`: `receive_nothing`, `received` and `mark`; `proof`: what
//!   proves them; `ends`: sending, and the beginning and end of connections;
//! - `whole`: what is judged when the steps are over: ends that nobody expects, frames that fail, unreadable ones;
//! - `invariants`: the promises over the whole record.

mod absence;
mod ends;
mod invariants;
mod proof;
mod seen;
mod steps;
#[cfg(test)]
mod tests;
mod waits;
mod whole;

use std::collections::BTreeMap;
use std::fmt;

use crate::case::Case;
use crate::log::Entry;
use invariants::Held;
pub(crate) use invariants::Promise;
use seen::Seen;
use steps::Walk;

/// What must come of one thing that a scenario claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Must {
    Pass,
    /// It passes and is counted as unproven.
    PassUnproven(String),
    /// It fails, or passes and is counted as unproven.
    NotPlainly(String),
    Fail(String),
    /// The log doesn't say: it was a matter of moments.
    Either(String),
}

/// What must come of a playing.
#[derive(Debug)]
pub(crate) struct Truth {
    /// Of each step that began.
    pub(crate) steps: Vec<Must>,
    /// Of what is judged when all steps have passed; never `PassUnproven`.
    pub(crate) whole: Must,
    /// Of each invariant that is asked, where all steps passed.
    pub(crate) promises: BTreeMap<&'static str, Promise>,
}

/// Judges a playing by its log.
pub(crate) fn judge(case: &Case, log: &[Entry]) -> Truth {
    let seen = Seen::new(case, log);
    let mut walk = Walk::new(&seen);
    let steps: Vec<Must> = (0..seen.begun()).map(|step| walk.step(step)).collect();
    let whole = whole::judge(&seen, &walk);
    let promises = if case.protocol.invariants { Held::new(&seen).promises() } else { BTreeMap::new() };
    Truth { steps, whole, promises }
}

impl fmt::Display for Must {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("must pass"),
            Self::PassUnproven(why) => write!(f, "must pass as unproven: {why}"),
            Self::NotPlainly(why) => write!(f, "must fail or be unproven: {why}"),
            Self::Fail(why) => write!(f, "must fail: {why}"),
            Self::Either(why) => write!(f, "undecided: {why}"),
        }
    }
}
