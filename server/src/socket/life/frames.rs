//! What a socket does with the frames of its client.

use tokio::time::Instant;

use super::{Life, Phase};
use crate::core::CloseReason;
use crate::ws::{self, DecodeError, Incoming};

/// How many frames are taken before the others on this thread have their turn.
const FRAMES_A_TURN: usize = 64;

impl Life<'_> {
    /// Takes the frames that are here, some at a time. True if there may be more.
    pub(super) fn take_frames(&mut self) -> bool {
        for _ in 0..FRAMES_A_TURN {
            if matches!(self.phase, Phase::Closing { readable: false, .. }) {
                self.decoder.forget();
                return false;
            }
            if self.is_paused(self.outbound.status()) {
                return false;
            }
            match self.decoder.next() {
                Ok(None) => {
                    self.decoder.shrink();
                    return false;
                }
                Ok(Some(incoming)) => self.take(incoming),
                Err(error) => self.fail(error),
            }
        }
        true
    }

    fn take(&mut self, incoming: Incoming) {
        if let Incoming::Close(code) = incoming {
            if self.phase == Phase::Open {
                // The others are told at once.
                self.connection.conversation.disconnect(self.connection.id);
                self.outbound.answer_close(code);
            }
            self.phase = Phase::Answered { until: Instant::now() + self.connection.settings.close_timeout };
            return;
        }
        if self.phase != Phase::Open {
            return;
        }
        match incoming {
            Incoming::Text(text) => {
                let permit = self.in_flight.take(std::time::Instant::now());
                self.connection.receive(Some(&text), permit);
            }
            Incoming::Binary => {
                let permit = self.in_flight.take(std::time::Instant::now());
                self.connection.receive(None, permit);
            }
            Incoming::Ping(payload) if self.connection.rates.frame(&self.connection.user).is_ok() => {
                self.outbound.control(ws::pong(&payload));
            }
            Incoming::Ping(_) => self.connection.metrics.refused_frame("rate_limited"),
            Incoming::Pong | Incoming::Close(_) => {}
        }
    }

    fn fail(&mut self, error: DecodeError) {
        let (reason, is_readable) = match error {
            DecodeError::TooBig => (CloseReason::FrameTooBig, true),
            DecodeError::NotUtf8 => (CloseReason::NotUtf8, true),
            DecodeError::Protocol => (CloseReason::Protocol, false),
        };
        self.close(reason);
        if let (Phase::Closing { readable, .. }, false) = (&mut self.phase, is_readable) {
            *readable = false;
        }
    }
}
