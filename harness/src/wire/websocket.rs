//! Open WebSockets (RFC 6455), and the task that moves messages between the network and a feed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use hyper::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};

use super::codec::{Message, RawMessage};
use super::feed::{Feed, FeedReceiver, Inlet, WriteOrder};
use super::latch::Latch;
use crate::history::Closing;

/// The largest message that is taken; a server that sends more is at fault.
const LARGEST: usize = 64 << 20;

/// An open WebSocket that no task reads yet.
pub(crate) struct WebSocket {
    stream: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>,
    latch: Arc<Latch>,
}

impl WebSocket {
    /// Speaks over a connection that was upgraded.
    pub(super) async fn over(upgraded: Upgraded, latch: Arc<Latch>) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST))
            .max_frame_size(Some(LARGEST))
            .read_buffer_size(8 << 10);
        let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await;
        Self { stream, latch }
    }

    /// The connection as a feed.
    pub(crate) fn feed(self) -> Feed {
        let Self { stream, latch } = self;
        Feed::new(latch, |receiver, inlet| run(stream, receiver, inlet))
    }

    /// Sends a message; whether it could be written.
    pub(crate) async fn send(&mut self, message: Message) -> bool {
        self.stream.send(on_wire(message)).await.is_ok()
    }

    /// The next message; none at the connection's end.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            match self.stream.next().await?.ok()? {
                WsMessage::Text(text) => return Some(Message::Text(text.to_string())),
                WsMessage::Binary(bytes) => return Some(Message::Binary(bytes.to_vec())),
                WsMessage::Close(_) => return None,
                WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_) => {}
            }
        }
    }

    /// Whether the connection can still be written to.
    pub(crate) async fn is_open(&mut self) -> bool {
        self.stream.send(WsMessage::Ping(Bytes::new())).await.is_ok()
    }

    /// Sends an empty close frame.
    pub(crate) async fn close(mut self) {
        let _ = self.stream.close(None).await;
    }
}

fn on_wire(message: Message) -> WsMessage {
    match message {
        Message::Text(text) => WsMessage::text(text),
        Message::Binary(bytes) => WsMessage::binary(bytes),
    }
}

/// Moves messages both ways until the connection's end.
async fn run(stream: WebSocketStream<TokioIo<Upgraded>>, receiver: Arc<dyn FeedReceiver>, inlet: Inlet) {
    let Inlet { outgoing, reading, closing, mut dropped } = inlet;
    let (sink, source) = stream.split();
    let (read, write) = (read(&*receiver, source, reading), write(sink, outgoing));
    tokio::pin!(read, write);
    let mut writing = true;
    loop {
        tokio::select! {
            mut end = &mut read => {
                end.by_participant = closing.load(Ordering::Relaxed);
                return receiver.end(end);
            }
            // Dropped by the participant: no close frame, the socket just goes.
            reason = &mut dropped => return receiver.end(Closing::dropped(reason.unwrap_or_default())),
            // A failed write says nothing of what is still to be read.
            () = &mut write, if writing => writing = false,
        }
    }
}

/// Reads to the end of a connection.
async fn read<S>(receiver: &dyn FeedReceiver, mut source: S, mut reading: watch::Receiver<bool>) -> Closing
where
    S: Stream<Item = Result<WsMessage, WsError>> + Unpin,
{
    let mut end = Closing::by_server(None, "");
    loop {
        if reading.wait_for(|on| *on).await.is_err() {
            return end;
        }
        let message = tokio::select! {
            message = source.next() => message,
            changed = reading.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return end,
            },
        };
        match message {
            Some(Ok(WsMessage::Text(text))) => receiver.message(RawMessage::Text(&text)),
            Some(Ok(WsMessage::Binary(bytes))) => receiver.message(RawMessage::Binary(&bytes)),
            Some(Ok(WsMessage::Close(frame))) => {
                // RFC 6455, section 7.1.5: a close frame without a code counts as 1005.
                end.code = Some(frame.as_ref().map_or(1005, |frame| u16::from(frame.code)));
                end.reason = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
            }
            Some(Ok(WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_))) => {}
            Some(Err(WsError::Capacity(error))) => {
                end.by_runner = true;
                end.reason = format!("the runner takes no message of more than {} MiB: {error}", LARGEST >> 20);
                return end;
            }
            Some(Err(error)) => {
                if end.code.is_none() && !matches!(error, WsError::ConnectionClosed | WsError::AlreadyClosed) {
                    end.reason = error.to_string();
                }
                return end;
            }
            None => return end,
        }
    }
}

async fn write<S>(mut sink: S, mut outgoing: mpsc::UnboundedReceiver<WriteOrder>)
where
    S: Sink<WsMessage, Error = WsError> + Unpin,
{
    while let Some(next) = outgoing.recv().await {
        let sent = match next {
            WriteOrder::Message(message, written) => {
                let sent = sink.send(on_wire(message)).await;
                let _ = written.send(sent.is_ok());
                sent
            }
            WriteOrder::Close(code, reason) => {
                let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
                sink.send(WsMessage::Close(Some(frame))).await
            }
        };
        if sent.is_err() {
            return;
        }
    }
}
