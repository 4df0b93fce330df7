//! The life of one WebSocket, from the upgrade to the end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocket;
use futures_util::StreamExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::frame::{FrameLimits, Wire};
use super::outbound::{Outbound, OutboundLimits};
use super::{reader, writer};
use crate::connection::WriteProgress;
use crate::conversation::handle::Handle;
use crate::domain::{Clock, SequenceId, SocketId, Timestamp, UserId};
use crate::metrics::Metrics;
use crate::rates::Rates;

/// Limits and periods of sockets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketSettings {
    /// Limits of what frames say.
    pub(crate) frames: FrameLimits,
    /// The largest WebSocket message in bytes.
    pub(crate) max_frame_bytes: usize,
    /// More faults in a minute close the socket.
    pub(crate) max_faults_per_minute: usize,
    /// The most frames without outcome.
    pub(crate) max_in_flight: usize,
    /// When the queue is full.
    pub(crate) outbound: OutboundLimits,
    /// The most messages in a sync frame.
    pub(crate) sync_page: usize,
    /// Period of the server's pings.
    pub(crate) heartbeat_interval: Duration,
    /// How long a pong may take.
    pub(crate) heartbeat_timeout: Duration,
    /// How long a write may make no progress.
    pub(crate) write_timeout: Duration,
    /// How long to wait for the other side's close.
    pub(crate) close_timeout: Duration,
}

/// A socket and all that it needs.
pub(crate) struct Connection {
    /// Its id.
    pub(crate) id: SocketId,
    /// Whose it is.
    pub(crate) user: UserId,
    /// The last message that the client knows.
    pub(crate) after: Option<SequenceId>,
    /// From when on its token means nobody.
    pub(crate) expires: Option<Timestamp>,
    /// The conversation.
    pub(crate) conversation: Handle,
    /// Writes its frames.
    pub(crate) wire: Wire,
    /// Limits and periods.
    pub(crate) settings: SocketSettings,
    /// How much the kernel has taken so far.
    pub(crate) progress: WriteProgress,
    /// How often its user may speak.
    pub(crate) rates: Arc<Rates>,
    /// What time it is.
    pub(crate) clock: Clock,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
}

impl Connection {
    /// Serves the socket until it is closed. The conversation knows of the end before this returns.
    pub(crate) async fn serve(self, socket: WebSocket) {
        let tail = Arc::clone(self.conversation.tail());
        let outbound = Arc::new(Outbound::new(tail, self.settings.outbound, Arc::clone(&self.metrics)));
        let connected = self.conversation.connect(self.id, self.user.clone(), self.after, Arc::clone(&outbound)).await;
        if let Err(reason) = connected {
            outbound.close(reason);
        }
        let _departure = Departure(&self.conversation, self.id);

        let permits = Arc::new(Semaphore::new(self.settings.max_in_flight));
        let (sink, mut stream) = socket.split();
        let mut writing = pin!(writer::write(&self, sink, &outbound));
        let ending = {
            let reading = reader::read(&self, &mut stream, permits, &outbound);
            tokio::select! {
                () = &mut writing => None,
                ending = reading => Some(ending),
                () = self.expiry() => Some(reader::Ending::expired()),
            }
        };
        // What the other side sends from here on is dropped, but read, so that it gets our close.
        let patience = self.settings.close_timeout;
        match ending {
            Some(reader::Ending::Gone) => self.conversation.disconnect(self.id),
            Some(reader::Ending::HangUp { reason, readable }) => {
                self.conversation.hang_up(self.id, reason);
                let discarding = async {
                    if readable {
                        reader::discard(&mut stream).await;
                    }
                };
                let _ = timeout(patience, async { tokio::join!(writing, discarding) }).await;
            }
            None => {
                self.conversation.disconnect(self.id);
                let _ = timeout(patience, reader::discard(&mut stream)).await;
            }
        }
    }
}

impl Connection {
    /// Waits until the token has expired.
    async fn expiry(&self) {
        match self.expires {
            Some(moment) => self.clock.until(moment).await,
            None => std::future::pending().await,
        }
    }
}

/// Tells the conversation of the end of a socket, also when its task is aborted.
struct Departure<'a>(&'a Handle, SocketId);

impl Drop for Departure<'_> {
    fn drop(&mut self) {
        self.0.disconnect(self.1);
    }
}
