//! A socket while it is open: one loop, which reads, keeps the time, and writes on where the conversation could not.

mod frames;
mod run;

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::context::Connection;
use super::log_pages::LogPages;
use crate::core::CloseReason;
use crate::outbound::{InFlightFrames, Outbound, OutboundStatus};
use crate::ws::Decoder;

/// How many bytes are read ahead while no frame may be taken: enough to see the signs of life of a peer that waits, too
/// little to matter.
const READ_AHEAD: usize = 64 * 1024;

/// Where a socket is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Frames are taken.
    Open,
    /// The server closes, or is asked to: frames are read and dropped. `Some`: the close is out, and the client has
    /// until then to answer it.
    Closing {
        /// When the socket is dropped without waiting any longer.
        until: Option<Instant>,
        /// Whether frames can still be recognised in what the client sends.
        readable: bool,
    },
    /// The client has closed; what is left to write is the answer.
    Answered {
        /// When the socket is dropped without waiting any longer.
        until: Instant,
    },
}

/// The socket ends now.
struct Ended;

pub(super) struct Life<'a> {
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

impl<'a> Life<'a> {
    /// A socket that was opened just now; `read` came with the handshake.
    pub(super) fn new(
        connection: &'a Connection,
        stream: Arc<TcpStream>,
        outbound: &'a Arc<Outbound>,
        work: &'a Arc<Notify>,
        read: &[u8],
    ) -> Self {
        let settings = &connection.settings;
        let now = Instant::now();
        Self {
            connection,
            stream,
            outbound,
            work,
            decoder: Decoder::new(settings.max_frame_bytes, read),
            log: LogPages::default(),
            in_flight: Arc::new(InFlightFrames::new(settings.max_in_flight, Arc::clone(work))),
            last_heard: now,
            ping_due: now + settings.heartbeat_interval,
            written: 0,
            last_written: now,
            phase: Phase::Open,
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

    /// When a silent peer counts as dead.
    fn silent_at(&self) -> Instant {
        self.last_heard + self.connection.settings.heartbeat_interval + self.connection.settings.heartbeat_timeout
    }

    /// Closes the socket behind everything that was said to it.
    fn close(&mut self, reason: CloseReason) {
        if self.phase == Phase::Open {
            self.connection.conversation.close_socket(self.connection.id, reason);
            self.phase = Phase::Closing { until: None, readable: true };
        }
    }
}
