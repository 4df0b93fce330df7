//! Probes a running server from outside: a few GETs, the usual WebSocket paths, a ping, one message.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::frames::{KINDS, discriminators};
use super::{FoundSocket, HttpAnswer, MessageTest, PingTest, ProbeResult, ServerFacts};
use crate::text::{shorten, visible};
use crate::wire::codec;
use crate::wire::dial::Route;
use crate::wire::handshake::{self, Handshake, Opened};
use crate::wire::http::{AnswerSoFar, HeaderMap, HeaderName, HeaderValue, Request};
use crate::wire::url::join;
use crate::wire::websocket::WebSocket;

/// Paths that often answer a GET; the first 2xx counts.
const USUAL_PATHS: [&str; 9] =
    ["/health", "/healthz", "/ready", "/readyz", "/status", "/api/health", "/openapi.json", "/api", "/"];
/// Paths at which a WebSocket often is.
const USUAL_SOCKETS: [&str; 12] = [
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
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// After this long without a frame, the frames so far are taken for all.
const QUIET_TIME: Duration = Duration::from_millis(300);

/// Probes the server at this address.
pub async fn probe(base: &str, facts: &ServerFacts) -> ProbeResult {
    let paths: Vec<&str> = facts.websocket.as_deref().map_or_else(|| USUAL_SOCKETS.to_vec(), |path| vec![path]);
    let (http, socket) = (try_gets(base, facts).await, try_sockets(base, &paths, facts).await);
    // A server that has only WebSockets refuses every GET; that says nothing.
    let alone = matches!(socket, Some(FoundSocket::Open { .. }));
    let tried = if socket.is_none() { paths.into_iter().map(str::to_owned).collect() } else { Vec::new() };
    ProbeResult { http: http.filter(|answer| !alone || (200..300).contains(&answer.status)), socket, tried }
}

/// Replaces templates, which have no value yet, by a word.
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

fn headers(facts: &ServerFacts) -> Vec<(String, String)> {
    facts.headers.iter().map(|(name, value)| (name.clone(), without_templates(value))).collect()
}

async fn try_gets(base: &str, facts: &ServerFacts) -> Option<HttpAnswer> {
    // No configuration exists yet, so there is no proxy.
    let route = Route::default();
    let mut best: Option<HttpAnswer> = None;
    let mut all = HeaderMap::new();
    for (name, value) in headers(facts) {
        let (name, value) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()));
        if let (Ok(name), Ok(value)) = (name, value) {
            all.append(name, value);
        }
    }
    let paths: Vec<&str> = facts.get.as_deref().map_or_else(|| USUAL_PATHS.to_vec(), |path| vec![path]);
    for path in paths {
        let Ok(url) = join(base, &without_templates(path), &[]) else { continue };
        let request = Request { method: "GET", url: &url, headers: &all, body: None };
        let Ok(Ok(response)) = timeout(ANSWER_TIMEOUT, request.answer(&route, &AnswerSoFar::default())).await else {
            continue;
        };
        let status = response.status;
        let body = String::from_utf8_lossy(&response.body).into_owned();
        let body = serde_json::from_str::<Value>(&body).ok().filter(|value| value.is_object() && body.len() < 300);
        let good = (200..300).contains(&status);
        // A 404 at a guessed path says nothing; a refusal says that something is there.
        let telling = good || facts.get.is_some() || matches!(status, 300..=399 | 401 | 403);
        if good || (telling && best.is_none()) {
            best = Some(HttpAnswer { path: path.to_owned(), status, body: body.filter(|_| good) });
        }
        if good {
            break;
        }
    }
    best
}

async fn try_sockets(base: &str, paths: &[&str], facts: &ServerFacts) -> Option<FoundSocket> {
    let mut refused = None;
    for path in paths {
        match handshake_with(base, path, facts).await {
            Some(Ok(stream)) => return Some(try_socket(base, path, facts, stream).await),
            // No WebSocket is at this path.
            Some(Err(Refusal { status: 404 | 405 | 200..=399, .. })) | None => {}
            Some(Err(Refusal { status, said })) => {
                if refused.is_none() {
                    refused = Some(FoundSocket::Refused { path: (*path).to_owned(), status, said });
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

/// Opens a WebSocket. `None`: no answer.
async fn handshake_with(base: &str, path: &str, facts: &ServerFacts) -> Option<Result<WebSocket, Refusal>> {
    let url = join(base, &without_templates(path), &[]).ok()?;
    let asked = Handshake {
        url,
        headers: headers(facts),
        subprotocols: Vec::new(),
        receive_buffer: None,
        heard: AnswerSoFar::default(),
    };
    match timeout(ANSWER_TIMEOUT, handshake::open(&asked, &Route::default())).await.ok()?.ok()? {
        Opened::Accepted(socket, _) => Some(Ok(*socket)),
        Opened::Refused(answer) => {
            Some(Err(Refusal { status: answer.status, said: short_text(&codec::decode_body(&answer.body, "").0) }))
        }
    }
}

/// The body of a refusal, short and on one line; not where it is empty or an HTML page.
fn short_text(body: &Value) -> Option<String> {
    const MOST: usize = 200;
    let text = match body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!words.is_empty() && !words.starts_with('<')).then(|| shorten(&visible(&words), MOST))
}

/// Opens two connections: what both receive first, what answers a ping, who receives a message.
async fn try_socket(base: &str, path: &str, facts: &ServerFacts, mut one: WebSocket) -> FoundSocket {
    let first = receive_until_quiet(&mut one).await;
    let mut socket = FoundSocket::Open { path: path.to_owned(), greeting: Vec::new(), ping: None, message: None };
    let Some(Ok(mut two)) = handshake_with(base, path, facts).await else { return socket };
    let second = receive_until_quiet(&mut two).await;
    // What the first connection receives about the second is no greeting.
    receive_until_quiet(&mut one).await;
    let FoundSocket::Open { greeting, ping, message, .. } = &mut socket else { return socket };
    let alike = first.iter().zip(&second).take_while(|(a, b)| discriminators(a) == discriminators(b));
    greeting.extend(alike.map(|(frame, _)| frame.clone()));

    // The field that names the kinds of greetings is tried first.
    let greeted = greeting.iter().flat_map(kinds_of);
    let mut kinds: Vec<&str> = greeted.chain(KINDS).collect();
    let mut seen = BTreeSet::new();
    kinds.retain(|kind| seen.insert(*kind));
    for kind in &kinds {
        let sent = json!({ *kind: "ping" });
        let answer = if send(&mut one, &sent).await {
            receive_until_quiet(&mut one).await.into_iter().find(is_pong)
        } else {
            None
        };
        receive_until_quiet(&mut two).await;
        if let Some(answer) = answer {
            *ping = Some(Box::new(PingTest { sent, answer }));
            break;
        }
        // Some servers close a connection after a frame that they don't understand.
        if is_closed(&mut one).await {
            let Some(Ok(again)) = handshake_with(base, path, facts).await else { return socket };
            one = again;
            receive_until_quiet(&mut one).await;
            receive_until_quiet(&mut two).await;
        }
    }
    let text = "hello from a probe";
    let kind = ping.as_ref().and_then(|ping| kinds_of(&ping.sent).next()).or(kinds.first().copied()).unwrap_or("type");
    let sent = json!({ kind: "message", "text": text });
    if send(&mut one, &sent).await {
        let carries = |frame: &Value| frame.to_string().contains(text);
        *message = Some(Box::new(MessageTest {
            sent,
            text: text.to_owned(),
            to_sender: receive_until_quiet(&mut one).await.into_iter().find(carries),
            to_other: receive_until_quiet(&mut two).await.into_iter().find(carries),
        }));
    }
    one.close().await;
    two.close().await;
    socket
}

/// The fields of a frame that may say which kind it is.
fn kinds_of(frame: &Value) -> impl Iterator<Item = &'static str> + use<> {
    let fields = discriminators(frame);
    KINDS.into_iter().filter(move |kind| fields.contains_key(*kind))
}

fn is_pong(frame: &Value) -> bool {
    discriminators(frame).values().any(|word| word.as_str().is_some_and(|word| word.to_lowercase().contains("pong")))
}

/// Whether the server has closed the connection.
async fn is_closed(stream: &mut WebSocket) -> bool {
    !stream.is_open().await
}

async fn send(stream: &mut WebSocket, frame: &Value) -> bool {
    stream.send(codec::Message::json(frame)).await
}

/// The text frames that arrive until the connection is quiet for a while.
async fn receive_until_quiet(stream: &mut WebSocket) -> Vec<Value> {
    const MOST: usize = 50;
    let mut frames = Vec::new();
    while frames.len() < MOST {
        match timeout(QUIET_TIME, stream.next()).await {
            Ok(Some(codec::Message::Text(text))) => {
                frames.push(serde_json::from_str(&text).unwrap_or(Value::String(text)));
            }
            Ok(Some(codec::Message::Binary(_))) => {}
            Ok(None) | Err(_) => break,
        }
    }
    frames
}
