//! What a socket is, and all that it needs.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::conversation::ConversationHandle;
use crate::core::StartAt;
use crate::domain::{Clock, MessageLimits, SocketId, Timestamp, UserId};
use crate::frame::FrameEncoder;
use crate::limits::Rates;
use crate::metrics::Metrics;
use crate::outbound::OutboundLimits;

/// Limits and periods of sockets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketSettings {
    /// Limits of what frames say.
    pub(crate) frames: MessageLimits,
    /// The largest WebSocket message in bytes.
    pub(crate) max_frame_bytes: usize,
    /// The most frames without outcome.
    pub(crate) max_in_flight: usize,
    /// When the queue is full.
    pub(crate) outbound: OutboundLimits,
    /// The most messages in a sync frame.
    pub(crate) sync_page: usize,
    /// The most bytes of one.
    pub(crate) page_bytes: usize,
    /// Period of the server's pings.
    pub(crate) heartbeat_interval: Duration,
    /// How long a pong may take.
    pub(crate) heartbeat_timeout: Duration,
    /// How long a write may make no progress.
    pub(crate) write_timeout: Duration,
    /// How long to wait for the other side's close.
    pub(crate) close_timeout: Duration,
}

/// Ready when a token has expired. Boxed, so that sockets whose tokens don't expire are smaller.
pub(super) type Expiry<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A socket and all that it needs.
pub(crate) struct Connection {
    /// Its id.
    pub(crate) id: SocketId,
    /// Whose it is.
    pub(crate) user: UserId,
    /// Where the client says that it is in the log.
    pub(crate) start: StartAt,
    /// From when on its token means nobody.
    pub(crate) expires: Option<Timestamp>,
    /// The conversation.
    pub(crate) conversation: ConversationHandle,
    /// Writes its frames.
    pub(crate) frames: FrameEncoder,
    /// Limits and periods.
    pub(crate) settings: SocketSettings,
    /// How often its user may speak.
    pub(crate) rates: Arc<Rates>,
    /// What time it is.
    pub(crate) clock: Clock,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
}

impl Connection {
    /// Waits until the token has expired; `None` for one that does not expire.
    pub(super) fn expiry(&self) -> Option<Expiry<'_>> {
        self.expires.map(|moment| -> Expiry<'_> { Box::pin(self.clock.until(moment)) })
    }
}
