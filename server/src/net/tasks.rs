//! Ending: spawned tasks that can be waited for and cut off.

use std::future::{Future, poll_fn};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

/// Tasks that must not outlive their owner. Dropping it aborts them.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    running: Mutex<JoinSet<()>>,
}

impl Tasks {
    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a task.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.lock();
        // Ended tasks are let go here, so that the set does not grow with time.
        while running.try_join_next().is_some() {}
        running.spawn(task);
    }

    /// Waits until all tasks have ended by themselves, those that are spawned meanwhile included.
    pub(crate) async fn finish(&self) {
        while poll_fn(|context| self.lock().poll_join_next(context)).await.is_some() {}
    }

    /// Aborts all tasks and waits until they are gone.
    pub(crate) async fn end(&self) {
        let mut taken = std::mem::take(&mut *self.lock());
        taken.shutdown().await;
    }
}
