//! What a socket reads from the log: messages that are no longer recent, and pages in answer to a sync.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tracing::warn;

use super::context::Connection;
use crate::core::{CloseReason, Event, Fault, FaultKind, RosterEntry};
use crate::domain::{Message, SequenceId, json_bytes};
use crate::frame;
use crate::outbound::{Need, Outbound};

/// How many messages are read from the store at once.
const LOG_PAGE: usize = 32;
/// How many bytes of them.
const LOG_BYTES: usize = 256 * 1024;

/// Messages from the store, read some at a time.
#[derive(Default)]
pub(super) struct LogPages {
    frames: VecDeque<(SequenceId, Bytes)>,
}

/// The log could not be read.
struct Unavailable;

impl LogPages {
    /// Reads what the outgoing side needs, until it needs nothing for now.
    pub(super) async fn serve(&mut self, connection: &Connection, outbound: &Outbound) {
        while let Some(need) = outbound.take_need() {
            match need {
                Need::Message(sequence) => match self.message(connection, sequence).await {
                    Ok(frame) => outbound.provide(sequence, frame),
                    Err(Unavailable) => {
                        warn!(socket = %connection.id, "log unavailable");
                        connection.conversation.disconnect(connection.id);
                        outbound.abandon(CloseReason::LogUnavailable);
                    }
                },
                Need::Page { after, current, roster, permit } => {
                    outbound.provide_page(page(connection, after, current, &roster).await, permit);
                }
            }
        }
        if self.frames.is_empty() {
            self.frames = VecDeque::new();
        }
    }

    /// The frame of the message at a place.
    async fn message(&mut self, connection: &Connection, sequence: SequenceId) -> Result<Bytes, Unavailable> {
        while let Some((at, frame)) = self.frames.pop_front() {
            if at == sequence {
                return Ok(frame);
            }
        }
        let before = SequenceId(sequence.0.saturating_sub(1));
        let conversation = &connection.conversation;
        let messages = conversation.read_log(before, LOG_PAGE, LOG_BYTES).await.map_err(|_| Unavailable)?;
        let encode = |message: Arc<Message>| (message.sequence, frame::message(conversation.id(), &message));
        self.frames = messages.into_iter().map(encode).collect();
        match self.frames.pop_front() {
            Some((at, frame)) if at == sequence => Ok(frame),
            _ => Err(Unavailable),
        }
    }
}

/// A page of the log in answer to a sync, or the error that it cannot be read. It is bounded by the bytes of everything
/// in it; one message always fits.
async fn page(connection: &Connection, after: SequenceId, current: SequenceId, roster: &[RosterEntry]) -> Bytes {
    let settings = &connection.settings;
    let mut messages = Vec::new();
    let (mut last, mut bytes) = (after, roster.iter().map(roster_bytes).sum::<usize>());
    while last < current && messages.len() < settings.sync_page {
        let limit = (settings.sync_page - messages.len()).min(LOG_PAGE);
        let read = match connection.conversation.read_log(last, limit, LOG_BYTES).await {
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
            bytes += message.bytes();
            if bytes > settings.page_bytes && !messages.is_empty() {
                return connection.frames.sync_page(&messages, current, roster, true);
            }
            last = message.sequence;
            messages.push(message);
        }
    }
    connection.frames.sync_page(&messages, current, roster, last < current)
}

/// About how many bytes a participant takes in a frame.
fn roster_bytes(entry: &RosterEntry) -> usize {
    json_bytes(entry.participant.id.as_str()) + json_bytes(&entry.participant.name) + 120
}
