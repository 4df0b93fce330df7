//! The connection that writes: transactions, and what their failures mean.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::health::SqliteHealth;
use super::open;
use super::write::{AppendError, put};
use crate::config::Durability;
use crate::domain::ConversationId;
use crate::storage::append::{Append, AppendId};
use crate::storage::error::{OpenError, StoreError};

/// What a failure affects.
#[derive(Debug, Clone)]
pub(super) enum SqliteTransactionError {
    /// The append alone.
    One(StoreError),
    /// The whole transaction.
    All(StoreError),
}

impl SqliteTransactionError {
    /// What the store says of it.
    pub(super) fn error(self) -> StoreError {
        match self {
            Self::One(error) | Self::All(error) => error,
        }
    }
}

/// The connection of the writer, with the place of the next activity.
pub(super) struct WriterConnection {
    /// None while the database is lost.
    connection: Option<Connection>,
    /// The outcome of a commit is not known: before anybody is told, what can be read is brought to the disk.
    doubts: bool,
    /// What the next commit says, whatever it did.
    #[cfg(test)]
    pub(super) commit_fault: Option<rusqlite::Error>,
    /// The next activity's.
    ordinal: i64,
    health: Arc<SqliteHealth>,
    durability: Durability,
}

impl WriterConnection {
    /// Over a database that is open.
    pub(super) fn new(
        connection: Connection,
        health: Arc<SqliteHealth>,
        durability: Durability,
    ) -> Result<Self, OpenError> {
        let newest = newest_ordinal(&connection, health.file())?;
        Ok(Self {
            connection: Some(connection),
            doubts: false,
            #[cfg(test)]
            commit_fault: None,
            ordinal: newest + 1,
            health,
            durability,
        })
    }

    /// The place of the next activity.
    pub(super) fn ordinal(&self) -> i64 {
        self.ordinal
    }

    /// Nothing since then is stored, so its places are free again.
    pub(super) fn reset_ordinal(&mut self, ordinal: i64) {
        self.ordinal = ordinal;
    }

    /// Whether an append is stored.
    pub(super) fn has_append(&mut self, id: &ConversationId, append: AppendId) -> Result<bool, StoreError> {
        self.settle_doubt()?;
        let mut statement =
            self.reconnected()?.prepare_cached("SELECT last_append FROM conversations WHERE id = ?1")?;
        let last: Option<Vec<u8>> = statement.query_row([id.as_str()], |row| row.get(0)).optional()?;
        Ok(last.is_some_and(|last| last == append.as_bytes()))
    }

    /// The database has at most so many pages from here on.
    #[cfg(test)]
    pub(super) fn limit_pages(&mut self, pages: u32) {
        self.reconnected().unwrap().pragma_update(None, "max_page_count", pages).unwrap();
    }

    /// The connection, opened anew if the database was lost and is there again.
    fn reconnected(&mut self) -> Result<&Connection, StoreError> {
        if self.connection.is_none() || !self.health.is_in_place() {
            self.reconnect()?;
        }
        self.connection.as_ref().ok_or_else(|| StoreError::failed("the database is not open"))
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        let file = self.health.file();
        let opened = if file.exists() {
            open::writer_again(file, self.durability)
                .and_then(|connection| Ok((newest_ordinal(&connection, file)?, connection)))
                .map_err(|error| error.to_string())
        } else {
            Err(gone(file))
        };
        match opened {
            Ok((newest, connection)) => {
                self.connection = Some(connection);
                self.ordinal = self.ordinal.max(newest + 1);
                self.health.opened();
                Ok(())
            }
            Err(problem) => {
                self.health.fails(&problem);
                Err(StoreError::failed(problem))
            }
        }
    }

    /// Keeps the newest ordinal, if the transaction used any.
    pub(super) fn note_activity(&mut self, before: i64) -> Result<(), StoreError> {
        let Some(open) = self.connection.as_ref().filter(|_| self.ordinal != before) else {
            return Ok(());
        };
        let noted = open
            .prepare_cached("UPDATE activity SET ordinal = ?1")
            .and_then(|mut statement| statement.execute([self.ordinal - 1]));
        if let Err(error) = noted {
            let error = self.broken(&error).error();
            self.undo();
            return Err(error);
        }
        Ok(())
    }

    /// After a commit whose outcome is open, what can be read may be in the system's memory alone: writing it back into
    /// the database file, and waiting for the disk, makes what was read true.
    fn settle_doubt(&mut self) -> Result<(), StoreError> {
        if !self.doubts {
            return Ok(());
        }
        let open = self.reconnected()?;
        let busy: i64 = open.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy != 0 {
            return Err(StoreError::failed("the log of the database could not be written back yet"));
        }
        self.doubts = false;
        Ok(())
    }

    /// Begins a transaction.
    pub(super) fn begin(&mut self) -> Result<(), SqliteTransactionError> {
        self.settle_doubt().map_err(SqliteTransactionError::All)?;
        let open = self.reconnected().map_err(SqliteTransactionError::All)?;
        execute(open, "BEGIN IMMEDIATE").map_err(|error| self.broken(&error))
    }

    /// Puts one append into the transaction. One that does not fit leaves no trace if this is `careful`.
    pub(super) fn put(&mut self, append: &Append, careful: bool) -> Result<(), SqliteTransactionError> {
        let Some(open) = &self.connection else {
            return Err(SqliteTransactionError::All(StoreError::failed("the database is not open")));
        };
        let mut ordinal = self.ordinal;
        let run = |sql| if careful { execute(open, sql) } else { Ok(()) };
        let result = run("SAVEPOINT one").map_err(AppendError::Database).and_then(|()| {
            put(open, append, &mut ordinal)?;
            Ok(run("RELEASE one")?)
        });
        match result {
            Ok(()) => {
                self.ordinal = ordinal;
                Ok(())
            }
            Err(AppendError::Append(error)) => {
                let undone = run("ROLLBACK TO one").and_then(|()| run("RELEASE one"));
                match undone {
                    Ok(()) => Err(SqliteTransactionError::One(error)),
                    Err(error) => Err(self.broken(&error)),
                }
            }
            Err(AppendError::Database(error)) => Err(self.broken(&error)),
        }
    }

    /// Ends the transaction: what it did is stored, or it is not, or nobody knows.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        let Some(open) = &self.connection else {
            return Err(StoreError::failed("the database is not open"));
        };
        if !self.health.is_in_place() {
            let problem = gone(self.health.file());
            self.undo();
            self.health.fails(&problem);
            return Err(StoreError::failed(problem));
        }
        let committed = execute(open, "COMMIT");
        #[cfg(test)]
        let committed = self.commit_fault.take().map_or(committed, Err);
        if let Err(error) = committed {
            let is_in_doubt = leaves_doubt(&error);
            let said = self.broken(&error).error();
            self.undo();
            if is_in_doubt {
                self.doubts = true;
                return Err(StoreError::InDoubt(said.to_string().into()));
            }
            return Err(said);
        }
        if !self.health.is_in_place() {
            // It went away in this very moment, with the commit or without it.
            let problem = format!("the database {} was taken away", self.health.file().display());
            self.health.fails(&problem);
            return Err(StoreError::InDoubt(problem.into()));
        }
        self.health.works();
        Ok(())
    }

    /// Ends a transaction that is to leave nothing; some failures have ended it already.
    pub(super) fn undo(&mut self) {
        if let Some(open) = &self.connection
            && !open.is_autocommit()
            && execute(open, "ROLLBACK").is_err()
        {
            self.connection = None;
        }
    }

    /// Writes something that needs room on the disk.
    pub(super) fn probe(&mut self) -> Result<(), StoreError> {
        const ROOM: i64 = 64 << 10;
        self.begin().map_err(SqliteTransactionError::error)?;
        let written = match &self.connection {
            Some(open) => open
                .execute("INSERT OR REPLACE INTO probe (id, content) VALUES (1, randomblob(?1))", params![ROOM])
                .map(drop),
            None => Ok(()),
        };
        if let Err(error) = written {
            let error = self.broken(&error).error();
            self.undo();
            return Err(error);
        }
        self.commit()
    }

    /// The database failed. Behind an error of the disk, nothing that the connection remembers is trusted.
    fn broken(&mut self, error: &rusqlite::Error) -> SqliteTransactionError {
        use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, SystemIoFailure};
        let problem = open::explain(error);
        self.health.fails(&problem);
        if let Some(CannotOpen | DatabaseCorrupt | NotADatabase | SystemIoFailure) = error.sqlite_error_code() {
            self.connection = None;
        }
        SqliteTransactionError::All(StoreError::failed(problem))
    }
}

/// Whether a COMMIT that failed so may have happened: the disk failed while it was written or synchronised.
fn leaves_doubt(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::SystemIoFailure))
}

fn gone(file: &Path) -> String {
    format!("the database {} is gone; put it back in its place", file.display())
}

fn newest_ordinal(connection: &Connection, file: &Path) -> Result<i64, OpenError> {
    let newest = connection.query_row("SELECT ordinal FROM activity", [], |row| row.get(0));
    newest.map_err(|error| OpenError::file(file, open::explain(&error)))
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
