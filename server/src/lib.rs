//! A multi-participant chat server over HTTP and WebSocket.
//!
//! A map of the crate, from the lowest layer to the highest; a folder uses only those above it in this list:
//!
//! - `domain`: ids, participants, messages, time.
//! - [`config`]: everything that can be set, and where values come from.
//! - `log`: the records of a conversation's log, and the state that they amount to.
//! - `metrics`: what is counted and measured.
//! - [`mod@net`]: listeners, TCP connections, tasks that never outlive the server.
//! - `storage`: the `Store` trait, the log in SQLite, PostgreSQL and memory, and the store with faults for tests.
//! - `core`: what a conversation decides, without I/O.
//! - `ai`: AI participants, and the providers that answer for them.
//! - `ws`: WebSocket on the wire.
//! - `frame`: frames as JSON, both ways.
//! - `outbound`: what waits to be written to a socket.
//! - `limits` and `auth`: how much one client may take, and who asks.
//! - `conversation`: the task that owns a conversation, and how it gets into memory.
//! - `socket`: one WebSocket: frames in, frames out.
//! - `app`: what all requests share, and how errors look over HTTP.
//! - `routes`: the table of routes; a handler extracts a command and turns the reply into JSON.
//! - `server`: binding it together, running, and draining.
//!
//! One task owns each conversation: its participants, its sockets, its sequence of messages. There is no other
//! list of participants. Nothing is answered or sent to anybody before it is stored.

mod ai;
mod app;
mod auth;
pub mod config;
mod conversation;
mod core;
mod domain;
mod frame;
mod limits;
mod log;
mod metrics;
pub mod net;
mod outbound;
mod routes;
mod server;
mod socket;
mod storage;
mod ws;

pub use config::{Config, ConfigError};
pub use net::listen;
pub use server::{serve, serve_announced};
