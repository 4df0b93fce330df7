//! How a transaction ended that did not end well.

use super::connect::describe;
use crate::storage::error::StoreError;

/// How a transaction ended that did not end well.
#[derive(Debug)]
pub(super) enum PostgresTransactionError {
    /// The database refused its content; it was rolled back.
    Content(StoreError),
    /// The database failed; nothing was stored.
    Database(StoreError),
    /// The database was lost while it committed.
    InDoubt(StoreError),
}

impl PostgresTransactionError {
    /// What a failure of the database means before the commit was asked for.
    pub(super) fn before_commit(error: &tokio_postgres::Error) -> Self {
        // Places are checked before, so what stands twice is a sender's id.
        let is_sent = error
            .as_db_error()
            .is_some_and(|said| said.code().code() == "23505" && said.constraint() == Some("messages_sent"));
        let said = if is_sent { StoreError::SentBefore } else { StoreError::failed(describe(error)) };
        // Data, integrity, limits: the other appends may be fine.
        let is_content =
            error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.code().starts_with(class)));
        if is_content { Self::Content(said) } else { Self::Database(said) }
    }

    /// What a failure of the COMMIT itself means.
    pub(super) fn at_commit(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // Told by the database itself, and not because it was told to stop in the middle.
            Some(said) if !said.code().code().starts_with("57") => Self::before_commit(error),
            _ => Self::InDoubt(StoreError::InDoubt(describe(error).into())),
        }
    }
}

impl From<tokio_postgres::Error> for PostgresTransactionError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::before_commit(&error)
    }
}
