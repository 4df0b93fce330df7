//! A multi-participant chat server over HTTP and WebSocket.
//!
//! A map of the crate, in reading order:
//!
//! - [`config`]: everything that can be set, and where values come from.
//! - [`listen`] and [`serve`]: binding, running, and draining a server.
//! - `connection`: TCP connections, tuned and served.
//! - `routes`: the table of routes; a handler extracts a command and turns the reply into JSON.
//! - `auth`, `rates` and `error`: who asks and how often it may, and how errors look over HTTP.
//! - `metrics`: what is counted and measured.
//! - `socket`: one WebSocket: frames in, frames out, and what waits to be written.
//! - `conversation`: the pure core (`decide` and `apply`), and the task that owns a conversation.
//! - `storage`: the `Store` trait, the log in SQLite, PostgreSQL and memory, and the store with faults for tests.
//! - `ai`: AI participants, and the providers that answer for them.
//! - `domain`: ids, participants, messages, time.
//! - `shutdown`: tasks that never outlive the server.
//!
//! One task owns each conversation: its participants, its sockets, its sequence of messages. There is no other
//! list of participants. Nothing is answered or sent to anybody before it is stored.

mod ai;
mod app;
mod auth;
pub mod config;
mod connection;
mod conversation;
mod domain;
mod error;
pub mod listen;
mod metrics;
mod rates;
mod routes;
mod shutdown;
mod socket;
mod storage;

pub use app::{Prepared, prepare, serve};
pub use config::{Config, ConfigError};
