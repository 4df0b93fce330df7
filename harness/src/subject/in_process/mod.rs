//! Servers that run inside this process: the embedded chat server, or an application of a library user.
//!
//! - `application`: what such a server is; [`Chat`]: the one of this workspace;
//! - `launcher`: starts one again and again on one port;
//! - `running`: one that runs, on threads of its own.

mod application;
#[cfg(feature = "embedded")]
mod chat;
mod launcher;
mod running;
#[cfg(test)]
mod tests;

pub use super::capture::{log_dispatch, log_panics};
pub use application::{Application, Shutdown, application};
#[cfg(feature = "embedded")]
pub use chat::Chat;
pub use launcher::InProcess;
pub(super) use launcher::InProcessLauncher;
pub(super) use running::RunningApplication;
