//! What a scenario holds while it runs.
//!
//! - [`world`]: all of it; its parts are
//! - [`cast`]: who takes part, with [`participant`] and [`stub_actor`];
//! - [`connection`]: a connection, with its `connection_log`, its [`mailbox`], the pure [`inbox`] of [`frame`]s in it with its `frame_index`, and the [`markers`] that stay out;
//! - [`recorder`]: what happens, kept and told; [`log_book`]: the server's log; [`progress`]: what is waited for;
//! - [`target`]: the server; [`answer`]: an answer of it;
//! - [`streams`]: which stream a connection is on;
//! - [`random`]: what is drawn from the seed; [`release`]: the instant of a race.

pub(crate) mod answer;
pub(crate) mod cast;
pub(crate) mod connection;
mod connection_log;
pub(crate) mod frame;
mod frame_index;
pub(crate) mod inbox;
pub(crate) mod log_book;
pub(crate) mod look;
pub(crate) mod mailbox;
pub(crate) mod markers;
pub(crate) mod participant;
pub(crate) mod progress;
pub(crate) mod random;
pub(crate) mod recorder;
pub(crate) mod release;
pub(crate) mod streams;
pub(crate) mod stub_actor;
pub(crate) mod target;
pub(crate) mod world;
