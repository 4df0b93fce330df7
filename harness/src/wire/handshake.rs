//! The handshake of a WebSocket (RFC 6455, section 4).

use std::sync::Arc;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::dial::{Dialed, Route, dial};
use super::error::WireError;
use super::http::{AnswerSoFar, HeaderMap, Pending, Response};
use super::latch::Latch;
use super::url::{Url, authority, path_and_query};
use super::websocket::WebSocket;

/// What a handshake asks for.
pub(crate) struct Handshake {
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) subprotocols: Vec<String>,
    /// The size of the socket's receive buffer, in bytes, where not the system's.
    pub(crate) receive_buffer: Option<usize>,
    /// What has come of the answer.
    pub(crate) heard: AnswerSoFar,
}

/// How a handshake ended.
pub(crate) enum Opened {
    /// With 101.
    Accepted(Box<WebSocket>, Response),
    /// With any other answer.
    Refused(Response),
}

/// A handshake whose request is on its route.
pub(crate) struct PendingHandshake {
    pending: Pending,
    key: String,
    /// The subprotocols that were offered.
    offered: Vec<String>,
}

/// Opens a connection and upgrades it (RFC 6455, section 4).
///
/// # Errors
/// Why no answer came, or why it doesn't answer the handshake.
pub(crate) async fn open(asked: &Handshake, route: &Route) -> Result<Opened, WireError> {
    begin(asked, route, false).await?.opened().await
}

/// Opens a connection and sends everything of the request but its last byte, which the latch releases.
///
/// # Errors
/// Why the request could not be sent.
pub(crate) async fn open_held_back(asked: &Handshake, route: &Route) -> Result<PendingHandshake, WireError> {
    begin(asked, route, true).await
}

async fn begin(asked: &Handshake, route: &Route, hold: bool) -> Result<PendingHandshake, WireError> {
    let url = &asked.url;
    let Dialed { io, latch, .. } = dial(url, asked.receive_buffer, route, true).await?;
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
        let socket = WebSocket::over(upgraded, latch).await;
        Ok(Opened::Accepted(Box::new(socket), head))
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
