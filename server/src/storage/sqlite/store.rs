//! The log in an SQLite database: one writer thread, several readers, one folder that nobody else uses.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;
use tracing::info;

use super::folder::Folder;
use super::health::SqliteHealth;
use super::readers::Readers;
use super::writer::{SqliteJob, Writer};
use super::{open, read};
use crate::domain::{ConversationId, InviteId, Message, SequenceId, UserId};
use crate::log::SentKey;
use crate::metrics::StoreMetrics;
use crate::storage::append::{Append, AppendId};
use crate::storage::error::{OpenError, StoreError};
use crate::storage::settings::StoreSettings;
use crate::storage::store::{ConversationPage, LoadedConversation, LogQueries, LogStore, Store, StoreFuture, answered};

/// The database file in the data folder.
const FILE_NAME: &str = "chat.db";

/// A [`Store`] in a file.
pub(crate) struct SqliteStore {
    writer: Writer,
    /// For what sends wait for.
    readers: Readers,
    /// For lists and counts, so that however many are asked for no send waits.
    list_readers: OnceLock<Readers>,
    /// How many of those.
    lists: usize,
    health: Arc<SqliteHealth>,
}

impl SqliteStore {
    /// Opens the database in a folder. Both are made where they are missing.
    pub(crate) async fn open(folder: &Path, settings: StoreSettings, metrics: StoreMetrics) -> Result<Self, OpenError> {
        let folder = folder.to_owned();
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let opening = tokio::task::spawn_blocking(move || {
            tracing::dispatcher::with_default(&dispatch, || Self::open_now(&folder, settings, metrics))
        });
        opening.await.unwrap_or_else(|panic| Err(OpenError::file(Path::new(FILE_NAME), panic.to_string())))
    }

    fn open_now(folder: &Path, settings: StoreSettings, metrics: StoreMetrics) -> Result<Self, OpenError> {
        let held = Folder::take(folder)?;
        let file: PathBuf = held.path().join(FILE_NAME);
        let connection = open::writer(&file, settings.durability)?;
        let health = Arc::new(SqliteHealth::new(file)?);
        info!(file = %health.file().display(), durability = ?settings.durability, "database opened");
        let lists = (settings.readers / 4).max(1);
        let readers = Readers::start(&health, settings.readers.saturating_sub(lists).max(1))?;
        let writer = Writer::start(connection, held, Arc::clone(&health), settings, metrics)?;
        Ok(Self { writer, readers, list_readers: OnceLock::new(), lists, health })
    }

    /// Lets the database grow to so many pages and no further: the disk is full.
    #[cfg(test)]
    pub(in crate::storage) async fn limit_pages(&self, pages: Option<u32>) {
        let (reply, answer) = oneshot::channel();
        self.writer.send(SqliteJob::LimitPages { pages, reply });
        answer.await.unwrap();
    }

    /// Has the next commit end with this error of SQLite, whatever it did.
    #[cfg(test)]
    pub(in crate::storage) fn fail_commit(&self, extended_code: i32) {
        self.writer.send(SqliteJob::FailCommit { extended_code });
    }

    fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        self.readers.ask(ask)
    }

    /// Lists are asked for now and then, so their readers come with the first one.
    fn read_list<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        if self.list_readers.get().is_none()
            && let Ok(readers) = Readers::start(&self.health, self.lists)
        {
            drop(self.list_readers.set(readers));
        }
        // Where none can be opened any more, what is open can still be read.
        self.list_readers.get().unwrap_or(&self.readers).ask(ask)
    }

    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> SqliteJob,
    ) -> StoreFuture<'_, T> {
        let (reply, answer) = oneshot::channel();
        self.writer.send(job(reply));
        answered(answer)
    }
}

impl LogStore for SqliteStore {
    fn append(&self, append: Append) -> StoreFuture<'_, ()> {
        self.write(|reply| SqliteJob::Append { append, reply })
    }

    fn has_append(&self, conversation: &ConversationId, append: AppendId) -> StoreFuture<'_, bool> {
        let conversation = conversation.clone();
        // By the writer, so that the answer stands behind every commit.
        self.write(move |reply| SqliteJob::HasAppend { conversation, append, reply })
    }

    fn load(&self, id: &ConversationId, recent: usize) -> StoreFuture<'_, Option<LoadedConversation>> {
        let id = id.clone();
        self.read(move |connection| read::load(connection, &id, recent))
    }

    fn messages_after(
        &self,
        id: &ConversationId,
        after: SequenceId,
        limit: usize,
        bytes: usize,
    ) -> StoreFuture<'_, Vec<Arc<Message>>> {
        let id = id.clone();
        self.read(move |connection| read::messages_after(connection, &id, after, limit, bytes))
    }

    fn find_sent(&self, id: &ConversationId, keys: Vec<SentKey>) -> StoreFuture<'_, Vec<Option<Arc<Message>>>> {
        let id = id.clone();
        self.read(move |connection| read::find_sent(connection, &id, &keys))
    }
}

impl LogQueries for SqliteStore {
    fn count_by_others(
        &self,
        id: &ConversationId,
        reader: &UserId,
        after: SequenceId,
        up_to: SequenceId,
    ) -> StoreFuture<'_, u64> {
        let (id, reader) = (id.clone(), reader.clone());
        self.read_list(move |connection| read::count_by_others(connection, &id, &reader, after, up_to))
    }

    fn conversations_of(&self, user: &UserId, offset: usize, limit: usize) -> StoreFuture<'_, ConversationPage> {
        let user = user.clone();
        self.read_list(move |connection| read::conversations_of(connection, &user, offset, limit))
    }

    fn count_own(&self, user: &UserId) -> StoreFuture<'_, usize> {
        let user = user.clone();
        self.read_list(move |connection| read::count_own(connection, &user))
    }

    fn conversation_of_invite(&self, invite: &InviteId) -> StoreFuture<'_, Option<ConversationId>> {
        let invite = invite.clone();
        self.read_list(move |connection| read::conversation_of_invite(connection, &invite))
    }
}

impl Store for SqliteStore {
    fn check(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            // It looks at the file, which may take its time.
            let health = Arc::clone(&self.health);
            let is_good = tokio::task::spawn_blocking(move || health.is_good()).await;
            if is_good.unwrap_or(false) { Ok(()) } else { self.write(SqliteJob::Probe).await }
        })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            self.readers.close().await;
            if let Some(lists) = self.list_readers.get() {
                lists.close().await;
            }
            self.writer.close().await;
            Ok(())
        })
    }
}
