//! What an AI is told, and the pieces of its answer.

use std::sync::Arc;

use serde_json::Value;

use super::Message;

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

/// What an AI is told besides the question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AiContext {
    /// The last messages of people up to the question, the question included, oldest first. Each knows its sender.
    pub(crate) human: Vec<Arc<Message>>,
    /// The last answer of an AI before the question.
    pub(crate) last_answer: Option<Arc<Message>>,
}
