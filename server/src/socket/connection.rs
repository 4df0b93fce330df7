//! The life of one WebSocket, from the upgrade to the end: one task, which reads, and writes on where the conversation
//! could not.

use std::io;
use std::sync::Arc;

use socket2::SockRef;
use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::context::Connection;
use super::log_pages::LogPages;
use crate::conversation::ConversationHandle;
use crate::core::CloseReason;
use crate::domain::SocketId;
use crate::outbound::{InFlightFrames, Outbound, OutboundStatus, Transport};
use crate::ws::{self, DecodeError, Decoder, Incoming};

/// How many bytes are read ahead while no frame may be taken: enough to see the signs of life of a peer that waits, too
/// little to matter.
const READ_AHEAD: usize = 64 * 1024;

/// How many frames are taken before the others on this thread have their turn.
const FRAMES_A_TURN: usize = 64;

impl Connection {
    /// Serves the socket until it is closed; `read` came with the handshake. The conversation knows of the end before
    /// this returns.
    pub(crate) async fn serve(self, stream: TcpStream, read: &[u8]) {
        let stream = Arc::new(stream);
        let work = Arc::new(Notify::new());
        let transport: Arc<dyn Transport> = Arc::<TcpStream>::clone(&stream);
        let outbound = Arc::new(Outbound::new(
            Some(transport),
            Arc::clone(self.conversation.recent()),
            self.settings.outbound,
            Arc::clone(&self.metrics),
            Arc::clone(&work),
        ));
        let connected = self.conversation.connect(self.id, self.user.clone(), self.start, Arc::clone(&outbound)).await;
        if let Err(reason) = connected {
            outbound.close(None, reason);
            outbound.flush(None);
        }
        let _disconnect = DisconnectOnDrop(&self.conversation, self.id);
        let _end = EndOnDrop(&outbound);
        let in_flight = Arc::new(InFlightFrames::new(self.settings.max_in_flight, Arc::clone(&work)));
        let now = Instant::now();
        let mut life = Life {
            decoder: Decoder::new(self.settings.max_frame_bytes, read),
            log: LogPages::default(),
            last_heard: now,
            ping_due: now + self.settings.heartbeat_interval,
            written: 0,
            last_written: now,
            phase: Phase::Open,
            in_flight,
            stream,
            outbound: &outbound,
            work: &work,
            connection: &self,
        };
        life.run().await;
    }
}

/// Tells the conversation of the end of a socket, also when its task is aborted.
struct DisconnectOnDrop<'a>(&'a ConversationHandle, SocketId);

impl Drop for DisconnectOnDrop<'_> {
    fn drop(&mut self) {
        self.0.disconnect(self.1);
    }
}

/// Lets go of the connection, which the conversation holds as well.
struct EndOnDrop<'a>(&'a Outbound);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Where a socket is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Frames are taken.
    Open,
    /// The server closes, or is asked to: frames are read and dropped. `Some`: the close is out, and the client has
    /// until then to answer it.
    Closing {
        /// When it is given up.
        until: Option<Instant>,
        /// Whether what comes can still be told apart.
        readable: bool,
    },
    /// The client has closed; what is left to write is the answer.
    Answered {
        /// When it is given up.
        until: Instant,
    },
}

/// Why a socket ends.
struct Ended;

struct Life<'a> {
    connection: &'a Connection,
    stream: Arc<TcpStream>,
    outbound: &'a Arc<Outbound>,
    work: &'a Notify,
    decoder: Decoder,
    log: LogPages,
    in_flight: Arc<InFlightFrames>,
    /// When the last byte came.
    last_heard: Instant,
    /// When the next ping is to be sent.
    ping_due: Instant,
    /// Bytes that the connection took, and when that was last seen to grow.
    written: u64,
    last_written: Instant,
    phase: Phase,
}

impl Life<'_> {
    async fn run(&mut self) {
        let connection = self.connection;
        // One timer, which is set anew only when it is too late or has gone off.
        let mut timer = std::pin::pin!(sleep_until(self.ping_due));
        let mut expiry = std::pin::pin!(connection.expiry());
        let mut has_expired = false;
        loop {
            if self.outbound.status().has_need {
                self.log.serve(connection, self.outbound).await;
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
                () = expiry.as_mut(), if !has_expired => {
                    has_expired = true;
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

    /// Whether no frame may be taken until others have their outcome, or what they caused is written.
    fn is_paused(&self, status: OutboundStatus) -> bool {
        self.phase == Phase::Open && (self.in_flight.is_full() || status.is_full)
    }

    /// Whether bytes are read. Also while no frame may be taken, as long as there is room: a peer that waits for its
    /// outcomes still shows that it lives.
    fn reads(&self, status: OutboundStatus) -> bool {
        !self.is_paused(status) || self.decoder.waiting() < READ_AHEAD
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

    /// When a peer that says nothing is taken for dead.
    fn silent_at(&self) -> Instant {
        self.last_heard + self.connection.settings.heartbeat_interval + self.connection.settings.heartbeat_timeout
    }

    /// Takes the frames that are here, some at a time. True if there may be more.
    fn take_frames(&mut self) -> bool {
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

    /// Closes the socket behind everything that was said to it.
    fn close(&mut self, reason: CloseReason) {
        if self.phase == Phase::Open {
            self.connection.conversation.close_socket(self.connection.id, reason);
            self.phase = Phase::Closing { until: None, readable: true };
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
