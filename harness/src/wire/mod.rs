//! Bytes and transports. It knows no scenario: what it opens is a feed, which pushes frames and its end, with an outlet.
//!
//! - addresses: [`mod@url`];
//! - [`dial`] and [`latch`]: TCP, TLS and proxies, and a message's last byte that is held back;
//! - [`http`]: one request and its answer; [`error`]: why no answer came;
//! - [`feed`]: what an open connection is to a scenario; [`handshake`] opens a
//!   WebSocket, [`websocket`] moves its messages;
//! - [`codec`]: messages into payloads and back.

pub(crate) mod codec;
pub(crate) mod dial;
mod error;
pub(crate) mod feed;
pub(crate) mod handshake;
pub(crate) mod http;
mod latch;
pub(crate) mod url;
pub(crate) mod websocket;

pub(crate) use error::WireError;
pub(crate) use latch::Latch;
