//! The loop of a socket.

use std::io;

use socket2::SockRef;
use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::{Ended, Life, Phase, READ_AHEAD};
use crate::core::CloseReason;
use crate::outbound::OutboundStatus;
use crate::socket::context::Expiry;
use crate::ws;

impl Life<'_> {
    /// Runs until the socket is closed.
    pub(in crate::socket) async fn run(&mut self) {
        let connection = self.connection;
        // One timer, which is set anew only when it is too late or has gone off.
        let mut timer = std::pin::pin!(sleep_until(self.ping_due));
        let mut expiry = connection.expiry();
        loop {
            if self.outbound.status().has_need {
                // Boxed, because it is rare and would make every socket larger.
                Box::pin(self.log.serve(connection, self.outbound)).await;
            }
            let has_more = self.take_frames();
            let status = self.outbound.status();
            if self.look(status, Instant::now()).is_err() {
                return;
            }
            if has_more || status.has_need {
                tokio::task::yield_now().await;
                continue;
            }
            let due = self.next_deadline(status);
            if due < timer.deadline() {
                timer.as_mut().reset(due);
            }
            let interest = self.interest(status);
            let outcome = tokio::select! {
                ready = ready(&self.stream, interest) => ready.and_then(|ready| self.transfer(ready)),
                () = self.work.notified() => Ok(()),
                () = expired(&mut expiry) => {
                    expiry = None;
                    self.close(CloseReason::TokenExpired);
                    Ok(())
                }
                () = timer.as_mut() => {
                    let outcome = self.timed_out(Instant::now());
                    timer.as_mut().reset(self.next_deadline(self.outbound.status()));
                    outcome
                }
            };
            if outcome.is_err() {
                return;
            }
        }
    }

    fn interest(&self, status: OutboundStatus) -> Option<Interest> {
        match (self.reads(status), status.is_blocked) {
            (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
            (true, false) => Some(Interest::READABLE),
            (false, true) => Some(Interest::WRITABLE),
            (false, false) => None,
        }
    }

    fn next_deadline(&self, status: OutboundStatus) -> Instant {
        let settings = &self.connection.settings;
        let mut due = self.ping_due;
        if status.is_blocked {
            due = due.min(self.last_written + settings.write_timeout);
        }
        match self.phase {
            Phase::Open if self.reads(status) => due.min(self.silent_at()),
            Phase::Open | Phase::Closing { until: None, .. } => due,
            Phase::Closing { until: Some(until), .. } | Phase::Answered { until } => due.min(until),
        }
    }

    /// Looks at what has become of the outgoing side.
    fn look(&mut self, status: OutboundStatus, now: Instant) -> Result<(), Ended> {
        if status.has_failed {
            return Err(Ended);
        }
        if !status.is_blocked || status.written != self.written {
            (self.written, self.last_written) = (status.written, now);
        }
        if status.is_closed {
            let patience = self.connection.settings.close_timeout;
            match self.phase {
                Phase::Answered { .. } => return Err(Ended),
                Phase::Closing { until: Some(_), .. } => {}
                Phase::Open | Phase::Closing { until: None, .. } => {
                    // The others shall not wait for a close that may take its time.
                    self.connection.conversation.disconnect(self.connection.id);
                    let readable = !matches!(self.phase, Phase::Closing { readable: false, .. });
                    self.phase = Phase::Closing { until: Some(now + patience), readable };
                    if !readable {
                        // What comes can't be told apart, so the end of the bytes has to say it. What is not read here
                        // would make the system drop the close on its way.
                        let _ = SockRef::from(&*self.stream).shutdown(std::net::Shutdown::Write);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads and writes what the connection is ready for.
    fn transfer(&mut self, ready: Ready) -> Result<(), Ended> {
        /// So that one socket keeps no other waiting.
        const READS: usize = 16;
        if ready.is_writable() {
            self.outbound.unblock();
        }
        if !ready.is_readable() {
            return Ok(());
        }
        for _ in 0..READS {
            let room = self.decoder.room();
            let free = room.capacity() - room.len();
            match self.stream.try_read_buf(room) {
                Ok(0) => return Err(Ended),
                Ok(read) => {
                    self.last_heard = Instant::now();
                    if read < free || self.decoder.waiting() >= READ_AHEAD {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Err(Ended),
            }
        }
        Ok(())
    }

    fn timed_out(&mut self, now: Instant) -> Result<(), Ended> {
        let status = self.outbound.status();
        self.look(status, now)?;
        let settings = &self.connection.settings;
        let gives_up = match self.phase {
            Phase::Open | Phase::Closing { until: None, .. } => false,
            Phase::Closing { until: Some(until), .. } | Phase::Answered { until } => now >= until,
        };
        if gives_up {
            return Err(Ended);
        }
        if self.phase == Phase::Open && self.reads(status) && now >= self.silent_at() {
            self.close(CloseReason::HeartbeatLost);
        }
        if status.is_blocked && now >= self.last_written + settings.write_timeout {
            if matches!(self.phase, Phase::Answered { .. }) {
                return Err(Ended);
            }
            info!(socket = %self.connection.id, participant = %self.connection.user, "socket reads too slowly");
            self.connection.conversation.disconnect(self.connection.id);
            self.outbound.abandon(CloseReason::TooSlow);
            self.phase = Phase::Closing { until: Some(now + settings.close_timeout), readable: true };
            self.last_written = now;
        }
        if now >= self.ping_due {
            self.ping_due = now + settings.heartbeat_interval;
            if self.phase == Phase::Open {
                self.outbound.control(ws::ping());
            }
        }
        Ok(())
    }
}

/// Waits until the connection can be read or written.
async fn ready(stream: &TcpStream, interest: Option<Interest>) -> Result<Ready, Ended> {
    match interest {
        Some(interest) => stream.ready(interest).await.map_err(|_| Ended),
        None => std::future::pending().await,
    }
}

/// Waits until the token has expired; for ever where it does not expire.
async fn expired(expiry: &mut Option<Expiry<'_>>) {
    match expiry {
        Some(expiry) => expiry.as_mut().await,
        None => std::future::pending().await,
    }
}
