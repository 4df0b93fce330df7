//! Verdicts: what an invariant says of a stream.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Serialize;

use crate::history::{ConnectionId, History};
use crate::scenario::stream::Invariant;

/// The verdict of one invariant on one stream.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Which invariant.
    pub invariant: Invariant,
    /// The stream's name in the protocol file.
    pub stream: String,
    /// What it says.
    pub outcome: Judgement,
}

/// The four things that an invariant can say. Unknown is never shown as passed.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// The invariant holds.
    Holds {
        /// How much it was judged on: deliveries, for `acked_not_lost` acknowledgements, for `reaches_all` what was
        /// owed to a connection.
        judged: NonZeroUsize,
    },
    /// The stream saw no sending, acknowledgement or delivery that it could be about.
    NotAsked,
    /// It doesn't hold.
    Violated(Evidence),
    /// The history doesn't say.
    Unknown {
        /// What is missing, as a sentence without a full stop.
        why: String,
    },
}

/// The shortest evidence of a violation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// One line that says what happened, such as `bob got 5 before 4 (messages, connection main)`.
    pub headline: String,
    /// The key of the participant to whom it happened.
    pub participant: String,
    /// The connection on which it happened, where it was one.
    pub connection: Option<ConnectionId>,
    /// The entries of the history that show it, in order.
    pub entries: Vec<EntryRef>,
    /// A few more lines: who else got it, what the frames said.
    pub details: Vec<String>,
}

/// An entry of the history that is part of an evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EntryRef {
    /// The entry's index in the history.
    pub index: usize,
    /// Its time since the scenario's start.
    pub at: Duration,
}

impl EntryRef {
    /// The entries at these indices, in order, each once.
    pub(crate) fn of(history: &History, indices: &[usize]) -> Vec<Self> {
        let mut indices = indices.to_vec();
        indices.sort_unstable();
        indices.dedup();
        indices
            .into_iter()
            .filter_map(|index| history.entries.get(index).map(|entry| Self { index, at: entry.at }))
            .collect()
    }
}

/// What judging an invariant has found so far.
#[derive(Debug, Default)]
pub(crate) struct InvariantFindings {
    /// How much it has judged.
    pub(crate) judged: usize,
    /// Everything that is wrong.
    pub(crate) violations: Vec<Evidence>,
    /// Everything that it couldn't judge.
    pub(crate) unknown: Vec<String>,
    /// Where it has judged nothing: why, if it knows better than [`judge`](super::judge()) does.
    pub(crate) unjudged: Option<String>,
}

impl InvariantFindings {
    /// A violation outweighs what is unknown, and that outweighs what holds. Of several violations the one
    /// with the fewest entries is told, of those the one that shows first. Where nothing was judged it depends on `asked`,
    /// whether the stream saw something that should have been judged; `unjudged` says what it saw.
    pub(crate) fn outcome(self, asked: bool, unjudged: impl FnOnce() -> String) -> Judgement {
        let shortest = self
            .violations
            .into_iter()
            .min_by_key(|evidence| (evidence.entries.len(), evidence.entries.last().map(|mention| mention.index)));
        match (shortest, self.unknown.into_iter().next(), NonZeroUsize::new(self.judged)) {
            (Some(evidence), ..) => Judgement::Violated(evidence),
            (None, Some(why), _) => Judgement::Unknown { why },
            (None, None, Some(judged)) => Judgement::Holds { judged },
            (None, None, None) if asked => Judgement::Unknown { why: self.unjudged.unwrap_or_else(unjudged) },
            (None, None, None) => Judgement::NotAsked,
        }
    }
}
