//! What the socket's own task does with the outgoing side: it writes on where the connection took no more, and brings what
//! was read from the log.

use bytes::Bytes;

use super::{Need, Outbound};
use crate::core::CloseReason;
use crate::domain::SequenceId;
use crate::frame;
use crate::outbound::permit::Permit;
use crate::outbound::queue::{Queue, Timing};
use crate::outbound::unsent::FRAMES;
use crate::ws;

impl Outbound {
    /// Writes on: the connection takes bytes again.
    pub(crate) fn unblock(&self) {
        let mut state = self.lock();
        state.is_blocked = false;
        self.write(&mut state);
    }

    /// Writes a control frame, between the frames that wait.
    pub(crate) fn control(&self, frame: Bytes) {
        let mut state = self.lock();
        // Whoever takes nothing and asks for ever more gets no more.
        let is_too_much = state.is_blocked && state.unsent.len() >= 2 * FRAMES;
        if state.is_closing || is_too_much {
            return;
        }
        state.unsent.push_control(frame);
        if !state.is_blocked {
            self.write(&mut state);
        }
    }

    /// Answers the client's close: what still waits is dropped.
    pub(crate) fn answer_close(&self, code: Option<u16>) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.is_closing, true) {
            return;
        }
        state.unsent.keep_first();
        state.need = None;
        state.unsent.push(ws::close(code, ""), Timing::Untimed, None);
        if !state.is_blocked {
            self.write(&mut state);
        }
    }

    /// Takes out what must be read from the log.
    pub(crate) fn take_need(&self) -> Option<Need> {
        let mut state = self.lock();
        let need = state.need.take();
        state.is_reading = need.is_some();
        need
    }

    /// The message at this place, read from the log.
    pub(crate) fn provide(&self, sequence: SequenceId, frame: Bytes) {
        let mut state = self.lock();
        state.is_reading = false;
        state.queue.passed(sequence);
        state.unsent.push(frame, Timing::Untimed, None);
        // Not written yet: the next one may be at hand, and both go in one write.
        self.refill(&mut state);
        if !state.is_blocked && (state.need.is_none() || state.unsent.is_heavy()) {
            self.write(&mut state);
        }
    }

    /// The page that a sync asked for.
    pub(crate) fn provide_page(&self, frame: Bytes, permit: Permit) {
        let mut state = self.lock();
        state.is_reading = false;
        state.unsent.push(frame, Timing::Untimed, permit);
        if !state.is_blocked {
            self.write(&mut state);
        }
    }

    /// The log cannot be read: the socket ends.
    pub(crate) fn abandon(&self, reason: CloseReason) {
        let mut state = self.lock();
        state.is_reading = false;
        state.need = None;
        if !std::mem::replace(&mut state.is_closing, true) {
            let (code, text) = frame::close_frame(reason);
            state.unsent.push(ws::close(Some(code), text), Timing::Untimed, None);
        }
        if !state.is_blocked {
            self.write(&mut state);
        }
    }

    /// Lets go of the connection and of everything that waits.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.transport = None;
        state.has_failed = true;
        state.unsent.clear();
        state.need = None;
        state.queue = Queue::ended();
    }
}
