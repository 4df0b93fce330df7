//! Pieces of an AI's answer.

use serde_json::Value;

/// A piece of an AI's answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct AiChunk {
    /// `ai_chunk`, `summary`, `result_batch` and so on.
    pub(crate) message_type: String,
    /// The text.
    pub(crate) content: String,
    /// Structured content.
    pub(crate) data: Option<Value>,
}
