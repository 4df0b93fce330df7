//! The servers under test: how one is started, watched, stopped and ended.
//!
//! - [`server`]: the public face, [`Subject`] (what can be started) and [`Server`] (what runs);
//! - [`choose`](choose()): which subject a configured server is for a run;
//! - [`log`]: the server's log lines, and the last of them kept for failures;
//! - [`error`]: errors, each with how to fix it;
//! - [`in_process`]: the embedded chat server, or an application of a library user;
//! - [`capture`]: the log of a server that shares this process;
//! - [`subprocess`]: a command, its readiness and its process group;
//! - [`remote`]: a server that the runner didn't start;
//! - `port` and `spawn`: ports, and programs that hold none of them.

pub mod capture;
pub mod choose;
pub mod error;
pub mod in_process;
pub mod log;
pub mod remote;
pub mod server;
pub mod subprocess;

pub(crate) mod port;
mod spawn;

pub use choose::choose;
pub use error::{Death, SubjectError};
pub use in_process::{Application, InProcess, Shutdown};
pub use log::{Level, LogLine, LogSink};
pub use port::Owner;
pub use server::{Server, Subject};
pub use subprocess::{LeftRunning, SubprocessSpec};
