//! A pattern as others use it.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::compiler::{Compiler, PatternError};
use super::difference::Difference;
use super::explain;
use super::node::PatternNode;
use super::text;
use super::words::words;

/// A compiled pattern: what a frame, a body or a part of one should look like.
#[derive(Clone)]
pub struct Pattern {
    inner: Arc<Inner>,
}

struct Inner {
    root: PatternNode,
    source: Value,
}

impl Pattern {
    /// Compiles a pattern from JSON whose templates are already filled in.
    ///
    /// # Errors
    /// The first error of the pattern, in key order; [`Pattern::check`] gives all of them.
    pub fn compile(value: &Value) -> Result<Pattern, PatternError> {
        let (root, errors) = Compiler::run(words(), &|_| false, value);
        match errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(Pattern { inner: Arc::new(Inner { root, source: value.clone() }) }),
        }
    }

    /// All errors of a pattern, for a check that runs nothing. A string for which `is_open` holds
    /// stands for a value that is not known yet, such as a template: as the argument of a matcher it
    /// is not judged.
    pub fn check(value: &Value, is_open: &dyn Fn(&str) -> bool) -> Vec<PatternError> {
        Compiler::run(words(), is_open, value).1
    }

    /// Whether a value matches. Builds no explanation.
    pub fn matches(&self, value: &Value) -> bool {
        self.inner.root.matches(Some(value))
    }

    /// Where and how a value differs from the pattern; empty exactly when it matches. In the order
    /// of the pattern's keys and elements.
    pub fn differences(&self, value: &Value) -> Vec<Difference> {
        explain::differences(&self.inner.root, Some(value))
    }

    /// Whether a value that is not there satisfies the pattern, as with `$absent`.
    pub fn matches_absent(&self) -> bool {
        self.inner.root.matches(None)
    }

    /// What is missing when there is no value at all; empty exactly when
    /// [`matches_absent`](Self::matches_absent).
    pub fn differences_absent(&self) -> Vec<Difference> {
        explain::differences(&self.inner.root, None)
    }

    /// Whether the pattern says anything about a value that is there. `{}` and `{"$any": true}`
    /// don't, nor does what amounts to the latter: an expectation of these alone can't fail on a
    /// frame. (`{}` still refuses what is not an object, but a frame is hardly ever anything else.)
    pub fn can_fail(&self) -> bool {
        let root = &self.inner.root;
        let is_empty_object = matches!(root, PatternNode::Object(fields) if fields.is_empty());
        !is_empty_object && !root.accepts_everything()
    }

    /// The JSON that the pattern was compiled from.
    pub fn source(&self) -> &Value {
        &self.inner.source
    }

    pub(super) fn root(&self) -> &PatternNode {
        &self.inner.root
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", describe(self))
    }
}

/// The pattern as it was written, as compact JSON on one line, uncut.
pub fn describe(pattern: &Pattern) -> String {
    text::whole(pattern.source())
}
