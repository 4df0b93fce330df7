//! The upgrade of a request (RFC 6455, 4.2).

use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use tungstenite::handshake::derive_accept_key;

/// The subprotocol of the chat.
const SUBPROTOCOL: &str = "chat";

/// What a request lacks to be a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// It is no GET.
    #[error("the method must be GET")]
    Method,
    /// `Connection` is another one.
    #[error("the header connection must have upgrade")]
    Connection,
    /// `Upgrade` is another one.
    #[error("the header upgrade must be websocket")]
    Upgrade,
    /// `Sec-WebSocket-Version` is another one.
    #[error("the header sec-websocket-version must be 13")]
    Version,
    /// `Sec-WebSocket-Key` is missing or no key.
    #[error("the header sec-websocket-key must be 16 bytes in base64")]
    Key,
    /// The connection can't be upgraded.
    #[error("this connection can't be upgraded")]
    Unable,
}

/// Answers a handshake, and says when its connection is ours.
///
/// # Errors
/// It is none.
pub(crate) fn accept(parts: &mut Parts) -> Result<(Response, OnUpgrade), HandshakeError> {
    let headers = &parts.headers;
    if parts.method != Method::GET {
        return Err(HandshakeError::Method);
    }
    if !has_word(headers, &CONNECTION, "upgrade") {
        return Err(HandshakeError::Connection);
    }
    if !has_word(headers, &UPGRADE, "websocket") {
        return Err(HandshakeError::Upgrade);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(HandshakeError::Version);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes())).ok_or(HandshakeError::Key)?;
    let accepted = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| HandshakeError::Key)?;
    let offers_chat = has_word(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
    let upgrade = parts.extensions.remove::<OnUpgrade>().ok_or(HandshakeError::Unable)?;
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accepted);
    if offers_chat {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok((response, upgrade))
}

/// Whether one of the words of a list in a header is this one.
fn has_word(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(word))
}

/// Sixteen bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(digit)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn refused(change: (&str, &str)) -> HandshakeError {
        let mut headers = vec![
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        headers.retain(|(name, _)| *name != change.0);
        headers.push(change);
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        accept(&mut parts).unwrap_err()
    }

    #[test]
    fn each_missing_part_is_named() {
        assert_eq!(refused(("connection", "close")), HandshakeError::Connection);
        assert_eq!(refused(("upgrade", "h2c")), HandshakeError::Upgrade);
        assert_eq!(refused(("sec-websocket-version", "8")), HandshakeError::Version);
        for key in ["", "short", "dGhlIHNhbXBsZSBub25jZQ=!"] {
            assert_eq!(refused(("sec-websocket-key", key)), HandshakeError::Key, "{key}");
        }
        assert_eq!(refused(("x", "y")), HandshakeError::Unable, "all is there but a connection");
    }
}
