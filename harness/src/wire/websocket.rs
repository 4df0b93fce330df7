//! WebSockets (RFC 6455): the handshake, and the task that moves messages between the network and a feed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};

use super::codec::Message;
use super::dial::{Dialed, Way, dial};
use super::error::WireError;
use super::feed::{FeedReceiver, Inlet, Outgoing, Outlet};
use super::http::{HeaderMap, Heard, Pending, Response};
use super::latch::Latch;
use super::url::{Url, authority, path_and_query};
use crate::history::{Closing, Payload};

/// The largest message that is taken; a server that sends more is at fault.
const LARGEST: usize = 64 << 20;

/// What a handshake asks for.
pub(crate) struct Handshake {
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) subprotocols: Vec<String>,
    /// The size of the socket's receive buffer, in bytes, where not the system's.
    pub(crate) receive_buffer: Option<usize>,
    /// What has come of the answer.
    pub(crate) heard: Heard,
}

/// How a handshake ended.
pub(crate) enum Opened {
    /// With 101.
    Accepted(Box<WebSocket>, Response),
    /// With any other answer.
    Refused(Response),
}

/// A handshake whose request is on its way.
pub(crate) struct PendingHandshake {
    pending: Pending,
    key: String,
    /// The subprotocols that were offered.
    offered: Vec<String>,
}

/// Opens a connection and upgrades it (RFC 6455, section 4).
///
/// # Errors
/// Why there is no answer, or one that is none to the handshake.
pub(crate) async fn open(asked: &Handshake, way: &Way) -> Result<Opened, WireError> {
    begin(asked, way, false).await?.opened().await
}

/// Opens a connection and sends everything of the request but its last byte, which the latch releases.
///
/// # Errors
/// Why the request could not be sent.
pub(crate) async fn open_held_back(asked: &Handshake, way: &Way) -> Result<PendingHandshake, WireError> {
    begin(asked, way, true).await
}

async fn begin(asked: &Handshake, way: &Way, hold: bool) -> Result<PendingHandshake, WireError> {
    let url = &asked.url;
    let Dialed { io, latch, .. } = dial(url, asked.receive_buffer, way, true).await?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io))
        .await
        .map_err(|error| format!("the connection failed: {error}"))?;
    tokio::spawn(connection.with_upgrades());

    let key = generate_key();
    let mut request = hyper::Request::get(path_and_query(url))
        .header("host", authority(url))
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", &key);
    if !asked.subprotocols.is_empty() {
        request = request.header("sec-websocket-protocol", asked.subprotocols.join(", "));
    }
    for (name, value) in &asked.headers {
        request = request.header(name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| format!("the request can't be made: {error}"))?;
    let pending = Pending::new(sender, request, latch, &asked.heard, hold).await;
    Ok(PendingHandshake { pending, key, offered: asked.subprotocols.clone() })
}

impl PendingHandshake {
    /// Holds the last byte of the request.
    pub(crate) fn latch(&self) -> &Arc<Latch> {
        &self.pending.latch
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// As for [`open`].
    pub(crate) async fn opened(self) -> Result<Opened, WireError> {
        let Self { pending, key, offered } = self;
        let latch = Arc::clone(&pending.latch);
        let answer = pending.answer().await;
        let (response, body) =
            answer.map_err(|error| WireError { why: format!("no answer to the handshake: {}", error.why), ..error })?;
        let head = Response { status: response.status().as_u16(), headers: response.headers().clone(), body };
        if head.status != 101 {
            return Ok(Opened::Refused(head));
        }
        if let Some(why) = wrong_answer(&head.headers, &key, &offered) {
            return Err(format!("{why} (RFC 6455, section 4.1)").into());
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| format!("the upgrade failed: {error}"))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST))
            .max_frame_size(Some(LARGEST))
            .read_buffer_size(8 << 10);
        let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await;
        Ok(Opened::Accepted(Box::new(WebSocket { stream, latch }), head))
    }
}

/// What makes an answer with 101 none that opens a WebSocket.
fn wrong_answer(headers: &HeaderMap, key: &str, offered: &[String]) -> Option<String> {
    let values = |name: &str| -> Vec<String> {
        let all = headers.get_all(name).iter();
        all.flat_map(|value| {
            String::from_utf8_lossy(value.as_bytes()).split(',').map(str::trim).map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|value| !value.is_empty())
        .collect()
    };
    for (name, wanted) in [("upgrade", "websocket"), ("connection", "Upgrade")] {
        let given = values(name);
        if !given.iter().any(|given| given.eq_ignore_ascii_case(wanted)) {
            let shown = if name == "upgrade" { "Upgrade" } else { "Connection" };
            let instead = if given.is_empty() { String::new() } else { format!(", but with `{}`", given.join(", ")) };
            return Some(format!("the server answered 101 without the header `{shown}: {wanted}`{instead}"));
        }
    }
    if values("sec-websocket-accept") != [derive_accept_key(key.as_bytes())] {
        return Some("the server's Sec-WebSocket-Accept doesn't answer the key".to_owned());
    }
    if let Some(extension) = values("sec-websocket-extensions").first() {
        return Some(format!("the server chose the extension `{extension}`, which nobody offered"));
    }
    match &values("sec-websocket-protocol")[..] {
        [] => None,
        [one] if offered.contains(one) => None,
        chosen => {
            let offered = if offered.is_empty() { "none was".to_owned() } else { offered.join(", ") };
            Some(format!(
                "the server chose the subprotocol `{}`, which nobody offered (offered: {offered})",
                chosen.join(", ")
            ))
        }
    }
}

/// An open WebSocket that no task reads yet.
pub(crate) struct WebSocket {
    stream: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>,
    latch: Arc<Latch>,
}

impl WebSocket {
    /// Starts the task that reads and writes; `receiver` gets every frame, and the end.
    pub(crate) fn start<R: FeedReceiver>(self, receive: impl FnOnce(Outlet) -> Arc<R>) -> Arc<R> {
        let (outlet, inlet) = Outlet::new(&self.latch);
        let receiver = receive(outlet);
        let Inlet { outgoing, reading, closing, dropped } = inlet;
        let (sink, source) = self.stream.split();
        let (ours, latch) = (Arc::clone(&receiver), self.latch);
        tokio::spawn(async move {
            let _latch = latch;
            let read = read(&*ours, source, reading);
            let write = write(sink, outgoing);
            tokio::pin!(read, write);
            let mut dropped = dropped;
            let mut writing = true;
            loop {
                tokio::select! {
                    mut end = &mut read => {
                        end.by_participant = closing.load(Ordering::Relaxed);
                        return ours.end(end);
                    }
                    // Dropped by the participant: no close frame, the socket just goes.
                    reason = &mut dropped => {
                        let reason = reason.unwrap_or_default();
                        return ours.end(Closing::dropped(reason));
                    }
                    // A failed write says nothing of what is still to be read.
                    () = &mut write, if writing => writing = false,
                }
            }
        });
        receiver
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

/// Reads to the end of a connection.
async fn read<S>(receiver: &impl FeedReceiver, mut source: S, mut reading: watch::Receiver<bool>) -> Closing
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
            Some(Ok(WsMessage::Text(text))) => receiver.frame(Payload::from_text(&text), Some(&text)),
            Some(Ok(WsMessage::Binary(bytes))) => receiver.frame(Payload::Binary(bytes.to_vec()), None),
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

async fn write<S>(mut sink: S, mut outgoing: mpsc::UnboundedReceiver<Outgoing>)
where
    S: Sink<WsMessage, Error = WsError> + Unpin,
{
    while let Some(next) = outgoing.recv().await {
        let sent = match next {
            Outgoing::Message(message, written) => {
                let sent = sink.send(on_wire(message)).await;
                let _ = written.send(sent.is_ok());
                sent
            }
            Outgoing::Close(code, reason) => {
                let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
                sink.send(WsMessage::Close(Some(frame))).await
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::{HeaderName, HeaderValue};

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    /// The answer of RFC 6455, section 1.3, with other headers in place of some.
    fn why(changed: &[(&str, &str)], offered: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        let right = [
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ];
        for (name, value) in right.iter().chain(changed) {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            if value.is_empty() {
                headers.remove(&name);
            } else {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
        }
        let offered: Vec<String> = offered.iter().map(|one| (*one).to_owned()).collect();
        wrong_answer(&headers, KEY, &offered)
    }

    #[test]
    fn a_right_answer_opens_a_socket() {
        assert_eq!(why(&[], &[]), None);
        assert_eq!(why(&[("upgrade", "WebSocket"), ("sec-websocket-protocol", "chat")], &["chat", "b"]), None);
        assert_eq!(why(&[], &["chat"]), None, "a server may choose none");
    }

    #[test]
    fn every_wrong_answer_says_what_is_wrong() {
        let told = |changed, offered| why(changed, offered).unwrap_or_default();
        assert_eq!(told(&[("upgrade", "")], &[]), "the server answered 101 without the header `Upgrade: websocket`");
        assert_eq!(
            told(&[("upgrade", "h2c")], &[]),
            "the server answered 101 without the header `Upgrade: websocket`, but with `h2c`"
        );
        assert_eq!(
            told(&[("connection", "close")], &[]),
            "the server answered 101 without the header `Connection: Upgrade`, but with `close`"
        );
        assert_eq!(
            told(&[("sec-websocket-accept", "x")], &[]),
            "the server's Sec-WebSocket-Accept doesn't answer the key"
        );
        assert_eq!(
            told(&[("sec-websocket-extensions", "permessage-deflate; client_no_context_takeover")], &[]),
            "the server chose the extension `permessage-deflate; client_no_context_takeover`, which nobody offered"
        );
        assert_eq!(
            told(&[("sec-websocket-protocol", "v2")], &["chat"]),
            "the server chose the subprotocol `v2`, which nobody offered (offered: chat)"
        );
        assert_eq!(
            told(&[("sec-websocket-protocol", "chat, b")], &["chat", "b"]),
            "the server chose the subprotocol `chat, b`, which nobody offered (offered: chat, b)"
        );
    }
}
