//! The log in an SQLite database: one writer thread, several readers, one folder that nobody else uses.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::info;

use super::folder::Folder;
use super::health::Health;
use super::readers::Readers;
use super::writer::{Job, Writer};
use super::{open, read};
use crate::domain::{ConversationId, InviteId, Message, SequenceId, UserId};
use crate::log::{SentKey, StoredState};
use crate::metrics::StoreMetrics;
use crate::storage::append::{Append, AppendId};
use crate::storage::error::{OpenError, StoreError};
use crate::storage::settings::StoreSettings;
use crate::storage::store::{ConversationPage, Store, StoreFuture};

/// The database file in the data folder.
const FILE_NAME: &str = "chat.db";

/// A [`Store`] in a file.
pub(crate) struct SqliteStore {
    writer: Writer,
    readers: Readers,
    health: Arc<Health>,
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
        let health = Arc::new(Health::new(file)?);
        info!(file = %health.file().display(), durability = ?settings.durability, "database opened");
        let readers = Readers::start(&health, settings.readers)?;
        let writer = Writer::start(connection, held, Arc::clone(&health), settings, metrics)?;
        Ok(Self { writer, readers, health })
    }

    /// Lets the database grow to so many pages and no further: the disk is full.
    #[cfg(test)]
    pub(in crate::storage) async fn limit_pages(&self, pages: Option<u32>) {
        let (reply, answer) = oneshot::channel();
        self.writer.send(Job::LimitPages { pages, reply });
        answer.await.unwrap();
    }

    fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        self.readers.ask(ask)
    }

    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> StoreFuture<'_, T> {
        let (reply, answer) = oneshot::channel();
        self.writer.send(job(reply));
        Box::pin(async { answer.await.unwrap_or_else(|_| Err(StoreError::failed("the store is closed"))) })
    }
}

impl Store for SqliteStore {
    fn append(&self, append: Append) -> StoreFuture<'_, ()> {
        self.write(|reply| Job::Append { append, reply })
    }

    fn has_append(&self, conversation: &ConversationId, append: AppendId) -> StoreFuture<'_, bool> {
        let conversation = conversation.clone();
        // By the writer, so that the answer stands behind every commit.
        self.write(move |reply| Job::HasAppend { conversation, append, reply })
    }

    fn load(&self, id: &ConversationId, recent: usize) -> StoreFuture<'_, Option<StoredState>> {
        let id = id.clone();
        self.read(move |connection| read::load(connection, &id, recent))
    }

    fn messages_after(
        &self,
        id: &ConversationId,
        after: SequenceId,
        limit: usize,
    ) -> StoreFuture<'_, Vec<Arc<Message>>> {
        let id = id.clone();
        self.read(move |connection| read::messages_after(connection, &id, after, limit))
    }

    fn find_sent(&self, id: &ConversationId, keys: Vec<SentKey>) -> StoreFuture<'_, Vec<Option<Arc<Message>>>> {
        let id = id.clone();
        self.read(move |connection| read::find_sent(connection, &id, &keys))
    }

    fn count_by_others(
        &self,
        id: &ConversationId,
        reader: &UserId,
        after: SequenceId,
        up_to: SequenceId,
    ) -> StoreFuture<'_, u64> {
        let (id, reader) = (id.clone(), reader.clone());
        self.read(move |connection| read::count_by_others(connection, &id, &reader, after, up_to))
    }

    fn conversations_of(&self, user: &UserId, offset: usize, limit: usize) -> StoreFuture<'_, ConversationPage> {
        let user = user.clone();
        self.read(move |connection| read::conversations_of(connection, &user, offset, limit))
    }

    fn conversation_of_invite(&self, invite: &InviteId) -> StoreFuture<'_, Option<ConversationId>> {
        let invite = invite.clone();
        self.read(move |connection| read::conversation_of_invite(connection, &invite))
    }

    fn check(&self) -> StoreFuture<'_, ()> {
        if self.health.is_good() {
            return Box::pin(std::future::ready(Ok(())));
        }
        self.write(Job::Probe)
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            self.readers.close().await;
            self.writer.close().await;
            Ok(())
        })
    }
}
