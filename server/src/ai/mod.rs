//! AI participants: the [`Provider`] trait, what a provider is told, and the providers.
//!
//! - `script`: answers from a script; for tests and demonstrations;
//! - `openai` and `nlweb`: ask a server over HTTP, with `remote` for what they have in common.

pub(crate) mod context;
mod nlweb;
mod openai;
mod remote;
pub(crate) mod script;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;

use reqwest::Url;

use self::context::Context;
use self::nlweb::NlwebProvider;
use self::openai::OpenAiProvider;
use crate::config::{AiProvider, Config, ConfigError};
use crate::conversation::event::AiChunk;
use crate::domain::Message;

/// What a provider is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The message that may be answered.
    pub(crate) message: Arc<Message>,
    /// What was said before.
    pub(crate) context: Context,
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

/// The provider that a configuration asks for, if it asks for one.
///
/// # Errors
/// Names the key that is wrong, or that lacks.
pub(crate) fn provider(config: &Config) -> Result<Option<Arc<dyn Provider>>, ConfigError> {
    let Some(kind) = config.ai_provider_choice() else {
        return Ok(None);
    };
    let lacks = |key: &str| ConfigError::wrong(key, "is needed by `ai_provider`");
    let url = || {
        let written = config.ai_url.as_deref().ok_or_else(|| lacks("ai_url"))?;
        let url = Url::parse(written).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        url.ok_or_else(|| ConfigError::wrong("ai_url", "must be a URL that begins with http:// or https://"))
    };
    Ok(Some(match kind {
        AiProvider::Scripted => Arc::new(config.ai_script.as_ref().ok_or_else(|| lacks("ai_script"))?.load()?),
        AiProvider::Nlweb => Arc::new(NlwebProvider::new(config, &url()?)?),
        AiProvider::Openai => {
            let model = config.ai_model.as_deref().ok_or_else(|| lacks("ai_model"))?;
            Arc::new(OpenAiProvider::new(config, &url()?, model)?)
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MessageId, MessageKind, SequenceId, Timestamp, UserId};

    /// A message of somebody whose id is the name in lower case.
    pub(super) fn message(place: u64, name: &str, kind: MessageKind, content: &str) -> Arc<Message> {
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
    pub(super) fn ask(human: &[Arc<Message>], last_answer: Option<Arc<Message>>) -> Question {
        let context = Context { human: human.to_vec(), last_answer };
        let message = Arc::clone(human.last().unwrap());
        Question { message, context, sites: Vec::new(), mode: "list".to_owned() }
    }
}
