//! The loop of the task: it waits for something to do, does it, and writes what came of it.

use std::sync::atomic::Ordering;

use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::Actor;
use crate::conversation::assistant::AssistantEvent;
use crate::conversation::store_requests::StoreAnswer;
use crate::core::{AppendOutcome, CloseReason};
use crate::domain::Now;
use crate::storage::StoreError;

/// How many messages are worked on before their outcomes are written.
const MESSAGES_A_TURN: usize = 64;
/// What the task wakes up for.
enum Wakeup {
    StoreAnswer(StoreAnswer),
    Assistant(AssistantEvent),
    /// Messages lie in the inbox; none where every handle is gone.
    Messages(usize),
    ReadsDue,
    TypingDue,
    Idle,
}

impl Actor {
    /// Runs until the conversation is unloaded, every handle is dropped, or somebody else has written to its log.
    pub(in crate::conversation) async fn run(mut self) {
        loop {
            self.unload_at = self.idle_unload.filter(|_| self.is_quiet()).map(|period| Instant::now() + period);
            let wakeup = self.wait().await;
            let now = self.environment.clock.read();
            match wakeup {
                Wakeup::StoreAnswer(answer) => {
                    if self.store_answered(answer, now) {
                        return;
                    }
                }
                Wakeup::Assistant(event) => self.assistant_event(event, now),
                Wakeup::Messages(0) => return,
                Wakeup::Messages(_) => {
                    let mut inbox = std::mem::take(&mut self.inbox);
                    for message in inbox.drain(..) {
                        self.message(message, now);
                    }
                    self.inbox = inbox;
                    let steps = self.pipeline.work(now);
                    self.take(steps);
                }
                Wakeup::Idle => {
                    if self.permit.release_if_unused(&self.mailbox) {
                        debug!("unloaded");
                        return;
                    }
                }
                Wakeup::ReadsDue => self.store_reads(now),
                Wakeup::TypingDue => {
                    let steps = self.pipeline.tell_typing(now);
                    self.take(steps);
                }
            }
            for socket in self.fan_out.take_too_faulty() {
                let steps = self.pipeline.close_socket(socket, CloseReason::TooManyFaults, now);
                self.take(steps);
            }
            self.start_next_job();
            self.fan_out.flush();
            self.counters.pending.store(self.pipeline.pending(), Ordering::Relaxed);
            self.counters.unstored_reads.store(self.reads.len(), Ordering::Relaxed);
            if self.pipeline.is_idle() && !self.drained.is_empty() {
                self.close_all();
            }
        }
    }

    async fn wait(&mut self) -> Wakeup {
        let Self { requests, assistant, unload_at, mailbox, inbox, reads, pipeline, .. } = self;
        let at = async |moment: Option<Instant>| match moment {
            Some(moment) => sleep_until(moment).await,
            None => std::future::pending().await,
        };
        let (idling, reading) = (at(*unload_at), at(reads.due()));
        let typing = at(pipeline.typing_due().map(Instant::from_std));
        tokio::select! {
            answer = requests.answer() => Wakeup::StoreAnswer(answer),
            event = assistant.next() => Wakeup::Assistant(event),
            count = mailbox.recv_many(inbox, MESSAGES_A_TURN) => Wakeup::Messages(count),
            () = reading => Wakeup::ReadsDue,
            () = typing => Wakeup::TypingDue,
            () = idling => Wakeup::Idle,
        }
    }

    /// Handles the store's answer. True ends the task: somebody else has written to the log.
    fn store_answered(&mut self, answer: StoreAnswer, now: Now) -> bool {
        let (steps, is_over) = match answer {
            StoreAnswer::LookedUp(result) => (self.pipeline.looked_up(result.ok(), now), false),
            StoreAnswer::Appended(result) => {
                if let Some(error) = result.as_ref().err().filter(|error| **error != StoreError::SentBefore) {
                    warn!(%error, "commit failed");
                }
                if result.is_ok() {
                    self.requests.confirm_append();
                }
                let outcome = match &result {
                    Ok(()) => AppendOutcome::Stored,
                    Err(StoreError::SentBefore) => AppendOutcome::SentBefore,
                    Err(StoreError::InDoubt(_)) => AppendOutcome::InDoubt,
                    Err(_) => AppendOutcome::Failed,
                };
                let is_over = matches!(result, Err(StoreError::Conflict(_)));
                (self.pipeline.appended(outcome, now), is_over)
            }
            StoreAnswer::Resolved(is_durable) => {
                info!(is_durable, "the outcome of a commit is known");
                if is_durable {
                    self.requests.confirm_append();
                }
                (self.pipeline.resolved(is_durable, now), false)
            }
        };
        self.take(steps);
        if is_over {
            warn!("the log was changed by somebody else; the conversation is read again");
        }
        is_over
    }
}
