//! How the AI participant takes part: its answers become messages, and messages become questions to it.

use std::time::Duration;

use super::Actor;
use crate::conversation::actor_message::ReplyTo;
use crate::conversation::assistant::{AssistantEvent, StreamedChunk};
use crate::core::{Change, Event, Fault, FaultKind};
use crate::domain::{Message, Now};

impl Actor {
    /// Takes what the AI participant did.
    pub(super) fn assistant_event(&mut self, event: AssistantEvent, now: Now) {
        match event {
            AssistantEvent::Chunk(chunk) => self.tell_chunk(chunk),
            AssistantEvent::Finished(result) => {
                let Some(finished) = self.assistant.finish(result) else {
                    return;
                };
                self.environment.metrics.ai_job(finished.outcome);
                for chunk in finished.chunks {
                    self.tell_chunk(chunk);
                }
                self.store_answer(now);
            }
            AssistantEvent::RetryDue => self.store_answer(now),
        }
    }

    fn tell_chunk(&mut self, chunk: StreamedChunk) {
        let Some(ai) = self.assistant.id().cloned() else {
            return;
        };
        let StreamedChunk { response_to, chunk, last } = chunk;
        let event = |participant| Event::AiResponse { participant, response_to, chunk, last };
        let steps = self.pipeline.tell_from_ai(&ai, event);
        self.take(steps);
    }

    /// Hands over the AI's answer that is due.
    pub(super) fn store_answer(&mut self, now: Now) {
        if let Some(draft) = self.assistant.take_due() {
            let steps = self.pipeline.change(Change::Post(draft), ReplyTo::Ai, now);
            self.take(steps);
        }
    }

    /// Asks the AI about the next message, if it is free.
    pub(super) fn start_next_job(&mut self) {
        while self.assistant.is_free()
            && let Some(job) = self.pipeline.next_job()
        {
            match self.environment.rates.ai_job(&job.message.sender) {
                Ok(()) => self.assistant.ask(job, self.pipeline.state().stored()),
                Err(wait) => self.refuse_job(&job.message, wait),
            }
        }
    }

    /// The message stands, and whoever said it hears that the AI will not be asked about it.
    fn refuse_job(&mut self, message: &Message, wait: Duration) {
        self.environment.metrics.ai_job("refused");
        let fault = Event::Fault(Fault {
            kind: FaultKind::RateLimited,
            message: "the assistant is asked too often: it will not answer this message".to_owned(),
            message_id: message.client_id.clone(),
            retry_after: Some(wait),
        });
        for socket in self.fan_out.ids_of(&message.sender) {
            self.fan_out.reply(socket, &fault, None);
        }
    }
}
