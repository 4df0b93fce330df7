//! The one thread that writes: it takes what waits into one transaction, and answers behind the commit.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;
use tracing::{Dispatch, debug, dispatcher};

use super::connection::{SqliteTransactionError, WriterConnection};
use super::folder::Folder;
use super::health::SqliteHealth;
use crate::domain::ConversationId;
use crate::metrics::StoreMetrics;
use crate::storage::append::{Append, AppendId, BatchLimits};
use crate::storage::error::{OpenError, StoreError};
use crate::storage::settings::StoreSettings;

/// How long a transaction takes in more of what waits. The appends before it wait for its commit.
const GATHERING: Duration = Duration::from_millis(20);

type SqliteReply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer can be asked. The answer may be given up.
pub(super) enum SqliteJob {
    /// Make records durable.
    Append { append: Append, reply: SqliteReply<()> },
    /// Say whether an append came through.
    HasAppend { conversation: ConversationId, append: AppendId, reply: SqliteReply<bool> },
    /// Try a commit.
    Probe(SqliteReply<()>),
    /// See [`super::SqliteStore::limit_pages`].
    #[cfg(test)]
    LimitPages { pages: Option<u32>, reply: oneshot::Sender<()> },
    /// See [`super::SqliteStore::fail_commit`].
    #[cfg(test)]
    FailCommit { extended_code: i32 },
}

/// The way to the thread.
pub(super) struct Writer {
    jobs: Mutex<Option<Sender<SqliteJob>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread. It holds the folder until it ends.
    pub(super) fn start(
        connection: Connection,
        folder: Folder,
        health: Arc<SqliteHealth>,
        settings: StoreSettings,
        metrics: StoreMetrics,
    ) -> Result<Self, OpenError> {
        let file = health.file().to_owned();
        let (jobs, waiting) = channel();
        let dispatch = dispatcher::get_default(Dispatch::clone);
        let database = WriterConnection::new(connection, health, settings.durability)?;
        let thread = Thread { database, limits: settings.limits, metrics, _folder: folder };
        let thread = Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || dispatcher::with_default(&dispatch, || thread.run(&waiting)))
            .map_err(|problem| OpenError::file(&file, problem.to_string()))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Hands a job over. One that comes too late is dropped, which its reply tells.
    pub(super) fn send(&self, job: SqliteJob) {
        if let Some(jobs) = &*self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = jobs.send(job);
        }
    }

    /// Ends the thread behind what it was given.
    pub(super) async fn close(&self) {
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let joining = tokio::task::spawn_blocking(|| thread.map(JoinHandle::join));
        let _ = joining.await;
    }
}

/// What the thread has. Fields are dropped in this order: the folder last, when the connection is closed.
struct Thread {
    database: WriterConnection,
    limits: BatchLimits,
    metrics: StoreMetrics,
    _folder: Folder,
}

/// An append in a transaction.
struct Entry {
    append: Append,
    reply: SqliteReply<()>,
    /// How it fared, but for the commit.
    result: Result<(), StoreError>,
}

impl Thread {
    fn run(mut self, waiting: &Receiver<SqliteJob>) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| waiting.recv().ok()) {
            match job {
                SqliteJob::Append { append, reply } => next = self.transaction(append, reply, waiting),
                SqliteJob::HasAppend { conversation, append, reply } => {
                    let _ = reply.send(self.database.has_append(&conversation, append));
                }
                SqliteJob::Probe(reply) => {
                    let _ = reply.send(self.database.probe());
                }
                #[cfg(test)]
                SqliteJob::FailCommit { extended_code } => {
                    let error = rusqlite::ffi::Error::new(extended_code);
                    self.database.commit_fault = Some(rusqlite::Error::SqliteFailure(error, None));
                }
                #[cfg(test)]
                SqliteJob::LimitPages { pages, reply } => {
                    self.database.limit_pages(pages.unwrap_or(u32::MAX));
                    reply.send(()).unwrap();
                }
            }
        }
    }

    /// One transaction with this append and those that wait, up to the limits. Gives back what it could not take in.
    fn transaction(
        &mut self,
        first: Append,
        reply: SqliteReply<()>,
        waiting: &Receiver<SqliteJob>,
    ) -> Option<SqliteJob> {
        let limits = self.limits;
        let (mut appends, mut bytes, mut records) = (0, 0, 0);
        let mut batch: Vec<Entry> = Vec::new();
        let mut next = Some(SqliteJob::Append { append: first, reply });
        let began = Instant::now();
        let ordinal = self.database.ordinal();
        let mut failure = self.database.begin().err();
        // Whether each append gets a savepoint. That costs more than the rest of it, and hardly ever is one needed.
        let mut careful = false;
        loop {
            match next {
                Some(SqliteJob::Append { append, reply })
                    if batch.is_empty() || appends < limits.appends && bytes < limits.bytes =>
                {
                    appends += 1;
                    bytes += append.weight();
                    records += append.records.len();
                    let put = match &failure {
                        Some(_) => Ok(()),
                        None => self.database.put(&append, careful),
                    };
                    batch.push(Entry { append, reply, result: Ok(()) });
                    match put {
                        Ok(()) => {}
                        // A broken database takes the whole transaction with it.
                        Err(trouble @ SqliteTransactionError::All(_)) => failure = Some(trouble),
                        Err(SqliteTransactionError::One(error)) if careful => {
                            batch.last_mut().into_iter().for_each(|entry| entry.result = Err(error.clone()));
                        }
                        // What it left behind can only go with everything before it.
                        Err(SqliteTransactionError::One(_)) => {
                            careful = true;
                            failure = self.start_over(&mut batch, ordinal).err();
                        }
                    }
                }
                other => {
                    next = other;
                    break;
                }
            }
            next = if began.elapsed() < GATHERING { waiting.try_recv().ok() } else { None };
            if next.is_none() {
                break;
            }
        }
        let outcome = match failure {
            Some(trouble) => {
                self.database.undo();
                Err(trouble.error())
            }
            None => self.database.note_activity(ordinal).and_then(|()| self.database.commit()),
        };
        if outcome.is_err() {
            self.database.reset_ordinal(ordinal);
        }
        match &outcome {
            Ok(()) => self.metrics.committed(records, began.elapsed()),
            Err(_) => self.metrics.failed(),
        }
        debug!(appends, bytes, micros = began.elapsed().as_micros(), works = outcome.is_ok(), "transaction");
        for Entry { reply, result, .. } in batch {
            let _ = reply.send(match &outcome {
                Ok(()) => result,
                Err(error) => Err(error.clone()),
            });
        }
        next
    }

    /// Begins the transaction anew, this time with a savepoint for each append.
    fn start_over(&mut self, batch: &mut [Entry], ordinal: i64) -> Result<(), SqliteTransactionError> {
        self.database.undo();
        self.database.reset_ordinal(ordinal);
        self.database.begin()?;
        for entry in batch {
            match self.database.put(&entry.append, true) {
                Ok(()) => {}
                Err(SqliteTransactionError::One(error)) => entry.result = Err(error),
                Err(trouble @ SqliteTransactionError::All(_)) => return Err(trouble),
            }
        }
        Ok(())
    }
}
