//! Looks at a running server as a stranger would: a few GETs, the usual places of a WebSocket, a ping, one message.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::files::KINDS;
use super::{Answer, Found, Message, Ping, Socket, Wishes};
use crate::text::{shorten, visible};
use crate::wire::codec;
use crate::wire::http::{Client, HeaderMap, HeaderName, HeaderValue, Request};
use crate::wire::url::join;
use crate::wire::websocket::{self, Handshake, Opened, WebSocket};

/// Paths that often answer; the first that does well counts.
const PATHS: [&str; 9] =
    ["/health", "/healthz", "/ready", "/readyz", "/status", "/api/health", "/openapi.json", "/api", "/"];
/// Where sockets often are.
const SOCKETS: [&str; 12] = [
    "/ws",
    "/websocket",
    "/socket",
    "/chat",
    "/live",
    "/connect",
    "/realtime",
    "/stream",
    "/api/ws",
    "/v1/ws",
    "/socket/websocket",
    "/",
];
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long no frame comes before what came is taken for all.
const QUIET: Duration = Duration::from_millis(300);

/// Looks at the server at this address.
pub async fn probe(base: &str, wishes: &Wishes) -> Found {
    let paths: Vec<&str> = wishes.websocket.as_deref().map_or_else(|| SOCKETS.to_vec(), |path| vec![path]);
    let (http, socket) = (http(base, wishes).await, socket(base, &paths, wishes).await);
    // A server of sockets alone answers a GET with a refusal of its own, which says nothing.
    let alone = matches!(socket, Some(Socket::Open { .. }));
    let tried = if socket.is_none() { paths.into_iter().map(str::to_owned).collect() } else { Vec::new() };
    Found { http: http.filter(|answer| !alone || (200..300).contains(&answer.status)), socket, tried }
}

/// Templates have no value yet: a word stands for each.
pub(super) fn without_templates(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        plain.push_str(before);
        plain.push_str("probe");
        rest = behind.split_once("}}").map_or("", |(_, behind)| behind);
    }
    plain + rest
}

fn headers(wishes: &Wishes) -> Vec<(String, String)> {
    wishes.headers.iter().map(|(name, value)| (name.clone(), without_templates(value))).collect()
}

async fn http(base: &str, wishes: &Wishes) -> Option<Answer> {
    let client = Client::for_server(base).ok()?;
    let mut best: Option<Answer> = None;
    let mut all = HeaderMap::new();
    for (name, value) in headers(wishes) {
        let (name, value) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()));
        if let (Ok(name), Ok(value)) = (name, value) {
            all.append(name, value);
        }
    }
    let paths: Vec<&str> = wishes.get.as_deref().map_or_else(|| PATHS.to_vec(), |path| vec![path]);
    for path in paths {
        let Ok(url) = join(base, &without_templates(path), &[]) else { continue };
        let request = Request { method: "GET", url: &url, headers: &all, body: None };
        let Ok(Ok(response)) = timeout(PATIENCE, request.over(&client)).await else { continue };
        let status = response.status;
        let body = String::from_utf8_lossy(&response.body).into_owned();
        let body = serde_json::from_str::<Value>(&body).ok().filter(|value| value.is_object() && body.len() < 300);
        let good = (200..300).contains(&status);
        // That nothing is at a path that nobody named says nothing of the server; a refusal does.
        let telling = good || wishes.get.is_some() || matches!(status, 300..=399 | 401 | 403);
        if good || (telling && best.is_none()) {
            best = Some(Answer { path: path.to_owned(), status, body: body.filter(|_| good) });
        }
        if good {
            break;
        }
    }
    best
}

async fn socket(base: &str, paths: &[&str], wishes: &Wishes) -> Option<Socket> {
    let mut refused = None;
    for path in paths {
        match open(base, path, wishes).await {
            Some(Ok(stream)) => return Some(look(base, path, wishes, stream).await),
            // Nothing is there, or it is no socket: the usual answers to a GET that is none of theirs.
            Some(Err(Refusal { status: 404 | 405 | 200..=399, .. })) | None => {}
            Some(Err(Refusal { status, said })) => {
                if refused.is_none() {
                    refused = Some(Socket::Refused { path: (*path).to_owned(), status, said });
                }
            }
        }
    }
    refused
}

/// A refusal: its status, and what its body says, on one line.
struct Refusal {
    status: u16,
    said: Option<String>,
}

/// Opens a socket, or gives its refusal; none where nobody answers.
async fn open(base: &str, path: &str, wishes: &Wishes) -> Option<Result<WebSocket, Refusal>> {
    let url = join(base, &without_templates(path), &[]).ok()?;
    let asked = Handshake { url, headers: headers(wishes), subprotocols: Vec::new(), receive_buffer: None };
    match timeout(PATIENCE, websocket::open(&asked)).await.ok()?.ok()? {
        Opened::Accepted(socket, _) => Some(Ok(*socket)),
        Opened::Refused(answer) => Some(Err(Refusal { status: answer.status, said: said(&codec::body(&answer.body)) })),
    }
}

/// What a refusal says, short and on one line; a page for browsers says nothing.
fn said(body: &Value) -> Option<String> {
    const MOST: usize = 200;
    let text = match body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!words.is_empty() && !words.starts_with('<')).then(|| shorten(&visible(&words), MOST))
}

/// Two strangers on one socket: what greets them, what a ping gives, who gets a message.
async fn look(base: &str, path: &str, wishes: &Wishes, mut one: WebSocket) -> Socket {
    let first = heard(&mut one).await;
    let mut socket = Socket::Open { path: path.to_owned(), greeting: Vec::new(), ping: None, message: None };
    let Some(Ok(mut two)) = open(base, path, wishes).await else { return socket };
    let second = heard(&mut two).await;
    // What the first hears of the second is no greeting.
    heard(&mut one).await;
    let Socket::Open { greeting, ping, message, .. } = &mut socket else { return socket };
    let alike = first.iter().zip(&second).take_while(|(a, b)| super::files::outline(a) == super::files::outline(b));
    greeting.extend(alike.map(|(frame, _)| frame.clone()));

    // The field by which greetings are told apart comes first.
    let greeted = greeting.iter().flat_map(kinds_of);
    let mut kinds: Vec<&str> = greeted.chain(KINDS).collect();
    let mut seen = BTreeSet::new();
    kinds.retain(|kind| seen.insert(*kind));
    for kind in &kinds {
        let sent = json!({ *kind: "ping" });
        let answer = if say(&mut one, &sent).await { heard(&mut one).await.into_iter().find(is_pong) } else { None };
        heard(&mut two).await;
        if let Some(answer) = answer {
            *ping = Some(Box::new(Ping { sent, answer }));
            break;
        }
        // Some end a connection on which they understand nothing.
        if ended(&mut one).await {
            let Some(Ok(again)) = open(base, path, wishes).await else { return socket };
            one = again;
            heard(&mut one).await;
            heard(&mut two).await;
        }
    }
    let text = "hello from a probe";
    let kind = ping.as_ref().and_then(|ping| kinds_of(&ping.sent).next()).or(kinds.first().copied()).unwrap_or("type");
    let sent = json!({ kind: "message", "text": text });
    if say(&mut one, &sent).await {
        let carries = |frame: &Value| frame.to_string().contains(text);
        *message = Some(Box::new(Message {
            sent,
            text: text.to_owned(),
            to_sender: heard(&mut one).await.into_iter().find(carries),
            to_other: heard(&mut two).await.into_iter().find(carries),
        }));
    }
    one.close().await;
    two.close().await;
    socket
}

/// The fields of a frame that may say which kind it is.
fn kinds_of(frame: &Value) -> impl Iterator<Item = &'static str> + use<> {
    let outline = super::files::outline(frame);
    KINDS.into_iter().filter(move |kind| outline.contains_key(*kind))
}

fn is_pong(frame: &Value) -> bool {
    super::files::outline(frame)
        .values()
        .any(|word| word.as_str().is_some_and(|word| word.to_lowercase().contains("pong")))
}

/// Whether the server has ended a connection.
async fn ended(stream: &mut WebSocket) -> bool {
    !stream.is_open().await
}

async fn say(stream: &mut WebSocket, frame: &Value) -> bool {
    stream.send(codec::Message::json(frame)).await
}

/// The text frames that come until it is quiet.
async fn heard(stream: &mut WebSocket) -> Vec<Value> {
    const MOST: usize = 50;
    let mut frames = Vec::new();
    while frames.len() < MOST {
        match timeout(QUIET, stream.next()).await {
            Ok(Some(codec::Message::Text(text))) => {
                frames.push(serde_json::from_str(&text).unwrap_or(Value::String(text)));
            }
            Ok(Some(codec::Message::Binary(_))) => {}
            Ok(None) | Err(_) => break,
        }
    }
    frames
}
