//! What actors do.
//!
//! - [`action`]: each of them, with `connect`, `request` and `send`; [`checks`]: what an answer must be;
//! - `stub`: answers of a stub; [`server`]: what is done to the server.

pub(crate) mod action;
pub(crate) mod checks;
mod connect;
pub(crate) mod request;
mod send;
pub(crate) mod server;
mod stub;
