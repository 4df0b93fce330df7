//! The AI participant: one question at a time, beside everything else.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{Actor, FIRST_PAUSE, LONGEST_PAUSE};
use crate::ai::context::Context;
use crate::ai::{AiError, Answering, Provider, Question};
use crate::conversation::command::{Change, Draft, Outcome, Rejection};
use crate::conversation::event::{AiChunk, Event};
use crate::conversation::letter::Ticket;
use crate::domain::{MessageId, MessageKind, Now, UserId};

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

/// An AI that is thinking.
pub(super) struct Asked {
    pub(super) question: MessageId,
    pub(super) job: Answering,
    pub(super) pieces: mpsc::Receiver<AiChunk>,
    pub(super) streamed: bool,
}

/// An answer on its way into the log. A store that is out, or a full queue, makes it wait and not vanish.
pub(super) struct Unsaid {
    /// What is to be stored; the same each time, so that it is recognised when it came through unheard.
    pub(super) draft: Draft,
    /// When it is tried again; None while the store has it.
    pub(super) again: Option<Instant>,
    /// The pause before that.
    pause: Duration,
}

impl Actor {
    /// Asks the AI about the next message, if it is not busy.
    pub(super) fn ask_ai(&mut self) {
        let Some(ai) = &self.ai else {
            return;
        };
        if self.live.asked.is_some() || self.live.unsaid.is_some() {
            return;
        }
        let Some(message) = self.pipeline.next_job() else {
            return;
        };
        let (sender, pieces) = mpsc::channel(16);
        let question = message.id.clone();
        let state = self.pipeline.state().durable();
        let context = Context::build(state.recent.iter(), message.sequence);
        let (sites, mode) = (state.sites.clone(), state.mode.clone());
        debug!(message = %question, context = context.human.len(), answered = context.last_answer.is_some(), "asking the AI");
        let answering = ai.provider.answer(Question { message, context, sites, mode }, sender);
        let timeout = ai.timeout;
        let job = async move {
            match tokio::time::timeout(timeout, answering).await {
                Ok(result) => result,
                Err(_) => Err(AiError::TimedOut),
            }
        };
        let job: Answering = Box::pin(job);
        self.live.asked = Some(Asked { question, job, pieces, streamed: false });
    }

    pub(super) fn piece(&mut self, chunk: AiChunk) {
        if let Some(asked) = &mut self.live.asked {
            asked.streamed = true;
            let question = asked.question.clone();
            self.stream(question, chunk, false);
        }
    }

    fn stream(&mut self, response_to: MessageId, chunk: AiChunk, last: bool) {
        let Some(ai) = self.ai.as_ref().map(|ai| ai.id.clone()) else {
            return;
        };
        let event = |participant| Event::AiResponse { participant, response_to, chunk, last };
        let steps = self.pipeline.relay(&ai, event);
        self.take(steps);
    }

    /// The AI is done: the pieces end, and what it said is posted.
    pub(super) fn answered(&mut self, result: Result<Option<String>, AiError>, now: Now) {
        let Some(mut asked) = self.live.asked.take() else {
            return;
        };
        while let Ok(chunk) = asked.pieces.try_recv() {
            asked.streamed = true;
            self.stream(asked.question.clone(), chunk, false);
        }
        if asked.streamed {
            let end = AiChunk { message_type: "ai_chunk".to_owned(), ..AiChunk::default() };
            self.stream(asked.question.clone(), end, true);
        }
        let outcome = match &result {
            Ok(None) => "silent",
            Ok(Some(_)) => "answered",
            Err(AiError::TimedOut) => "timed_out",
            Err(_) => "failed",
        };
        self.ambient.metrics.ai_job(outcome);
        let (kind, content) = match result {
            Ok(None) => return,
            Ok(Some(text)) => (MessageKind::NlwebResponse, text),
            Err(error) => {
                warn!(message = %asked.question, %error, "AI job failed");
                (MessageKind::Error, format!("The assistant could not answer: {error}"))
            }
        };
        let Some(ai) = &self.ai else {
            return;
        };
        let response_to = Value::String(asked.question.as_str().to_owned());
        let draft = Draft {
            id: MessageId::random(),
            client_id: None,
            sender: ai.id.clone(),
            socket: None,
            kind,
            content,
            metadata: Map::from_iter([("response_to".to_owned(), response_to)]),
        };
        self.live.unsaid = Some(Unsaid { draft, again: Some(Instant::now()), pause: FIRST_PAUSE });
        self.say_again(now);
    }

    /// Hands over the answer that is due.
    pub(super) fn say_again(&mut self, now: Now) {
        let Some(unsaid) = self.live.unsaid.as_mut().filter(|unsaid| unsaid.again.is_some()) else {
            return;
        };
        unsaid.again = None;
        let steps = self.pipeline.change(Change::Say(unsaid.draft.clone()), Ticket::Ai, now);
        self.take(steps);
    }

    /// What became of the answer. It is tried until the store takes it: the AI is asked nothing else meanwhile, so
    /// that no more than this one waits.
    pub(super) fn said(&mut self, result: Result<Outcome, Rejection>) {
        let Some(unsaid) = &mut self.live.unsaid else {
            return;
        };
        match result {
            Ok(_) => self.live.unsaid = None,
            Err(error @ (Rejection::StorageUnavailable | Rejection::QueueFull)) => {
                debug!(%error, pause = ?unsaid.pause, "AI message not stored yet");
                unsaid.again = Some(Instant::now() + unsaid.pause);
                unsaid.pause = LONGEST_PAUSE.min(unsaid.pause * 2);
            }
            Err(error) => {
                warn!(%error, "AI message not stored");
                self.live.unsaid = None;
            }
        }
    }
}
