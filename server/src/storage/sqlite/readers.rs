//! Connections that only read, a thread each. They see what is committed and never wait for the writer.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;
use tracing::{Dispatch, dispatcher};

use super::health::Health;
use super::open;
use crate::storage::error::{OpenError, StoreError};
use crate::storage::store::StoreFuture;

/// A question, and what to do with the connection's answer.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

/// The threads and the one queue that they share.
pub(super) struct Readers {
    jobs: Mutex<Option<Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    /// Opens the connections and starts the threads.
    pub(super) fn start(health: &Arc<Health>, count: usize) -> Result<Self, OpenError> {
        let (sender, receiver) = channel();
        let receiver: Arc<Mutex<Receiver<Job>>> = Arc::new(Mutex::new(receiver));
        let dispatch = dispatcher::get_default(Dispatch::clone);
        let start = |number| {
            let (receiver, health, dispatch) = (Arc::clone(&receiver), Arc::clone(health), dispatch.clone());
            let file = health.file().to_owned();
            // Open already, so that what is there can be read when the file is gone.
            let failed = |problem: String| OpenError::file(health.file(), problem);
            let connection = open::reader(health.file()).map_err(|error| failed(open::explain(&error)))?;
            let open = Some((health.generation(), connection));
            Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || dispatcher::with_default(&dispatch, || serve(&receiver, &health, open)))
                .map_err(|error| OpenError::file(&file, error.to_string()))
        };
        let threads = (1..=count).map(start).collect::<Result<_, _>>()?;
        Ok(Self { jobs: Mutex::new(Some(sender)), threads: Mutex::new(threads) })
    }

    /// Has one of the connections answer.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may have gone meanwhile; then nothing is read for it.
            if !reply.is_closed() {
                let _ = reply.send(connection.and_then(ask));
            }
        });
        if let Some(jobs) = &*self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = jobs.send(job);
        }
        Box::pin(async { answer.await.unwrap_or_else(|_| Err(StoreError::failed("the store is closed"))) })
    }

    /// Ends the threads behind what they were asked.
    pub(super) async fn close(&self) {
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joining = tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| drop(thread.join())));
        let _ = joining.await;
    }
}

fn serve(jobs: &Mutex<Receiver<Job>>, health: &Health, mut open: Option<(u64, Connection)>) {
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
                    continue;
                }
            }
        }
        if let Some((_, connection)) = &open {
            job(Ok(connection));
        }
    }
}
