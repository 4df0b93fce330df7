//! AI participants: the [`Provider`] trait, what a provider is told, and the provider that answers from a script.

pub(crate) mod context;
pub(crate) mod script;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;

use self::context::Context;
use crate::conversation::event::AiChunk;
use crate::domain::Message;

/// What a provider is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The message that may be answered.
    pub(crate) message: Arc<Message>,
    /// What was said before.
    pub(crate) context: Context,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AiError {
    /// It took too long.
    #[error("it took too long")]
    TimedOut,
    /// The provider said so.
    #[error("{0}")]
    Failed(String),
}

/// The whole answer, or `None` when the provider has nothing to say.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Option<String>, AiError>> + Send>>;

/// Something that answers questions. It streams pieces as they come and returns the whole at the end. The
/// conversation drops the future when it takes too long.
pub(crate) trait Provider: Send + Sync + 'static {
    /// Answers a question.
    fn answer(&self, question: Question, pieces: mpsc::Sender<AiChunk>) -> Answering;
}
