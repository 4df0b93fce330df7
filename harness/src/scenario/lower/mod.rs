//! From nodes to the model, with all of a file's errors told at once.
//!
//! `fields` reads maps key by key and reports what is unknown or of the wrong kind; `step` knows steps and actions,
//! `protocol` and `file` the two kinds of files; `names` follows which names are set when.

mod action;
mod fields;
mod file;
mod names;
mod protocol;
mod step;
#[cfg(test)]
mod tests;

use indexmap::IndexMap;

pub(crate) use file::{Loaded, id_of, scenario};
pub(crate) use protocol::protocol;

use super::error::Findings;

/// What the steps of a file may name: the actors and their verbs.
#[derive(Debug, Clone, Default)]
struct World {
    /// Actors by name, each with the name of its protocol (a key of `verbs`).
    actors: IndexMap<String, String>,
    /// Verbs by protocol name, then by their own name.
    verbs: IndexMap<String, IndexMap<String, Signature>>,
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

/// Lowers the steps of one file.
struct Lower<'f> {
    findings: &'f mut Findings,
    world: World,
    /// Whether the steps belong to a verb, where `main` means something.
    in_verb: bool,
}
