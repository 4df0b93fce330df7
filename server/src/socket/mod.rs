//! One WebSocket: [`connection`] (its life), [`reader`] (frames in), [`writer`] (frames out) and [`context`] (what they
//! share).

mod connection;
mod context;
mod reader;
mod writer;

pub(crate) use self::context::{Connection, SocketSettings};
