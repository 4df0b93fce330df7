//! From nodes to the model, with all of a file's errors told at once.
//!
//! `fields` reads maps key by key and reports what is unknown or of the wrong kind; `step` knows steps and actions,
//! `protocol` and `file` the two kinds of files; `names` follows which names are set when.

mod action;
mod call;
mod fields;
mod file;
mod names;
mod possible;
mod protocol;
mod step;
mod stub;
mod table;
#[cfg(test)]
mod tests;

use indexmap::IndexMap;

pub(crate) use file::{Loaded, id_of, scenario};
pub(crate) use names::captured_in;
pub(crate) use protocol::{protocol, unset};

use super::error::Findings;
use super::model::Verb;

/// What the steps of a file may name: the actors and their verbs.
#[derive(Debug, Clone, Default)]
struct World {
    /// Actors by name, each with the name of its protocol (a key of `verbs`).
    actors: IndexMap<String, String>,
    /// Verbs by protocol name, then by their own name.
    verbs: IndexMap<String, IndexMap<String, Signature>>,
    /// Which of the actors are stubs.
    stubs: indexmap::IndexSet<String>,
    /// Whether the scenario names no protocol, so that nobody knows a verb.
    without_protocol: bool,
}

impl World {
    /// The verbs that an actor knows.
    fn verbs_of(&self, actor: &str) -> Option<&IndexMap<String, Signature>> {
        self.verbs.get(self.actors.get(actor)?)
    }
}

/// What a caller must know of a verb.
#[derive(Debug, Clone, Default)]
struct Signature {
    /// Parameters, and whether each has a default.
    params: IndexMap<String, bool>,
    /// Whether it takes one value as it is.
    positional: bool,
}

impl Signature {
    fn of(verb: &Verb) -> Self {
        let params = verb.params.iter().map(|(name, default)| (name.clone(), default.is_some())).collect();
        Self { params, positional: verb.positional }
    }
}

/// Lowers the steps of one file.
struct Lower<'f> {
    findings: &'f mut Findings,
    world: World,
    /// Whether the steps belong to a verb, where `main` means something.
    in_verb: bool,
    /// How many loops, branches and races are around the step that is read.
    nested: usize,
    /// Whether it was told that the scenario names no protocol.
    told_bare: bool,
}
