//! Why a template has no value.

use crate::source::Position;

/// A template that can't be rendered: which expression, where, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderError {
    /// Where the template stands.
    pub at: Position,
    /// What is wrong.
    pub message: String,
}
