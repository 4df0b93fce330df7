//! Connections that only read, a thread each. They see what is committed and never wait for the writer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;
use tracing::{Dispatch, dispatcher, warn};

use super::health::SqliteHealth;
use super::open;
use crate::storage::error::{OpenError, StoreError};
use crate::storage::store::{StoreFuture, answered};

/// A question, and what to do with the connection's answer.
type ReadJob = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

/// The threads and the one queue that they share. The first thread is there from the start, the others come when
/// questions wait.
pub(super) struct Readers {
    jobs: Mutex<Option<Sender<ReadJob>>>,
    waiting: Arc<Mutex<Receiver<ReadJob>>>,
    /// Questions that are asked and not answered.
    busy: Arc<AtomicUsize>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    most: usize,
    health: Arc<SqliteHealth>,
    dispatch: Dispatch,
}

impl Readers {
    /// Opens the first connection and starts its thread. There will be `most` of them.
    pub(super) fn start(health: &Arc<SqliteHealth>, most: usize) -> Result<Self, OpenError> {
        let (sender, receiver) = channel();
        let readers = Self {
            jobs: Mutex::new(Some(sender)),
            waiting: Arc::new(Mutex::new(receiver)),
            busy: Arc::default(),
            threads: Mutex::default(),
            most,
            health: Arc::clone(health),
            dispatch: dispatcher::get_default(Dispatch::clone),
        };
        readers.add(&mut readers.threads.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(readers)
    }

    fn add(&self, threads: &mut Vec<JoinHandle<()>>) -> Result<(), OpenError> {
        let (waiting, busy, health, dispatch) =
            (Arc::clone(&self.waiting), Arc::clone(&self.busy), Arc::clone(&self.health), self.dispatch.clone());
        let failed = |problem: String| OpenError::file(self.health.file(), problem);
        // Open already, so that what is there can be read when the file is gone.
        let connection = open::reader(self.health.file()).map_err(|error| failed(open::explain(&error)))?;
        let open = Some((self.health.generation(), connection));
        let thread = Builder::new()
            .name(format!("store-reader-{}", threads.len() + 1))
            .spawn(move || dispatcher::with_default(&dispatch, || serve(&waiting, &busy, &health, open)))
            .map_err(|error| failed(error.to_string()))?;
        threads.push(thread);
        Ok(())
    }

    /// Has one of the connections answer.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (reply, answer) = oneshot::channel();
        let job: ReadJob = Box::new(move |connection| {
            // Whoever asked may have gone meanwhile; then nothing is read for it.
            if !reply.is_closed() {
                let _ = reply.send(connection.and_then(ask));
            }
        });
        if let Some(jobs) = &*self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            if self.busy.fetch_add(1, Ordering::AcqRel) >= threads.len() && threads.len() < self.most {
                // One less is slower and no worse.
                if let Err(error) = self.add(&mut threads) {
                    warn!(%error, "no further connection that reads");
                }
            }
            let _ = jobs.send(job);
        }
        answered(answer)
    }

    /// Ends the threads behind what they were asked.
    pub(super) async fn close(&self) {
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joining = tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| drop(thread.join())));
        let _ = joining.await;
    }
}

fn serve(
    jobs: &Mutex<Receiver<ReadJob>>,
    busy: &AtomicUsize,
    health: &SqliteHealth,
    mut open: Option<(u64, Connection)>,
) {
    loop {
        // The lock is held while waiting: one thread waits for the next job, the others for their turn.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else {
            return;
        };
        let generation = health.generation();
        if open.as_ref().is_none_or(|(of, _)| *of != generation) {
            match open::reader(health.file()) {
                Ok(connection) => open = Some((generation, connection)),
                Err(error) => {
                    open = None;
                    job(Err(StoreError::failed(open::explain(&error))));
                    busy.fetch_sub(1, Ordering::AcqRel);
                    continue;
                }
            }
        }
        if let Some((_, connection)) = &open {
            job(Ok(connection));
        }
        busy.fetch_sub(1, Ordering::AcqRel);
    }
}
