//! WebSocket connections: the handshake, and the tasks that move frames between the network and an inbox.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use reqwest::Url;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::answer::Answer;
use super::exchange::Asked;
use super::inbox::{Frame, Inbox, Ping};
use super::wire::{Broken, Latch, dial};
use super::world::{Participant, World, lock};
use crate::event::EventKind;
use crate::history::{Closing, ConnectionId, EntryKind, Payload};
use crate::pattern::Pattern;

/// The largest message that is taken; a server that sends more is at fault.
const LARGEST: usize = 64 << 20;

/// One WebSocket connection.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) name: String,
    pub(crate) participant: String,
    /// Whether it is the inbox of a stub, which holds the requests of many connections.
    pub(crate) is_stub: bool,
    pub(crate) inbox: Mutex<Inbox>,
    /// Counts changes of the inbox.
    pub(crate) changed: watch::Sender<u64>,
    outgoing: mpsc::UnboundedSender<Out>,
    /// Holds what it writes back, for races. It is the socket's own, so that a dropped socket is closed.
    latch: Weak<Latch>,
    reading: watch::Sender<bool>,
    /// Dropped to end the tasks without a close frame.
    tasks: Mutex<Option<watch::Sender<()>>>,
    /// Frames that fail a scenario.
    pub(crate) fails: Option<Pattern>,
    /// The ping and pong of an echo barrier.
    pub(crate) echo: Option<Echo>,
    /// The values of the protocol's streams that its request names.
    pub(crate) streams: Vec<Option<String>>,
}

enum Out {
    Frame(Message, tokio::sync::oneshot::Sender<()>),
    Close(u16, String),
}

/// What a handshake asks for.
pub(crate) struct Handshake {
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) receive_buffer: Option<usize>,
}

/// How a handshake ended.
pub(crate) enum Opened {
    /// With 101: the stream, what can hold its writing back, and the answer.
    Stream(Box<WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>>, Arc<Latch>, Answer),
    /// With any other answer.
    Refused(Answer),
}

/// A handshake whose request is on its way.
pub(crate) struct Shaking {
    pub(super) asked: Asked,
    key: String,
    path: String,
}

/// Opens a connection and upgrades it (RFC 6455, section 4). A failure is told as text: it is no answer.
pub(crate) async fn handshake(asked: &Handshake) -> Result<Opened, Broken> {
    shake(asked, false).await?.opened().await
}

/// Opens a connection and sends the request; with `hold`, everything but its last byte.
pub(super) async fn shake(asked: &Handshake, hold: bool) -> Result<Shaking, Broken> {
    let url = &asked.url;
    let (io, latch) = dial(url, asked.receive_buffer).await?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io))
        .await
        .map_err(|error| format!("the connection failed: {error}"))?;
    tokio::spawn(connection.with_upgrades());

    let key = generate_key();
    let path = super::http::target(url);
    let mut request = hyper::Request::get(&path)
        .header("host", super::exchange::authority(url))
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
    Ok(Shaking { asked: Asked::new(sender, request, latch, hold).await, key, path })
}

impl Shaking {
    /// Waits for the answer.
    pub(super) async fn opened(self) -> Result<Opened, Broken> {
        let Self { asked, key, path } = self;
        let latch = Arc::clone(&asked.latch);
        let answer = asked.answer().await;
        let (response, body) = answer.map_err(|error| format!("no answer to the handshake: {error}"))?;
        let status = response.status().as_u16();
        let headers: BTreeMap<String, String> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let what = format!("GET {path}");
        if status != 101 {
            return Ok(Opened::Refused(Answer { what, status, headers, body: body_value(&body), entry: None }));
        }
        if headers.get("sec-websocket-accept").map(String::as_str) != Some(derive_accept_key(key.as_bytes()).as_str()) {
            return Err("the server's Sec-WebSocket-Accept doesn't answer the key (RFC 6455, section 4.1)"
                .to_owned()
                .into());
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| format!("the upgrade failed: {error}"))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST))
            .max_frame_size(Some(LARGEST))
            .read_buffer_size(8 << 10);
        let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await;
        Ok(Opened::Stream(Box::new(stream), latch, Answer { what, status, headers, body: Value::Null, entry: None }))
    }
}

/// An answer's body as patterns see it: JSON where it is, other text as a string, null when empty.
pub(crate) fn body_value(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// The ping of an echo barrier with what tells pings and their answers from other frames.
pub(crate) struct Echo {
    pub(crate) ping: Value,
    /// None where the ping is no pattern: then no step's own frame is taken for one.
    pub(crate) pings: Option<Pattern>,
    pub(crate) pongs: Pattern,
}

/// What a new connection knows of its protocol.
pub(crate) struct Rules {
    pub(crate) fails: Option<Pattern>,
    pub(crate) echo: Option<Echo>,
    pub(crate) streams: Vec<Option<String>>,
}

impl Connection {
    /// What a frame of this connection is called: `main 3` is the third that came, and `request 3` of a stub.
    pub(crate) fn frame(&self, place: usize) -> String {
        format!("{} {}", if self.is_stub { "request" } else { self.name.as_str() }, place + 1)
    }

    /// Starts the tasks of an open connection and adds it to its participant's.
    pub(crate) fn start(
        world: &Arc<World>,
        participant: &Participant,
        name: String,
        (stream, latch): (WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>, Arc<Latch>),
        rules: Rules,
    ) -> Arc<Self> {
        let id = ConnectionId(world.connections.fetch_add(1, Ordering::Relaxed));
        let (outgoing, frames) = mpsc::unbounded_channel();
        let (alive, mut ended) = watch::channel(());
        let (reading, reads) = watch::channel(true);
        let connection = Arc::new(Self {
            id,
            name,
            participant: participant.key().to_owned(),
            is_stub: false,
            inbox: Mutex::new(Inbox::default()),
            changed: watch::Sender::new(0),
            outgoing,
            latch: Arc::downgrade(&latch),
            reading,
            tasks: Mutex::new(Some(alive)),
            fails: rules.fails,
            echo: rules.echo,
            streams: rules.streams,
        });
        lock(&participant.connections).push(Arc::clone(&connection));
        let (sink, source) = stream.split();
        let world = Arc::clone(world);
        let ours = Arc::clone(&connection);
        tokio::spawn(async move {
            let read = read(&world, &ours, source, reads);
            let write = write(sink, frames);
            tokio::pin!(read, write);
            let mut writing = true;
            loop {
                tokio::select! {
                    end = &mut read => {
                        ours.ended(&world, end);
                        return;
                    }
                    // Dropped by the participant: no close frame, the socket just goes.
                    _ = ended.changed() => {
                        let over = world.over.load(Ordering::Relaxed);
                        let reason = if over { "the scenario is over".to_owned() } else { String::new() };
                        ours.ended(&world, Closing { code: None, reason, by_participant: true });
                        return;
                    }
                    // A failed write says nothing of what is still to be read.
                    () = &mut write, if writing => writing = false,
                }
            }
        });
        connection
    }

    /// The inbox of a stub: requests are put into it, and nothing is sent over it.
    pub(crate) fn of_stub(id: ConnectionId, stub: &str) -> Arc<Self> {
        let (outgoing, _) = mpsc::unbounded_channel();
        Arc::new(Self {
            id,
            name: "main".to_owned(),
            participant: stub.to_owned(),
            is_stub: true,
            inbox: Mutex::new(Inbox::default()),
            changed: watch::Sender::new(0),
            outgoing,
            latch: Weak::new(),
            reading: watch::Sender::new(true),
            tasks: Mutex::new(None),
            fails: None,
            echo: None,
            streams: Vec::new(),
        })
    }

    /// Puts a frame on its way; what it gives tells when the frame is written.
    pub(crate) fn send(
        &self,
        world: &World,
        step: usize,
        message: Message,
        payload: Payload,
        ping: Option<Ping>,
    ) -> Result<tokio::sync::oneshot::Receiver<()>, String> {
        let barrier = ping == Some(Ping::Barrier);
        {
            let mut inbox = lock(&self.inbox);
            if let Some(end) = &inbox.end {
                return Err(format!("the connection is closed: {}", describe(end)));
            }
            match ping {
                Some(ping) => inbox.pings.push_back(ping),
                None if self.is_ping(&payload) => inbox.pings.push_back(Ping::Step),
                None => {}
            }
            if !barrier {
                inbox.sent += 1;
            }
        }
        let text = if world.detail { shown(&payload) } else { String::new() };
        let what = EntryKind::Sent { connection: self.id, frame: payload, barrier };
        let entry = world.note(&self.participant, Some(step), what);
        world.tell(|| EventKind::Sent {
            participant: self.participant.clone(),
            connection: self.name.clone(),
            id: self.id.0,
            step: Some(step),
            entry,
            frame: text,
            barrier,
        });
        let (written, done) = tokio::sync::oneshot::channel();
        self.outgoing.send(Out::Frame(message, written)).map_err(|_| "the connection is closed".to_owned())?;
        Ok(done)
    }

    fn is_ping(&self, payload: &Payload) -> bool {
        match (&self.echo, payload) {
            (Some(echo), Payload::Json(value)) => echo.pings.as_ref().is_some_and(|pings| pings.matches(value)),
            _ => false,
        }
    }

    /// Begins the closing handshake.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        lock(&self.inbox).closing = true;
        let _ = self.outgoing.send(Out::Close(code, reason.to_owned()));
        self.changed.send_modify(|version| *version += 1);
    }

    /// Ends the connection without a close frame.
    pub(crate) fn drop_now(&self) {
        lock(&self.tasks).take();
    }

    /// Stops or resumes reading.
    pub(crate) fn set_reading(&self, on: bool) {
        lock(&self.inbox).stalled = !on;
        self.reading.send_replace(on);
    }

    /// What holds its writing back, while it is open.
    pub(crate) fn latch(&self) -> Option<Arc<Latch>> {
        self.latch.upgrade()
    }

    pub(crate) fn is_open(&self) -> bool {
        lock(&self.inbox).end.is_none()
    }

    fn ended(&self, world: &World, end: Closing) {
        let entry = world.note(&self.participant, None, EntryKind::Closed { connection: self.id, end: end.clone() });
        world.tell(|| EventKind::Closed {
            participant: self.participant.clone(),
            connection: self.name.clone(),
            id: self.id.0,
            entry,
            end: end.clone(),
        });
        lock(&self.inbox).end = Some(end);
        self.changed.send_modify(|version| *version += 1);
    }

    fn received(&self, world: &World, payload: Payload, text: impl FnOnce() -> String) {
        let value = payload.value();
        // The record and the inbox get the frame under one lock, so that both have the same order.
        let mut inbox = lock(&self.inbox);
        let barrier = self.is_barrier(world, &mut inbox, &value);
        let what = EntryKind::Received { connection: self.id, frame: payload, barrier };
        let entry = world.note(&self.participant, None, what);
        world.tell(|| EventKind::Received {
            participant: self.participant.clone(),
            connection: self.name.clone(),
            id: self.id.0,
            entry,
            number: (!barrier).then(|| inbox.frames.len() + 1),
            frame: text(),
            barrier,
        });
        if !barrier {
            inbox.frames.push(Frame { at: world.at(), entry, value, taken_by: None, counted: false });
        }
        drop(inbox);
        self.changed.send_modify(|version| *version += 1);
    }

    fn is_barrier(&self, world: &World, inbox: &mut Inbox, value: &Value) -> bool {
        if let Some(echo) = &self.echo
            && echo.pongs.matches(value)
            && inbox.pings.pop_front() == Some(Ping::Barrier)
        {
            inbox.passed += 1;
            return true;
        }
        for marker in lock(&world.markers).iter() {
            if marker.receive.matches(value) {
                inbox.markers.push(marker.value.clone());
                return true;
            }
            if marker.hides.iter().any(|hidden| hidden.matches(value)) {
                return true;
            }
        }
        false
    }
}

async fn read<S>(world: &World, connection: &Connection, mut source: S, mut reads: watch::Receiver<bool>) -> Closing
where
    S: futures_util::Stream<Item = Result<Message, WsError>> + Unpin,
{
    let mut code = None;
    let mut reason = String::new();
    let by_participant = || lock(&connection.inbox).closing;
    loop {
        if reads.wait_for(|on| *on).await.is_err() {
            return Closing { code, reason, by_participant: by_participant() };
        }
        let message = tokio::select! {
            message = source.next() => message,
            changed = reads.changed() => {
                if changed.is_err() {
                    return Closing { code, reason, by_participant: by_participant() };
                }
                continue;
            }
        };
        match message {
            Some(Ok(Message::Text(text))) => connection.received(world, Payload::from_text(&text), || text.to_string()),
            Some(Ok(Message::Binary(bytes))) => {
                let shown = format!("{} bytes of binary", bytes.len());
                connection.received(world, Payload::Binary(bytes.to_vec()), || shown);
            }
            Some(Ok(Message::Close(frame))) => {
                if let Some(frame) = frame {
                    code = Some(u16::from(frame.code));
                    reason = frame.reason.to_string();
                } else {
                    // RFC 6455, section 7.1.5: a close frame without a code counts as 1005.
                    code = Some(1005);
                }
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => {
                if code.is_none() && !matches!(error, WsError::ConnectionClosed | WsError::AlreadyClosed) {
                    reason = error.to_string();
                }
                return Closing { code, reason, by_participant: by_participant() };
            }
            None => return Closing { code, reason, by_participant: by_participant() },
        }
    }
}

async fn write<S>(mut sink: S, mut frames: mpsc::UnboundedReceiver<Out>)
where
    S: futures_util::Sink<Message, Error = WsError> + Unpin,
{
    while let Some(out) = frames.recv().await {
        let sent = match out {
            Out::Frame(message, written) => {
                let sent = sink.send(message).await;
                let _ = written.send(());
                sent
            }
            Out::Close(code, reason) => {
                let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
                sink.send(Message::Close(Some(frame))).await
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// How a connection ended, for people.
pub(crate) fn describe(end: &Closing) -> String {
    let who = if end.by_participant { "by the participant" } else { "by the server" };
    match (end.code, end.reason.as_str()) {
        (Some(code), "") => format!("{who}, {code}"),
        (Some(code), reason) => format!("{who}, {code} {reason}"),
        (None, "") => format!("{who}, without a close frame"),
        (None, reason) => format!("{who}, without a close frame ({reason})"),
    }
}

/// A frame as one line of text.
pub(crate) fn shown(payload: &Payload) -> String {
    match payload {
        Payload::Json(value) => value.to_string(),
        Payload::Text(text) => format!("text {text:?}"),
        Payload::Binary(bytes) => format!("{} bytes of binary", bytes.len()),
    }
}

/// Waits until a look gives something or the time is up.
pub(crate) async fn changed_before(changes: &mut watch::Receiver<u64>, limit: tokio::time::Instant) -> bool {
    tokio::select! {
        changed = changes.changed() => changed.is_ok(),
        () = tokio::time::sleep_until(limit) => false,
    }
}

/// A deadline from now.
pub(crate) fn from_now(duration: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + duration
}
