//! Protocol files, as those who read scenarios ask for them.

use std::sync::Arc;

use crate::scenario::model::Protocol;

/// A protocol that a scenario asked for.
pub(crate) enum Loaded {
    /// The protocol was read.
    Found(Arc<Protocol>),
    /// There is a file, and its errors are told for it.
    Broken,
    /// There is no such file; the places that were searched.
    Missing(Vec<String>),
    /// The file is being read already: the files that include each other.
    Cycle(Vec<String>),
}
