//! A server from its start to its end.

mod serve;

pub use self::serve::{serve, serve_announced};
