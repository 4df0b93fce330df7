//! A server that the runner starts as a command.
//!
//! - [`spec`]: the command, and what it can be given;
//! - `template`: the values of its placeholders;
//! - `launch`: build, port, start, readiness, retry;
//! - `process`: a process group with its output;
//! - `output`: what it writes, line by line;
//! - `ready`: waiting for readiness;
//! - `watchdog`: ends what the runner started when the runner itself is killed.
//!
//! Nothing here depends on the runtime of the scenario that starts a server: several scenarios,
//! each with a runtime of its own, share it. Threads read its output and wait for its end.

pub mod spec;

mod launch;
mod output;
mod process;
mod ready;
mod template;
mod watchdog;

pub use launch::LeftRunning;
pub use spec::SubprocessSpec;

pub(super) use launch::SubprocessLauncher;
pub(super) use process::Process;

#[cfg(test)]
mod tests;
