//! What is known while steps are read.

use indexmap::{IndexMap, IndexSet};

use crate::scenario::error::Findings;
use crate::scenario::model::Verb;

/// What the steps of a file may name: the actors and their verbs.
#[derive(Debug, Clone, Default)]
pub(super) struct Vocabulary {
    /// Actors by name, each with the name of its protocol (a key of `verbs`).
    pub(super) actors: IndexMap<String, String>,
    /// Verbs by protocol name, then by their own name.
    pub(super) verbs: IndexMap<String, IndexMap<String, Signature>>,
    /// Which of the actors are stubs.
    pub(super) stubs: IndexSet<String>,
    /// Whether the scenario names no protocol, so that nobody knows a verb.
    pub(super) without_protocol: bool,
}

impl Vocabulary {
    /// The verbs that an actor knows.
    pub(super) fn verbs_of(&self, actor: &str) -> Option<&IndexMap<String, Signature>> {
        self.verbs.get(self.actors.get(actor)?)
    }
}

/// What a caller must know of a verb.
#[derive(Debug, Clone, Default)]
pub(super) struct Signature {
    /// Parameters, and whether each has a default.
    pub(super) params: IndexMap<String, bool>,
    /// Whether it takes one value as it is.
    pub(super) positional: bool,
}

impl Signature {
    pub(super) fn of(verb: &Verb) -> Self {
        let params = verb.params.iter().map(|(name, default)| (name.clone(), default.is_some())).collect();
        Self { params, positional: verb.positional }
    }
}

/// Lowers the steps of one file.
pub(super) struct Lower<'f> {
    pub(super) findings: &'f mut Findings,
    pub(super) vocabulary: Vocabulary,
    /// Whether the steps belong to a verb, where `main` means something.
    pub(super) in_verb: bool,
    /// How many loops, branches and races are around the step that is read.
    pub(super) nested: usize,
    /// Whether it was told that the scenario names no protocol.
    pub(super) told_no_protocol: bool,
}

impl<'f> Lower<'f> {
    pub(super) fn new(findings: &'f mut Findings, vocabulary: Vocabulary, in_verb: bool) -> Self {
        Self { findings, vocabulary, in_verb, nested: 0, told_no_protocol: false }
    }
}
