//! Errors of a server: what happened, where, and how to fix it.

use std::fmt;
use std::io;
use std::time::Duration;

use super::log::LogLine;
use super::port::Owner;

/// An unexpected end of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// How it ended: `exited with code 3`, `was killed by signal 9`, `panicked: …`.
    pub description: String,
    /// The exit code of a process that ended by itself.
    pub code: Option<i32>,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

/// A server that can't be started, reached or acted on. Belongs to exit code 3, but
/// [`Settings`](SubjectError::Settings), which is a mistake in a file and belongs to 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// Another process listens on the port that this server needs.
    #[error(
        "port {port} is in use by {}",
        match owner {
            Owner::Another => format!(
                "another process, so the server `{server}` can't listen on it; end that process (`lsof -i :{port}` shows it) \
                 or choose another port"
            ),
            Owner::ThisRun => format!(
                "another server of this run, so a second `{server}` can't listen on it; leave `port` out, so that each gets \
                 one of its own by `{{port}}`, or play one scenario at a time (--jobs 1)"
            ),
            Owner::LeftBehind => format!(
                "a thread of the server `{server}` that is blocked and was left behind; a command could be ended \
                 (--server subprocess)"
            ),
        }
    )]
    PortInUse {
        /// The server's name.
        server: String,
        /// The port.
        port: u16,
        /// Who listens on it.
        owner: Owner,
        /// What the server wrote, if it was started at all.
        log: Vec<LogLine>,
    },
    /// The build command did not succeed.
    #[error("the server `{server}` could not be built: {command} {how}; see the end of its output")]
    BuildFailed {
        /// The server's name.
        server: String,
        /// The build command and where it ran.
        command: String,
        /// How it ended.
        how: Death,
        /// The end of its output.
        log: Vec<LogLine>,
    },
    /// A program that a command names does not exist.
    #[error(
        "the program `{program}` of the server `{server}` {}; {}",
        if program.contains('/') { "does not exist or can't be executed" } else { "is not on the PATH" },
        if program.contains('/') { "build it, or correct `command` in roundtable.toml" }
        else { "install it, or correct `command` in roundtable.toml" }
    )]
    NotFound {
        /// The server's name.
        server: String,
        /// The program as the command names it, placeholders filled in.
        program: String,
    },
    /// The server runs but is not ready in time.
    #[error(
        "the server `{server}` was not ready within {waited:?}: waited for {waited_for}; see the \
         end of its log, or raise `start_timeout` in roundtable.toml"
    )]
    NeverReady {
        /// The server's name.
        server: String,
        /// How long the runner waited.
        waited: Duration,
        /// What it waited for, and what it saw last.
        waited_for: String,
        /// The end of its log.
        log: Vec<LogLine>,
    },
    /// The server ended before it was ready.
    #[error("the server `{server}` ended before it was ready: it {how}; see the end of its log")]
    Died {
        /// The server's name.
        server: String,
        /// How it ended.
        how: Death,
        /// The end of its log.
        log: Vec<LogLine>,
    },
    /// A server that scenarios share ended while another one ran.
    #[error("the server `{server}`, which scenarios share, has ended: it {how}; see the end of its log")]
    Gone {
        /// The server's name.
        server: String,
        /// How it ended.
        how: Death,
        /// The end of its log.
        log: Vec<LogLine>,
    },
    /// No server answers at a URL.
    #[error("no server can be reached at {url}: {reason}; start it first, or correct the URL")]
    Unreachable {
        /// The URL as it was given.
        url: String,
        /// What the attempt said.
        reason: String,
    },
    /// What a scenario or `roundtable.toml` asks of the server can't be given to it.
    #[error("the settings of the server `{server}` are wrong: {problem}")]
    Settings {
        /// The server's name.
        server: String,
        /// What is wrong, with the key.
        problem: String,
    },
    /// A restarted server came back at another address than the participants know.
    #[error(
        "the server `{server}` came back at {now} instead of {was}: let its command take the \
         port from `{{port}}`, so that a restart can keep it"
    )]
    Moved {
        /// The server's name.
        server: String,
        /// The address before.
        was: String,
        /// The address now.
        now: String,
    },
    /// A server that the runner did not start is not stopped or restarted by it.
    #[error("the server at {url} was not started here, so it can't be stopped or started either")]
    NotOurs {
        /// Its URL.
        url: String,
    },
    /// The operating system refused something.
    #[error("{action} for the server `{server}` failed: {source}")]
    Io {
        /// The server's name.
        server: String,
        /// What was tried.
        action: String,
        /// What the system said.
        source: io::Error,
    },
}

impl SubjectError {
    /// The end of the server's log (or of the build's output), oldest line first; empty where
    /// no server ran.
    pub fn log_tail(&self) -> &[LogLine] {
        match self {
            Self::PortInUse { log, .. }
            | Self::BuildFailed { log, .. }
            | Self::NeverReady { log, .. }
            | Self::Died { log, .. }
            | Self::Gone { log, .. } => log,
            _ => &[],
        }
    }

    /// Whether a file is wrong (exit code 2) rather than the server (exit code 3).
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Settings { .. })
    }

    /// For `map_err`: the system refused `action` for `server`.
    pub(crate) fn io(server: &str, action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let (server, action) = (server.to_owned(), action.into());
        move |source| Self::Io { server, action, source }
    }
}
