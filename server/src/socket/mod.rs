//! One WebSocket: [`connection`] (from the upgrade to the end), [`life`] (while it is open), `receive` (what its frames mean), `log_pages` (what it reads from the log) and
//! [`context`] (what they share).

mod connection;
mod context;
mod life;
mod log_pages;
mod receive;

pub(crate) use self::context::{Connection, SocketSettings};
