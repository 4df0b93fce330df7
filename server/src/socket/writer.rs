//! Frames out: from the outbound queue and the log to the socket.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use super::context::Connection;
use crate::core::{CloseReason, Event, Fault, FaultKind, RosterEntry};
use crate::domain::SequenceId;
use crate::frame;
use crate::outbound::{NextWrite, Outbound, Timing};

/// How many messages a lagging socket reads from the store at once.
const LOG_PAGE: usize = 32;

type Sink = SplitSink<WebSocket, Message>;

/// Why writing ended before the close frame was out.
enum Failure {
    /// The connection is gone.
    Gone,
    /// A write made no progress in time.
    Stalled,
    /// The log could not be read.
    LogUnavailable,
}

/// Writes until the close frame is out, or nothing can be written any more.
pub(super) async fn write(connection: &Connection, mut sink: Sink, outbound: &Outbound) {
    let reason = match pump(connection, &mut sink, outbound).await {
        Ok(reason) => reason,
        Err(Failure::Gone) => return,
        Err(Failure::Stalled) => {
            info!(socket = %connection.id, participant = %connection.user, "socket reads too slowly");
            CloseReason::TooSlow
        }
        Err(Failure::LogUnavailable) => {
            warn!(socket = %connection.id, "log unavailable");
            CloseReason::LogUnavailable
        }
    };
    // The others shall not wait for a close that may take its time.
    connection.conversation.disconnect(connection.id);
    let close = sink.send(Message::Close(Some(frame::close_frame(reason))));
    let _ = timeout(connection.settings.close_timeout, close).await;
}

async fn pump(connection: &Connection, sink: &mut Sink, outbound: &Outbound) -> Result<CloseReason, Failure> {
    let period = connection.settings.heartbeat_interval;
    let mut ping_due = Instant::now() + period;
    let mut logged = LoggedFrames::default();
    loop {
        // Also a socket that always has something to write is pinged.
        if Instant::now() >= ping_due {
            ping_due = Instant::now() + period;
            in_time(connection, sink.send(Message::Ping(Vec::new().into()))).await?;
        }
        let next = match outbound.poll() {
            Some(next) => next,
            None => {
                in_time(connection, sink.flush()).await?;
                tokio::select! {
                    next = outbound.next() => next,
                    () = sleep_until(ping_due) => continue,
                }
            }
        };
        // The permit is given back when the frame is written.
        let (frame, _permit, timing) = match next {
            NextWrite::Frame(frame, permit, timing) => (frame, permit, timing),
            NextWrite::FromLog(place) => {
                let frame = logged.get(connection, place).await?;
                outbound.passed(place);
                (frame, None, Timing::Untimed)
            }
            NextWrite::Page { after, current, roster, permit } => {
                (page(connection, after, current, &roster).await, permit, Timing::Untimed)
            }
            NextWrite::Close(reason) => return Ok(reason),
        };
        in_time(connection, sink.feed(Message::Text(frame))).await?;
        match timing {
            Timing::Untimed => {}
            Timing::FanOut(since) => connection.metrics.fan_out.observe(since.elapsed().as_secs_f64()),
            Timing::Ack(received) => connection.metrics.acked_on_socket(received.elapsed()),
        }
    }
}

/// Runs a write as long as the kernel takes bytes.
async fn in_time(connection: &Connection, write: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Failure> {
    let mut write = pin!(write);
    let mut taken = connection.progress.bytes();
    loop {
        match timeout(connection.settings.write_timeout, &mut write).await {
            Ok(result) => return result.map_err(|_| Failure::Gone),
            Err(_) => {
                let now = connection.progress.bytes();
                if now == taken {
                    return Err(Failure::Stalled);
                }
                taken = now;
            }
        }
    }
}

/// A page of the log in answer to a sync, or the error that it cannot be read.
async fn page(connection: &Connection, after: SequenceId, current: SequenceId, roster: &[RosterEntry]) -> Utf8Bytes {
    let mut messages = Vec::new();
    let (mut last, mut bytes) = (after, 0);
    while last < current && messages.len() < connection.settings.sync_page {
        let limit = (connection.settings.sync_page - messages.len()).min(LOG_PAGE);
        let read = match connection.conversation.read_log(last, limit).await {
            Ok(read) if read.is_empty() => break,
            Ok(read) => read,
            Err(error) => {
                let message = error.to_string();
                let kind = FaultKind::StorageUnavailable;
                let fault = Fault { kind, message, message_id: None, retry_after: None };
                return connection.frames.encode(&Event::Fault(fault));
            }
        };
        for message in read.into_iter().filter(|message| message.sequence <= current) {
            bytes += message.content.len();
            // What would make the page too long waits for the next one; one message always fits.
            if bytes > connection.settings.outbound.bytes && !messages.is_empty() {
                return connection.frames.sync_page(&messages, current, roster, true);
            }
            last = message.sequence;
            messages.push(message);
        }
    }
    connection.frames.sync_page(&messages, current, roster, last < current)
}

/// Messages from the store, read in pages.
#[derive(Default)]
struct LoggedFrames {
    frames: VecDeque<(SequenceId, Utf8Bytes)>,
}

impl LoggedFrames {
    /// The frame of the message at a place.
    async fn get(&mut self, connection: &Connection, place: SequenceId) -> Result<Utf8Bytes, Failure> {
        while let Some((at, frame)) = self.frames.pop_front() {
            if at == place {
                return Ok(frame);
            }
        }
        let before = SequenceId(place.0.saturating_sub(1));
        let conversation = &connection.conversation;
        let messages = conversation.read_log(before, LOG_PAGE).await;
        let messages = messages.map_err(|_| Failure::LogUnavailable)?;
        let encode = |message: std::sync::Arc<crate::domain::Message>| {
            (message.sequence, frame::message(conversation.id(), &message))
        };
        self.frames = messages.into_iter().map(encode).collect();
        match self.frames.pop_front() {
            Some((at, frame)) if at == place => Ok(frame),
            _ => Err(Failure::LogUnavailable),
        }
    }
}
