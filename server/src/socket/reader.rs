//! Frames in: from the socket to the conversation.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::context::Connection;
use crate::core::{Change, CloseReason, Fault, FaultKind, MessageDraft, Signal};
use crate::domain::{MessageId, MessageKind};
use crate::frame::{ClientFrame, parse};
use crate::outbound::{FramePermit, Outbound, Permit};

/// Why reading ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// The other side closed or is gone.
    Gone,
    /// The server must close.
    HangUp {
        /// Why.
        reason: CloseReason,
        /// Whether what follows on the connection can still be told apart.
        readable: bool,
    },
}

impl Ending {
    /// The token of the socket is worth nothing any more.
    pub(super) fn expired() -> Self {
        hang_up(CloseReason::TokenExpired)
    }
}

fn hang_up(reason: CloseReason) -> Ending {
    Ending::HangUp { reason, readable: true }
}

fn lost(reason: CloseReason) -> Ending {
    Ending::HangUp { reason, readable: false }
}

/// Reads until the end. A socket with too many frames under way is not read until some have their outcome.
pub(super) async fn read(
    connection: &Connection,
    stream: &mut SplitStream<WebSocket>,
    permits: Arc<Semaphore>,
    outbound: &Outbound,
) -> Ending {
    let settings = &connection.settings;
    let patience = settings.heartbeat_interval + settings.heartbeat_timeout;
    let mut faults = FaultWindow::new(settings.max_faults_per_minute);
    loop {
        // The semaphore lives as long as this function and is never closed.
        let slot = Arc::clone(&permits).acquire_owned().await.ok();
        outbound.room().await;
        let message = match timeout_at(Instant::now() + patience, stream.next()).await {
            Err(_) => return hang_up(CloseReason::HeartbeatLost),
            Ok(None) => return Ending::Gone,
            Ok(Some(Err(error))) => return broken(error),
            Ok(Some(Ok(message))) => message,
        };
        let permit = slot.map(FramePermit::now);
        let parsed = match message {
            Message::Text(text) if text.len() > settings.max_frame_bytes => {
                return hang_up(CloseReason::FrameTooBig);
            }
            Message::Binary(bytes) if bytes.len() > settings.max_frame_bytes => {
                return hang_up(CloseReason::FrameTooBig);
            }
            Message::Text(text) => parse(&text, settings.frames),
            Message::Binary(_) => Err(Fault {
                kind: FaultKind::UnsupportedData,
                message: "binary frames are not supported".to_owned(),
                message_id: None,
                retry_after: None,
            }),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => {
                // Told at once; reading on lets the close be answered.
                connection.conversation.disconnect(connection.id);
                continue;
            }
        };
        match parsed {
            Ok(frame) => submit(connection, frame, permit),
            Err(fault) => {
                debug!(socket = %connection.id, kind = ?fault.kind, "faulty frame");
                let too_many = faults.count(Instant::now());
                let signal = Signal::Faulty(fault);
                connection.conversation.signal(connection.id, signal, permit);
                if too_many {
                    return hang_up(CloseReason::TooManyFaults);
                }
            }
        }
    }
}

/// Reads to the end and forgets it.
pub(super) async fn discard(stream: &mut SplitStream<WebSocket>) {
    while let Some(Ok(_)) = stream.next().await {}
}

fn submit(connection: &Connection, frame: ClientFrame, permit: Permit) {
    let Connection { id: socket, user, conversation, rates, .. } = connection;
    let signal = match frame {
        ClientFrame::Message { content, message_id, metadata } => {
            debug!(%socket, participant = %user, bytes = content.len(), "message frame");
            if let Err(wait) = rates.message(user) {
                Signal::Faulty(Fault {
                    kind: FaultKind::RateLimited,
                    message: "too many messages in a short time".to_owned(),
                    message_id,
                    retry_after: Some(wait),
                })
            } else {
                let change = Change::Post(MessageDraft {
                    id: MessageId::random(),
                    client_id: message_id.clone(),
                    sender: user.clone(),
                    socket: Some(*socket),
                    kind: MessageKind::Text,
                    content,
                    metadata,
                });
                return conversation.send_change(*socket, change, message_id, permit);
            }
        }
        ClientFrame::Read(up_to) => {
            let change = Change::Read { user: user.clone(), socket: *socket, up_to };
            return conversation.send_change(*socket, change, None, permit);
        }
        ClientFrame::Join => return,
        ClientFrame::Typing(typing) => Signal::Typing(typing),
        ClientFrame::Sync(after) => Signal::Sync(after),
        ClientFrame::Ping => Signal::Ping,
    };
    debug!(%socket, participant = %user, ?signal, "frame");
    conversation.signal(*socket, signal, permit);
}

/// A read that failed: most often the other side is gone, else it sent what is no WebSocket.
fn broken(error: axum::Error) -> Ending {
    use tungstenite::Error;
    let Ok(error) = error.into_inner().downcast::<Error>() else {
        return Ending::Gone;
    };
    match *error {
        Error::Capacity(_) => lost(CloseReason::FrameTooBig),
        Error::Utf8(_) => lost(CloseReason::NotUtf8),
        Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => Ending::Gone,
        Error::Protocol(_) => lost(CloseReason::Protocol),
        _ => Ending::Gone,
    }
}

/// Counts faults within the last minute.
struct FaultWindow {
    most: usize,
    times: VecDeque<Instant>,
}

impl FaultWindow {
    fn new(most: usize) -> Self {
        Self { most, times: VecDeque::new() }
    }

    /// Counts one more; whether it is one too many.
    fn count(&mut self, now: Instant) -> bool {
        const MINUTE: Duration = Duration::from_secs(60);
        while self.times.front().is_some_and(|time| now.duration_since(*time) > MINUTE) {
            self.times.pop_front();
        }
        self.times.push_back(now);
        self.times.len() > self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_within_a_minute() {
        let mut window = FaultWindow::new(2);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!window.count(at(0)));
        assert!(!window.count(at(30)));
        assert!(!window.count(at(61)), "the first one is forgotten");
        assert!(window.count(at(62)));
    }
}
