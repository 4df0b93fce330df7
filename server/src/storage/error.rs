//! What can go wrong with a store, while it works and when it is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::ConversationId;

/// Why a store could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    /// The log is not where the records say it is: a conversation that was never created, that exists already, or
    /// whose newest message is another one. Nothing was stored.
    #[error("the log does not fit the records: another append came before")]
    Conflict(ConversationId),
    /// A message among the records was stored before, under the same id of its sender. Nothing was stored.
    #[error("a message was sent before under its id")]
    SentBefore,
    /// Nothing was stored, or nothing could be read.
    #[error("{0}")]
    Failed(Arc<str>),
    /// The commit was under way when the store was lost: the append may be durable or not.
    /// [`Store::has_append`](super::Store::has_append) tells, as soon as it can.
    #[error("it is not known whether the commit came through: {0}")]
    InDoubt(Arc<str>),
    /// A fault that a test asked for.
    #[error("injected fault")]
    Injected,
}

impl StoreError {
    /// A failure in words.
    pub(crate) fn failed(problem: impl std::fmt::Display) -> Self {
        Self::Failed(problem.to_string().into())
    }
}

/// Why a store could not be opened: where, what, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The folder cannot be made or written to.
    #[error("the data folder {} can't be used: {problem}; give another one with `data`, or mend its permissions", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        problem: std::io::Error,
    },
    /// Another process uses the folder.
    #[error("the data folder {} is already in use by {}; stop that server, or give this one another folder with `data`", folder.display(), holder(*pid))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Its process id, if the lock file tells it.
        pid: Option<u32>,
    },
    /// The file is none of ours, or damaged.
    #[error("the database {} can't be used: {problem}", file.display())]
    File {
        /// The database file.
        file: PathBuf,
        /// What is wrong with it, and how to mend it.
        problem: String,
    },
    /// The schema is newer than this program.
    #[error(
        "the database {place} has schema version {found}, and this program knows up to {known}: start a newer roundtable-server, or give another database"
    )]
    Newer {
        /// The database.
        place: String,
        /// Its version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// A step towards the newest schema failed; it was undone.
    #[error("the database {place} can't be brought to schema version {version}: {problem}")]
    Migration {
        /// The database.
        place: String,
        /// The step.
        version: i64,
        /// What the database said.
        problem: String,
    },
    /// The database server cannot be reached or refuses.
    #[error("the database {place} can't be used: {problem}")]
    Server {
        /// Host, port and name; no password.
        place: String,
        /// What was said, and how to mend it.
        problem: String,
    },
}

impl OpenError {
    pub(super) fn folder(folder: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let folder = folder.to_owned();
        move |problem| Self::Folder { folder, problem }
    }

    pub(super) fn file(file: &Path, problem: impl Into<String>) -> Self {
        Self::File { file: file.to_owned(), problem: problem.into() }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("pid {pid}"))
}
