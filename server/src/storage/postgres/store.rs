//! The log in a PostgreSQL database: one connection that writes and holds the database for this server, and a pool of
//! connections that read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::info;
use tracing::instrument::WithSubscriber;

use super::connect::DatabaseAddress;
use super::writer::{PostgresJob, Writer};
use super::{load, read};
use crate::domain::{ConversationId, InviteId, Message, SequenceId, UserId};
use crate::log::SentKey;
use crate::metrics::StoreMetrics;
use crate::storage::append::{Append, AppendId};
use crate::storage::error::{OpenError, StoreError};
use crate::storage::settings::StoreSettings;
use crate::storage::store::{ConversationPage, LoadedConversation, LogQueries, LogStore, Store, StoreFuture, answered};

/// A [`Store`] in a database server.
pub(crate) struct PostgresStore {
    jobs: Mutex<Option<mpsc::UnboundedSender<PostgresJob>>>,
    writing: Mutex<Option<JoinHandle<()>>>,
    /// For what sends wait for.
    pool: Pool,
    /// For lists and counts, so that however many are asked for no send waits.
    list_pool: Pool,
    timeout: Duration,
}

impl PostgresStore {
    /// Connects, makes or migrates the tables, and takes hold of the database.
    pub(crate) async fn open(url: &str, settings: StoreSettings, metrics: StoreMetrics) -> Result<Self, OpenError> {
        let place = Arc::new(DatabaseAddress::parse(url, settings)?);
        let session = place.open().await?;
        info!(database = %place, durability = ?settings.durability, "database opened");
        let lists = (settings.readers / 4).max(1);
        let pool = place.pool(settings.readers.saturating_sub(lists).max(1))?;
        let list_pool = place.pool(lists)?;
        let (jobs, waiting) = mpsc::unbounded_channel();
        let writer = Writer::new(place, session, settings, metrics);
        let writing = tokio::spawn(writer.run(waiting).with_current_subscriber());
        let (jobs, writing) = (Mutex::new(Some(jobs)), Mutex::new(Some(writing)));
        Ok(Self { jobs, writing, pool, list_pool, timeout: settings.timeout })
    }

    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> PostgresJob,
    ) -> StoreFuture<'_, T> {
        let (reply, answer) = oneshot::channel();
        if let Some(jobs) = &*self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            // A job that comes too late is dropped, which its reply tells.
            let _ = jobs.send(job(reply));
        }
        answered(answer)
    }

    /// Asks a connection of the pool; once more on another one, if the first turns out to be broken.
    fn read<'a, T: Send + 'a, F>(
        &'a self,
        pool: &'a Pool,
        ask: impl Fn(Object) -> F + Send + Sync + 'a,
    ) -> StoreFuture<'a, T>
    where
        F: Future<Output = Result<T, read::ReadError>> + Send + 'a,
    {
        Box::pin(async move {
            let asking = async {
                loop {
                    let client = pool.get().await.map_err(|error| StoreError::failed(describe_pool(&error)))?;
                    match ask(client).await {
                        Err(error) if error.is_broken() => {
                            // The connections that broke with it are gone; the next one is new.
                            pool.retain(|client, _| !client.is_closed());
                        }
                        result => return result.map_err(StoreError::from),
                    }
                }
            };
            let late = || StoreError::failed(format!("the database did not answer within {:?}", self.timeout));
            tokio::time::timeout(self.timeout, asking).await.unwrap_or_else(|_| Err(late()))
        })
    }
}

/// The way to a database, for tests.
#[cfg(test)]
pub(in crate::storage) fn place(url: &str, settings: StoreSettings) -> DatabaseAddress {
    DatabaseAddress::parse(url, settings).unwrap()
}

fn describe_pool(error: &deadpool_postgres::PoolError) -> String {
    match error {
        deadpool_postgres::PoolError::Backend(error) => super::connect::describe(error),
        error => error.to_string(),
    }
}

impl LogStore for PostgresStore {
    fn append(&self, append: Append) -> StoreFuture<'_, ()> {
        self.write(|reply| PostgresJob::Append { append, reply })
    }

    fn has_append(&self, conversation: &ConversationId, append: AppendId) -> StoreFuture<'_, bool> {
        let conversation = conversation.clone();
        // By the writer, which first waits until nobody else can commit any more.
        self.write(move |reply| PostgresJob::HasAppend { conversation, append, reply })
    }

    fn load(&self, id: &ConversationId, recent: usize) -> StoreFuture<'_, Option<LoadedConversation>> {
        let id = id.clone();
        self.read(&self.pool, move |client| load::load(client, id.clone(), recent))
    }

    fn messages_after(
        &self,
        id: &ConversationId,
        after: SequenceId,
        limit: usize,
        bytes: usize,
    ) -> StoreFuture<'_, Vec<Arc<Message>>> {
        let id = id.clone();
        self.read(&self.pool, move |client| read::messages_after(client, id.clone(), after, limit, bytes))
    }

    fn find_sent(&self, id: &ConversationId, keys: Vec<SentKey>) -> StoreFuture<'_, Vec<Option<Arc<Message>>>> {
        let (id, keys) = (id.clone(), Arc::new(keys));
        self.read(&self.pool, move |client| read::find_sent(client, id.clone(), Arc::clone(&keys)))
    }
}

impl LogQueries for PostgresStore {
    fn count_by_others(
        &self,
        id: &ConversationId,
        reader: &UserId,
        after: SequenceId,
        up_to: SequenceId,
    ) -> StoreFuture<'_, u64> {
        let (id, reader) = (id.clone(), reader.clone());
        self.read(&self.list_pool, move |client| {
            read::count_by_others(client, id.clone(), reader.clone(), after, up_to)
        })
    }

    fn conversations_of(&self, user: &UserId, offset: usize, limit: usize) -> StoreFuture<'_, ConversationPage> {
        let user = user.clone();
        self.read(&self.list_pool, move |client| read::conversations_of(client, user.clone(), offset, limit))
    }

    fn count_own(&self, user: &UserId) -> StoreFuture<'_, usize> {
        let user = user.clone();
        self.read(&self.list_pool, move |client| read::count_own(client, user.clone()))
    }

    fn conversation_of_invite(&self, invite: &InviteId) -> StoreFuture<'_, Option<ConversationId>> {
        let invite = invite.clone();
        self.read(&self.list_pool, move |client| read::conversation_of_invite(client, invite.clone()))
    }
}

impl Store for PostgresStore {
    fn check(&self) -> StoreFuture<'_, ()> {
        self.write(PostgresJob::Check)
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(writing) = writing {
                let _ = writing.await;
            }
            self.pool.close();
            self.list_pool.close();
            Ok(())
        })
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.pool.close();
        self.list_pool.close();
    }
}
