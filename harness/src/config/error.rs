//! Mistakes in `roundtable.toml`, each with its place.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A mistake in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, dotted from the top: `servers.lobby.command`. Empty for broken TOML.
    pub key: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// The configuration can't be used. Belongs to exit code 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{} can't be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file has mistakes: all of them, in the order of the file.
    #[error("{}", lines(file, problems))]
    Wrong {
        /// The file.
        file: PathBuf,
        /// Never empty.
        problems: Vec<Problem>,
    },
    /// A protocol file names a server that the configuration does not have.
    #[error(
        "no server is called `{name}` in {place}{}; add a table [servers.{name}] with its `command`",
        nearest.as_ref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default()
    )]
    UnknownServer {
        /// The name that was asked for.
        name: String,
        /// The nearest name that there is.
        nearest: Option<String>,
        /// The file, or that no file was found.
        place: String,
    },
    /// A server can't be started in the way that was asked for.
    #[error("the server `{server}` can't be started {how}: add {missing} to {place}")]
    CannotStart {
        /// The server's name.
        server: String,
        /// `in process` or `as a subprocess`.
        how: &'static str,
        /// The keys of which one is missing.
        missing: &'static str,
        /// The file and table, or that no file was found.
        place: String,
    },
    /// This program was built without the embedded chat server.
    #[error(
        "the chat server is not part of this program: build it with the feature `embedded`, or use \
         `--server subprocess`"
    )]
    NotEmbedded,
}

fn lines(file: &std::path::Path, problems: &[Problem]) -> String {
    let lines: Vec<_> = problems.iter().map(|problem| format!("{}:{problem}", file.display())).collect();
    lines.join("\n")
}
