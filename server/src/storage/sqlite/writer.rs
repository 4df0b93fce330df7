//! The one thread that writes: it takes what waits into one transaction, and answers behind the commit.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;
use tracing::{Dispatch, debug, dispatcher};

use super::folder::Folder;
use super::health::Health;
use super::open;
use super::write::{AppendError, put};
use crate::domain::ConversationId;
use crate::metrics::StoreMetrics;
use crate::storage::append::{Append, AppendId};
use crate::storage::error::{OpenError, StoreError};
use crate::storage::settings::StoreSettings;

/// How long a transaction takes in more of what waits. The appends before it wait for its commit.
const GATHERING: Duration = Duration::from_millis(20);

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer can be asked. The answer may be given up.
pub(super) enum Job {
    /// Make records durable.
    Append { append: Append, reply: Reply<()> },
    /// Say whether an append came through.
    HasAppend { conversation: ConversationId, append: AppendId, reply: Reply<bool> },
    /// Try a commit.
    Probe(Reply<()>),
    /// See [`super::SqliteStore::limit_pages`].
    #[cfg(test)]
    LimitPages { pages: Option<u32>, reply: oneshot::Sender<()> },
    /// See [`super::SqliteStore::fail_commit`].
    #[cfg(test)]
    FailCommit { extended_code: i32 },
}

/// The way to the thread.
pub(super) struct Writer {
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread. It holds the folder until it ends.
    pub(super) fn start(
        connection: Connection,
        folder: Folder,
        health: Arc<Health>,
        settings: StoreSettings,
        metrics: StoreMetrics,
    ) -> Result<Self, OpenError> {
        let file = health.file().to_owned();
        let newest = newest_ordinal(&connection, &file)?;
        let (jobs, waiting) = channel();
        let dispatch = dispatcher::get_default(Dispatch::clone);
        let thread = Thread {
            connection: Some(connection),
            doubts: false,
            #[cfg(test)]
            commit_fault: None,
            ordinal: newest + 1,
            health,
            settings,
            metrics,
            _folder: folder,
        };
        let thread = Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || dispatcher::with_default(&dispatch, || thread.run(&waiting)))
            .map_err(|problem| OpenError::file(&file, problem.to_string()))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Hands a job over. One that comes too late is dropped, which its reply tells.
    pub(super) fn send(&self, job: Job) {
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

struct Thread {
    /// None while the database is lost.
    connection: Option<Connection>,
    /// The outcome of a commit is not known: before anybody is told, what can be read is brought to the disk.
    doubts: bool,
    /// What the next commit says, whatever it did.
    #[cfg(test)]
    commit_fault: Option<rusqlite::Error>,
    /// The next activity's.
    ordinal: i64,
    health: Arc<Health>,
    settings: StoreSettings,
    metrics: StoreMetrics,
    /// Let go last, when the connection is closed.
    _folder: Folder,
}

/// An append in a transaction.
struct Entry {
    append: Append,
    reply: Reply<()>,
    /// How it fared, but for the commit.
    result: Result<(), StoreError>,
}

impl Thread {
    fn run(mut self, waiting: &Receiver<Job>) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| waiting.recv().ok()) {
            match job {
                Job::Append { append, reply } => next = self.transaction(append, reply, waiting),
                Job::HasAppend { conversation, append, reply } => {
                    let settled = self.settle_doubt();
                    let found = settled.and_then(|()| has_append(self.reconnected()?, &conversation, append));
                    let _ = reply.send(found);
                }
                Job::Probe(reply) => {
                    let _ = reply.send(self.probe());
                }
                #[cfg(test)]
                Job::FailCommit { extended_code } => {
                    let error = rusqlite::ffi::Error::new(extended_code);
                    self.commit_fault = Some(rusqlite::Error::SqliteFailure(error, None));
                }
                #[cfg(test)]
                Job::LimitPages { pages, reply } => {
                    let limit = pages.unwrap_or(u32::MAX);
                    let limited = self.reconnected().unwrap().pragma_update(None, "max_page_count", limit);
                    limited.unwrap();
                    reply.send(()).unwrap();
                }
            }
        }
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
            open::writer_again(file, self.settings.durability)
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

    /// One transaction with this append and those that wait, up to the limits. Gives back what it could not take in.
    fn transaction(&mut self, first: Append, reply: Reply<()>, waiting: &Receiver<Job>) -> Option<Job> {
        let limits = self.settings.limits;
        let (mut appends, mut bytes, mut records) = (0, 0, 0);
        let mut batch: Vec<Entry> = Vec::new();
        let mut next = Some(Job::Append { append: first, reply });
        let began = Instant::now();
        let ordinal = self.ordinal;
        let mut failure = self.begin().err();
        // Whether each append gets a savepoint. That costs more than the rest of it, and hardly ever is one needed.
        let mut careful = false;
        loop {
            match next {
                Some(Job::Append { append, reply })
                    if batch.is_empty() || appends < limits.appends && bytes < limits.bytes =>
                {
                    appends += 1;
                    bytes += append.weight();
                    records += append.records.len();
                    let put = match &failure {
                        Some(_) => Ok(()),
                        None => self.put(&append, careful),
                    };
                    batch.push(Entry { append, reply, result: Ok(()) });
                    match put {
                        Ok(()) => {}
                        // A broken database takes the whole transaction with it.
                        Err(trouble @ TransactionError::All(_)) => failure = Some(trouble),
                        Err(TransactionError::One(error)) if careful => {
                            batch.last_mut().into_iter().for_each(|entry| entry.result = Err(error.clone()));
                        }
                        // What it left behind can only go with everything before it.
                        Err(TransactionError::One(_)) => {
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
                self.undo();
                Err(trouble.error())
            }
            None => self.note_activity(ordinal).and_then(|()| self.commit()),
        };
        if outcome.is_err() {
            self.ordinal = ordinal;
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
    fn start_over(&mut self, batch: &mut [Entry], ordinal: i64) -> Result<(), TransactionError> {
        self.undo();
        self.ordinal = ordinal;
        self.begin()?;
        for entry in batch {
            match self.put(&entry.append, true) {
                Ok(()) => {}
                Err(TransactionError::One(error)) => entry.result = Err(error),
                Err(trouble @ TransactionError::All(_)) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// Keeps the newest ordinal, if the transaction used any.
    fn note_activity(&mut self, before: i64) -> Result<(), StoreError> {
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

    fn begin(&mut self) -> Result<(), TransactionError> {
        self.settle_doubt().map_err(TransactionError::All)?;
        let open = self.reconnected().map_err(TransactionError::All)?;
        execute(open, "BEGIN IMMEDIATE").map_err(|error| self.broken(&error))
    }

    /// Puts one append into the transaction. One that does not fit leaves no trace if this is `careful`.
    fn put(&mut self, append: &Append, careful: bool) -> Result<(), TransactionError> {
        let Some(open) = &self.connection else {
            return Err(TransactionError::All(StoreError::failed("the database is not open")));
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
                    Ok(()) => Err(TransactionError::One(error)),
                    Err(error) => Err(self.broken(&error)),
                }
            }
            Err(AppendError::Database(error)) => Err(self.broken(&error)),
        }
    }

    fn commit(&mut self) -> Result<(), StoreError> {
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
    fn undo(&mut self) {
        if let Some(open) = &self.connection
            && !open.is_autocommit()
            && execute(open, "ROLLBACK").is_err()
        {
            self.connection = None;
        }
    }

    /// Writes something that needs room on the disk.
    fn probe(&mut self) -> Result<(), StoreError> {
        const ROOM: i64 = 64 << 10;
        self.begin().map_err(TransactionError::error)?;
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
    fn broken(&mut self, error: &rusqlite::Error) -> TransactionError {
        use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, SystemIoFailure};
        let problem = open::explain(error);
        self.health.fails(&problem);
        if let Some(CannotOpen | DatabaseCorrupt | NotADatabase | SystemIoFailure) = error.sqlite_error_code() {
            self.connection = None;
        }
        TransactionError::All(StoreError::failed(problem))
    }
}

/// Whether a COMMIT that failed so may have happened: the disk failed while it was written or synchronised.
fn leaves_doubt(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::SystemIoFailure))
}

/// Whom a failure concerns.
#[derive(Debug, Clone)]
enum TransactionError {
    /// The append alone.
    One(StoreError),
    /// The whole transaction.
    All(StoreError),
}

impl TransactionError {
    fn error(self) -> StoreError {
        match self {
            Self::One(error) | Self::All(error) => error,
        }
    }
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

fn has_append(connection: &Connection, id: &ConversationId, append: AppendId) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT last_append FROM conversations WHERE id = ?1")?;
    let last: Option<Vec<u8>> = statement.query_row([id.as_str()], |row| row.get(0)).optional()?;
    Ok(last.is_some_and(|last| last == append.as_bytes()))
}
