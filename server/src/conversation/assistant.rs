//! The AI participant of one conversation: one question at a time, beside everything else.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use crate::ai::{AiError, Answering, Provider, Question};
use crate::core::{AiJob, MessageDraft, Outcome, Rejection};
use crate::domain::{AiChunk, MessageId, MessageKind, UserId};
use crate::log::StoredState;

/// The first pause before an answer that was not stored is tried again; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What the AI participant of a conversation is and may do.
#[derive(Clone)]
pub(crate) struct Ai {
    /// Who it is.
    pub(crate) id: UserId,
    /// What it is called.
    pub(crate) name: String,
    /// Who answers for it.
    pub(crate) provider: Arc<dyn Provider>,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
}

/// The AI participant of one conversation, if the server has one.
pub(super) struct Assistant {
    ai: Option<Ai>,
    job: Option<RunningJob>,
    answer: Option<PendingAnswer>,
}

/// A question that a provider works on.
struct RunningJob {
    question: MessageId,
    answering: Answering,
    chunks: mpsc::Receiver<AiChunk>,
    /// Whether any chunk was told.
    streamed: bool,
}

/// An answer on its way into the log. A store that is out, or a full queue, makes it wait and not vanish.
struct PendingAnswer {
    /// What is to be stored; the same each time, so that it is recognised when it came through unheard.
    draft: MessageDraft,
    /// When it is tried again; None while the store has it.
    retry_at: Option<Instant>,
    /// The pause before that.
    pause: Duration,
}

/// What happens next.
pub(super) enum AssistantEvent {
    /// A piece of the answer.
    Chunk(StreamedChunk),
    /// The provider is done.
    Finished(Result<Option<String>, AiError>),
    /// An answer is to be stored, perhaps once more.
    RetryDue,
}

/// A piece of an answer as sockets are told it.
pub(super) struct StreamedChunk {
    /// The message that it answers.
    pub(super) response_to: MessageId,
    /// The piece.
    pub(super) chunk: AiChunk,
    /// Whether it is the last one.
    pub(super) last: bool,
}

/// How a question ended.
pub(super) struct FinishedJob {
    /// What is still to be told.
    pub(super) chunks: Vec<StreamedChunk>,
    /// For the metric.
    pub(super) outcome: &'static str,
}

impl Assistant {
    /// An assistant that does nothing yet.
    pub(super) fn new(ai: Option<Ai>) -> Self {
        Self { ai, job: None, answer: None }
    }

    /// Who it is, if there is one.
    pub(super) fn id(&self) -> Option<&UserId> {
        self.ai.as_ref().map(|ai| &ai.id)
    }

    /// Whether it can be asked.
    pub(super) fn is_free(&self) -> bool {
        self.ai.is_some() && self.is_idle()
    }

    /// Whether it has nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.job.is_none() && self.answer.is_none()
    }

    /// Gives up the question that is under way. An answer that is there already is still stored.
    pub(super) fn stop(&mut self) {
        self.job = None;
    }

    /// Asks about a message.
    pub(super) fn ask(&mut self, job: AiJob, state: &StoredState) {
        let Some(ai) = &self.ai else {
            return;
        };
        let AiJob { message, context } = job;
        let (sender, chunks) = mpsc::channel(16);
        let question = message.id.clone();
        let (sites, mode) = (state.sites.clone(), state.mode.clone());
        debug!(message = %question, context = context.human.len(), answered = context.last_answer.is_some(), "asking the AI");
        let answering = ai.provider.answer(Question { message, context, sites, mode }, sender);
        let timeout = ai.timeout;
        let answering: Answering = Box::pin(async move {
            match tokio::time::timeout(timeout, answering).await {
                Ok(result) => result,
                Err(_) => Err(AiError::TimedOut),
            }
        });
        self.job = Some(RunningJob { question, answering, chunks, streamed: false });
    }

    /// Waits for what happens next. Cancel safe.
    pub(super) async fn next(&mut self) -> AssistantEvent {
        let Self { job, answer, .. } = self;
        let retry = async {
            match answer.as_ref().and_then(|answer| answer.retry_at) {
                Some(moment) => sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        let working = async {
            let Some(RunningJob { question, answering, chunks, streamed }) = job else {
                return std::future::pending().await;
            };
            tokio::select! {
                biased;
                Some(chunk) = chunks.recv() => {
                    *streamed = true;
                    AssistantEvent::Chunk(StreamedChunk { response_to: question.clone(), chunk, last: false })
                }
                result = answering => AssistantEvent::Finished(result),
            }
        };
        tokio::select! {
            event = working => event,
            () = retry => AssistantEvent::RetryDue,
        }
    }

    /// Takes the provider's result: the stream ends, and what it said waits to be stored.
    pub(super) fn finish(&mut self, result: Result<Option<String>, AiError>) -> Option<FinishedJob> {
        let mut job = self.job.take()?;
        let mut chunks = Vec::new();
        let piece = |chunk, last| StreamedChunk { response_to: job.question.clone(), chunk, last };
        while let Ok(chunk) = job.chunks.try_recv() {
            job.streamed = true;
            chunks.push(piece(chunk, false));
        }
        if job.streamed {
            let end = AiChunk { message_type: "ai_chunk".to_owned(), ..AiChunk::default() };
            chunks.push(piece(end, true));
        }
        let outcome = match &result {
            Ok(None) => "silent",
            Ok(Some(_)) => "answered",
            Err(AiError::TimedOut) => "timed_out",
            Err(_) => "failed",
        };
        let said = match result {
            Ok(None) => None,
            Ok(Some(text)) => Some((MessageKind::NlwebResponse, text)),
            Err(error) => {
                warn!(message = %job.question, %error, "AI job failed");
                Some((MessageKind::Error, format!("The assistant could not answer: {error}")))
            }
        };
        if let (Some((kind, content)), Some(ai)) = (said, &self.ai) {
            let response_to = Value::String(job.question.as_str().to_owned());
            let draft = MessageDraft {
                id: MessageId::random(),
                client_id: None,
                sender: ai.id.clone(),
                socket: None,
                kind,
                content,
                metadata: Map::from_iter([("response_to".to_owned(), response_to)]),
            };
            self.answer = Some(PendingAnswer { draft, retry_at: Some(Instant::now()), pause: FIRST_PAUSE });
        }
        Some(FinishedJob { chunks, outcome })
    }

    /// The answer that waits to be stored, if the store does not have it already.
    pub(super) fn take_due(&mut self) -> Option<MessageDraft> {
        let answer = self.answer.as_mut().filter(|answer| answer.retry_at.is_some())?;
        answer.retry_at = None;
        Some(answer.draft.clone())
    }

    /// A message was committed: if it is the answer, it waits no longer, also when nobody heard of its commit.
    pub(super) fn committed(&mut self, id: &MessageId) {
        self.answer.take_if(|answer| answer.draft.id == *id);
    }

    /// What became of the answer. It is tried until the store takes it: the AI is asked nothing else meanwhile, so
    /// that no more than this one waits.
    pub(super) fn stored(&mut self, result: Result<Outcome, Rejection>) {
        let Some(answer) = &mut self.answer else {
            return;
        };
        match result {
            Ok(_) => self.answer = None,
            Err(error @ (Rejection::StorageUnavailable | Rejection::QueueFull)) => {
                debug!(%error, pause = ?answer.pause, "AI message not stored yet");
                answer.retry_at = Some(Instant::now() + answer.pause);
                answer.pause = LONGEST_PAUSE.min(answer.pause * 2);
            }
            Err(error) => {
                warn!(%error, "AI message not stored");
                self.answer = None;
            }
        }
    }
}
