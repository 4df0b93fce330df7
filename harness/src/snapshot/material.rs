//! What a snapshot is made of, and what comes out.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::history::{History, Member};
use crate::scenario::snapshot_rules::SnapshotRules;
use crate::scenario::stream::Stream;

/// What a snapshot is made of.
#[derive(Debug)]
pub struct Material<'a> {
    /// The history up to the snapshot's step.
    pub history: &'a History,
    /// The participants, in the order of the scenario file.
    pub members: &'a [Member],
    /// Keys of racers with the roles that a race gave them (`winner`, `loser_1`), in the order of its outcomes. Who wins
    /// differs between runs; what a winner sees from then on doesn't.
    pub roles: &'a [(String, String)],
    /// How many entries the history had when the first race that gave roles began: what came before has no roles.
    pub raced_from: usize,
    /// When the scenario began, in seconds since 1970: times are told by their distance from it.
    pub began: f64,
    /// Seconds since 1970 at the snapshot: what lies between is a time within the scenario.
    pub now: f64,
    /// What the scenario captured. A captured id becomes its name: `[conversation]`.
    pub captures: &'a BTreeMap<String, Value>,
    /// The run's suffix, decimal digits; it is removed from ids and names.
    pub run: &'a str,
    /// What the protocol's `state` answered, in the order of the protocol file for each participant.
    pub state: &'a [StateAnswer],
    /// The declared streams, in the order of the protocol file.
    pub streams: &'a [Stream],
    /// What the protocol says of snapshots.
    pub rules: &'a SnapshotRules,
    /// Kinds of frames, or streams by name, whose order was raced.
    pub unordered_kinds: &'a [String],
    /// The keys of those whose blocks are shown; the others still give their names to ids.
    pub shown: &'a [String],
    /// Streams, kinds of frames and states that are left out.
    pub without: &'a [String],
}

impl Material<'_> {
    /// What a participant is called from the race on.
    pub(crate) fn label<'k>(&'k self, key: &'k str) -> &'k str {
        self.role(key).unwrap_or(key)
    }

    /// The role that a race gave to a participant.
    pub(crate) fn role(&self, key: &str) -> Option<&str> {
        self.roles.iter().find(|(raced, _)| raced == key).map(|(_, role)| role.as_str())
    }

    /// Whether an entry came before anybody had a role.
    pub(crate) fn is_before_race(&self, entry: usize) -> bool {
        entry < self.raced_from
    }

    /// The members; those with roles exchange their places so that they are in the order of the roles.
    pub(crate) fn by_roles(&self) -> Vec<&Member> {
        let rank = |member: &Member| self.roles.iter().position(|(key, _)| *key == member.key);
        let mut racers: Vec<&Member> = self.members.iter().filter(|member| rank(member).is_some()).collect();
        racers.sort_by_key(|member| rank(member));
        let mut racers = racers.into_iter();
        let place = |member| if rank(member).is_some() { racers.next() } else { Some(member) };
        self.members.iter().filter_map(place).collect()
    }
}

/// The answer to one participant's request for its `state`.
#[derive(Debug, Clone, PartialEq)]
pub struct StateAnswer {
    /// The participant's key.
    pub participant: String,
    /// The name in the protocol's `state`.
    pub name: String,
    /// The answer's body.
    pub answer: Value,
}

/// A snapshot's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// YAML, ending with a line feed.
    pub text: String,
    /// The redactions, as written in the protocol file, that matched nothing in the whole snapshot.
    pub unmatched_redactions: Vec<String>,
}
