//! What can be asked of a conversation at any time.

use std::time::Instant;

use super::Pipeline;
use crate::core::ai_jobs::AiJob;
use crate::core::command::{Change, Signal};
use crate::core::event::{Audience, CloseReason, Effect, Event, StartAt};
use crate::core::in_flight::InFlight;
use crate::core::rejection::Rejection;
use crate::core::step::Step;
use crate::domain::{Now, Participant, SequenceId, SocketId, UserId};

impl<T> Pipeline<T> {
    /// A change arrives, and nothing else is there.
    pub(crate) fn change(&mut self, change: Change, reply_to: T, now: Now) -> Vec<Step<T>> {
        let mut steps = self.queue(change, reply_to);
        self.proceed(now, &mut steps);
        steps
    }

    /// A change arrives together with others: all of them are queued before [`Pipeline::work`], so that they go to the
    /// store in one batch.
    pub(crate) fn queue(&mut self, change: Change, reply_to: T) -> Vec<Step<T>> {
        let is_message = matches!(change, Change::Post(_));
        let refusal = if self.draining {
            Some(Rejection::ShuttingDown)
        } else if self.is_in_doubt() {
            Some(Rejection::StorageUnavailable)
        } else if is_message && self.waiting.messages() >= self.limits.queue_capacity {
            Some(Rejection::QueueFull)
        } else {
            None
        };
        if let Some(rejection) = refusal {
            return vec![Step::Answer(reply_to, Err(rejection))];
        }
        self.waiting.push_change(change, reply_to);
        let mut steps = Vec::new();
        if is_message {
            self.make_room(&mut steps);
        }
        steps
    }

    /// Works on what was queued.
    pub(crate) fn work(&mut self, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        self.proceed(now, &mut steps);
        steps
    }

    /// A signal of a socket arrives.
    pub(crate) fn signal(&mut self, socket: SocketId, signal: Signal, reply_to: T, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        if self.waiting.has_socket(socket) {
            self.waiting.push_signal(socket, signal, reply_to);
        } else {
            self.run(socket, signal, reply_to, now, &mut steps);
        }
        steps
    }

    /// A socket opens; `None` if its user is no participant. Says from which message on it reads the log.
    pub(crate) fn connect(
        &mut self,
        socket: SocketId,
        user: &UserId,
        start: StartAt,
        now: Now,
    ) -> Option<(SequenceId, Vec<Step<T>>)> {
        let history = self.limits.history;
        let (start, effects) = self.state.connect(socket, user, start, history, now)?;
        Some((start, effects.into_iter().map(Step::Effect).collect()))
    }

    /// Tells the typing whose time has come.
    pub(crate) fn tell_typing(&mut self, now: Now) -> Vec<Step<T>> {
        self.state.due_typing(self.limits.typing, now).into_iter().map(Step::Effect).collect()
    }

    /// A socket closed.
    pub(crate) fn disconnect(&mut self, socket: SocketId, now: Now) -> Vec<Step<T>> {
        let effects = self.state.disconnect(socket, now);
        effects.into_iter().map(Step::Effect).collect()
    }

    /// The server closes a socket.
    pub(crate) fn close_socket(&mut self, socket: SocketId, reason: CloseReason, now: Now) -> Vec<Step<T>> {
        let mut steps = vec![Step::Effect(Effect::Close(socket, reason))];
        steps.extend(self.disconnect(socket, now));
        steps
    }

    /// A piece of an AI's answer is there.
    pub(crate) fn tell_from_ai(&mut self, ai: &UserId, event: impl FnOnce(Participant) -> Event) -> Vec<Step<T>> {
        let participant = self.state.stored().members.get(ai).cloned();
        let tell = |participant| Step::Effect(Effect::Tell(Audience::Everyone, event(participant)));
        participant.map(tell).into_iter().collect()
    }

    /// Takes no more changes from here on; what waits is still finished.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        self.jobs.clear();
    }

    /// The oldest human message that an AI has not been asked about.
    pub(crate) fn next_job(&mut self) -> Option<AiJob> {
        self.jobs.pop()
    }

    /// Gives up everything that waits, and says whom to tell.
    pub(crate) fn abandon(&mut self) -> Vec<T> {
        let mut abandoned = self.in_flight.take().map(InFlight::into_reply_to).unwrap_or_default();
        abandoned.extend(self.waiting.abandon());
        abandoned
    }

    /// When [`Pipeline::tell_typing`] is to be called.
    pub(crate) fn typing_due(&self) -> Option<Instant> {
        self.state.typing_due()
    }
}
