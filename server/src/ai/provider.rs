//! What a provider is asked, and how it answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::domain::{AiChunk, AiContext, Message};

/// What a provider is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The message that may be answered.
    pub(crate) message: Arc<Message>,
    /// What was said before.
    pub(crate) context: AiContext,
    /// The conversation's sites.
    pub(crate) sites: Vec<String>,
    /// The conversation's mode.
    pub(crate) mode: String,
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

#[cfg(test)]
pub(in crate::ai) mod tests {
    use super::*;
    use crate::domain::{MessageId, MessageKind, SequenceId, Timestamp, UserId};

    /// A message of somebody whose id is the name in lower case.
    pub(in crate::ai) fn message(place: u64, name: &str, kind: MessageKind, content: &str) -> Arc<Message> {
        Arc::new(Message {
            id: MessageId::from(format!("msg_{place}")),
            client_id: None,
            sequence: SequenceId(place),
            sender: UserId::from(name.to_lowercase().as_str()),
            sender_name: name.to_owned(),
            content: content.to_owned(),
            kind,
            timestamp: Timestamp::from_millis(0),
            metadata: serde_json::Map::new(),
        })
    }

    /// The question that the last of these messages is.
    pub(in crate::ai) fn ask(human: &[Arc<Message>], last_answer: Option<Arc<Message>>) -> Question {
        let context = AiContext { human: human.to_vec(), last_answer };
        let message = Arc::clone(human.last().unwrap());
        Question { message, context, sites: Vec::new(), mode: "list".to_owned() }
    }
}
