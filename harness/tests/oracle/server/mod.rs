//! The simulated server: rooms over WebSocket and HTTP, on loopback, that is honest but for the faults of its case.
//!
//! - `rooms`: who is where, and what everybody is owed;
//! - `connection`: requests and handshakes; `link`: the frames behind one, and the faults;
//! - `websocket`: the bytes.

mod connection;
mod link;
mod rooms;
mod websocket;

pub(crate) use connection::{Cases, serve};
