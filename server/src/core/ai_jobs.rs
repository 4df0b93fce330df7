//! The messages that an AI has not been asked about yet.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::{AiContext, Message};

/// A message that an AI may answer, with what was said before it.
#[derive(Debug, Clone)]
pub(crate) struct AiJob {
    /// The message.
    pub(crate) message: Arc<Message>,
    /// As it was when the message got its place, however long the job waits.
    pub(crate) context: AiContext,
}

/// Jobs in the order of their messages.
#[derive(Debug, Default)]
pub(super) struct AiJobQueue(VecDeque<AiJob>);

impl AiJobQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, job: AiJob) {
        self.0.push_back(job);
    }

    pub(super) fn pop(&mut self) -> Option<AiJob> {
        self.0.pop_front()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Gives up the oldest jobs until at most so many are left.
    pub(super) fn shrink_to(&mut self, most: usize) -> Vec<AiJob> {
        let excess = self.0.len().saturating_sub(most);
        self.0.drain(..excess).collect()
    }
}
