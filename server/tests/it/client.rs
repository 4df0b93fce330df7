//! A server on a free port, and clients that talk to it over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use roundtable_server::Config;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Nothing that works takes this long; only what hangs does.
const HANGING: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(HANGING, future).await else {
        panic!("{what} hangs");
    };
    value
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Where it keeps its database; gone with it.
    _data: TempDir,
    shutdown: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start(mut config: Value) -> Self {
        let data = tempfile::tempdir().unwrap();
        if config.get("data").is_none() {
            config["data"] = json!(data.path());
        }
        let config = Config::from_value(config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, signal) = oneshot::channel::<()>();
        let ended = async {
            let _ = signal.await;
        };
        let serving = tokio::spawn(roundtable_server::serve(vec![listener], config, ended));
        Self { address, _data: data, shutdown: Some(shutdown), serving }
    }

    /// A server that somebody else runs.
    pub(crate) fn elsewhere(address: SocketAddr, data: TempDir) -> Self {
        Self { address, _data: data, shutdown: None, serving: tokio::spawn(std::future::pending()) }
    }

    /// Asks the server to go down.
    pub(crate) fn begin_shutdown(&mut self) {
        self.shutdown = None;
    }

    /// Waits until the server has drained.
    pub(crate) async fn stopped(self) {
        soon("draining", self.serving).await.unwrap().unwrap();
    }

    /// One request on a connection of its own.
    pub(crate) async fn call(&self, user: &str, method: &str, path: &str, body: Value) -> Answer {
        let token = if user.is_empty() { String::new() } else { format!("e2e_{user}") };
        self.call_by(&token, method, path, body).await
    }

    /// One request with this token.
    pub(crate) async fn call_by(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        call_at(self.address, token, method, path, body).await.unwrap()
    }

    /// Everything that comes back for these bytes until the server closes the connection.
    pub(crate) async fn raw(&self, request: &str) -> String {
        raw_at(self.address, request).await.unwrap()
    }

    /// The body of a request that must succeed.
    pub(crate) async fn ask(&self, user: &str, method: &str, path: &str, body: Value) -> Value {
        let answer = self.call(user, method, path, body).await;
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
        answer.body
    }

    /// A conversation of these users; the first one creates it.
    pub(crate) async fn conversation(&self, users: &[&str]) -> String {
        let person = |user: &&str| json!({"user_id": user, "name": user.to_uppercase()});
        let people: Vec<Value> = users.iter().map(person).collect();
        let body = json!({"title": "talk", "participants": people});
        let created = self.ask(users[0], "POST", "/chat/create", body).await;
        created["conversation_id"].as_str().unwrap().to_owned()
    }

    /// Sets faults of the store.
    pub(crate) async fn store(&self, faults: Value) -> Value {
        self.ask("", "PUT", "/testing/store", faults).await
    }

    /// A socket of a user, its handshake frames still to be read.
    pub(crate) async fn connect(&self, user: &str, conversation: &str) -> Socket {
        self.try_connect(user, conversation, "").await.unwrap()
    }

    /// A socket that has read its handshake.
    pub(crate) async fn enter(&self, user: &str, conversation: &str) -> Socket {
        let mut socket = self.connect(user, conversation).await;
        socket.ping().await;
        socket
    }

    /// A socket, or the status of the refusal.
    pub(crate) async fn try_connect(&self, user: &str, conversation: &str, query: &str) -> Result<Socket, u16> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        self.upgrade(stream, user, conversation, query).await
    }

    /// A socket with a small receive buffer.
    pub(crate) async fn connect_narrow(&self, user: &str, conversation: &str) -> Socket {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        self.upgrade(stream, user, conversation, "").await.unwrap()
    }

    /// Sends a request and reads nothing of the answer.
    pub(crate) async fn send_narrow(&self, request: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// A socket whose token stands in the query.
    pub(crate) async fn upgrade_by_query(&self, token: &str, conversation: &str) -> Socket {
        self.try_connect("", conversation, &format!("?auth_token={token}")).await.unwrap()
    }

    async fn upgrade(&self, stream: TcpStream, user: &str, conversation: &str, query: &str) -> Result<Socket, u16> {
        match upgrade(stream, self.address, user, conversation, query).await {
            Ok(socket) => Ok(socket),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("handshake: {error}"),
        }
    }
}

/// One request on a connection of its own; `None` if the connection broke.
pub(crate) async fn call_at(address: SocketAddr, token: &str, method: &str, path: &str, body: Value) -> Option<Answer> {
    let token = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{token}connection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    raw_at(address, &request).await.map(|answer| Answer::parse(&answer))
}

async fn raw_at(address: SocketAddr, request: &str) -> Option<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    };
    soon("a request", exchange).await
}

/// A socket, unless the connection breaks.
pub(crate) async fn connect_at(address: SocketAddr, user: &str, conversation: &str, query: &str) -> Option<Socket> {
    let stream = TcpStream::connect(address).await.ok()?;
    upgrade(stream, address, user, conversation, query).await.ok()
}

async fn upgrade(
    stream: TcpStream,
    address: SocketAddr,
    user: &str,
    conversation: &str,
    query: &str,
) -> Result<Socket, Error> {
    // Otherwise the second of two small frames waits until the first one is acknowledged.
    stream.set_nodelay(true).unwrap();
    let uri = format!("ws://{address}/chat/ws/{conversation}{query}");
    let mut request = uri.into_client_request().unwrap();
    if !user.is_empty() {
        let token = format!("Bearer e2e_{user}").parse().unwrap();
        request.headers_mut().insert("authorization", token);
    }
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let handshake = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
    let (stream, _) = soon("a handshake", handshake).await?;
    Ok(Socket { stream })
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: serde_json::from_str(body).unwrap_or_default(),
        }
    }

    /// Status and code of an error.
    pub(crate) fn error(&self) -> (u16, &str) {
        assert!(self.body["error"].is_string(), "{self:?}");
        (self.status, self.body["code"].as_str().unwrap())
    }
}

/// A WebSocket of a client.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// How a socket was closed.
pub(crate) type Closed = (u16, String);

impl Socket {
    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_raw(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        soon("sending", self.stream.send(message)).await.unwrap();
    }

    /// Sends a text in parts, each this one.
    pub(crate) async fn send_parts(&mut self, part: &str, count: usize) {
        for number in 1..=count {
            let kind = if number == 1 { Data::Text } else { Data::Continue };
            let frame = Frame::message(part.to_owned(), OpCode::Data(kind), number == count);
            self.send_raw(Message::Frame(frame)).await;
        }
    }

    /// Sends a frame unless the other side takes none, which shows when nothing moves for a while.
    pub(crate) async fn try_send(&mut self, frame: &Value) -> bool {
        let sending = self.stream.send(Message::text(frame.to_string()));
        tokio::time::timeout(Duration::from_millis(300), sending).await.is_ok_and(|sent| sent.is_ok())
    }

    /// Sends a frame; `false` if the connection broke.
    pub(crate) async fn send_to_mortal(&mut self, frame: Value) -> bool {
        soon("sending", self.stream.send(Message::text(frame.to_string()))).await.is_ok()
    }

    /// The next frame, unless the connection broke or closed.
    pub(crate) async fn try_next(&mut self) -> Option<Value> {
        loop {
            match soon("receiving", self.stream.next()).await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// Says something under an id of the client's own.
    pub(crate) async fn say(&mut self, content: &str, id: &str) {
        self.send(json!({"type": "message", "content": content, "message_id": id})).await;
    }

    /// The next frame, or how the socket was closed.
    pub(crate) async fn next(&mut self) -> Result<Value, Closed> {
        loop {
            return match soon("receiving", self.stream.next()).await {
                Some(Ok(Message::Text(text))) => Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    // Answers the close.
                    let _ = soon("closing", self.stream.next()).await;
                    Err((frame.code.into(), frame.reason.to_string()))
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                other => panic!("unexpected {other:?}"),
            };
        }
    }

    /// The next frame, which must be of this type.
    pub(crate) async fn receive(&mut self, kind: &str) -> Value {
        let frame = self.next().await.unwrap();
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// Everything up to and without the pong of a ping sent now.
    pub(crate) async fn ping(&mut self) -> Vec<Value> {
        self.send(json!({"type": "ping"})).await;
        self.until_pong().await
    }

    /// Everything up to and without the next pong.
    pub(crate) async fn until_pong(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await.unwrap();
            if frame["type"] == "pong" {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// Everything up to the close, and the close.
    pub(crate) async fn until_close(&mut self) -> (Vec<Value>, Closed) {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Ok(frame) => frames.push(frame),
                Err(closed) => return (frames, closed),
            }
        }
    }
}

/// The places of all messages in these frames; an ack counts as its message.
pub(crate) fn places(frames: &[Value]) -> Vec<u64> {
    let place = |frame: &Value| match frame["type"].as_str() {
        Some("message") => frame["message"]["sequence_id"].as_u64(),
        Some("message_ack") => frame["sequence_id"].as_u64(),
        _ => None,
    };
    frames.iter().filter_map(place).collect()
}

/// The types of these frames.
pub(crate) fn types(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}
