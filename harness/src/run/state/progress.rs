//! What a scenario waits for at this moment, so that a run that is ended can say so.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::event::{Place, Waiting};
use crate::lock::lock;

/// The waits of one scenario. The runner holds it too, and reads it from outside.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    next: AtomicUsize,
    waits: Mutex<BTreeMap<usize, Wait>>,
}

#[derive(Debug)]
struct Wait {
    participant: Option<String>,
    what: String,
    since: Instant,
    place: Option<Place>,
}

/// A wait that goes on until this is dropped.
#[must_use = "the wait ends where this is dropped"]
pub(crate) struct WaitGuard {
    progress: Arc<Progress>,
    number: usize,
}

impl Drop for WaitGuard {
    fn drop(&mut self) {
        lock(&self.progress.waits).remove(&self.number);
    }
}

impl Progress {
    /// Begins a wait.
    pub(crate) fn wait(
        self: &Arc<Self>,
        participant: Option<&str>,
        what: impl Into<String>,
        place: Option<&Place>,
    ) -> WaitGuard {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let wait = Wait {
            participant: participant.map(str::to_owned),
            what: what.into(),
            since: Instant::now(),
            place: place.cloned(),
        };
        lock(&self.waits).insert(number, wait);
        WaitGuard { progress: Arc::clone(self), number }
    }

    /// Everything that is waited for now, the longest first.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let waits = lock(&self.waits);
        waits
            .values()
            .map(|wait| Waiting {
                participant: wait.participant.clone(),
                what: wait.what.clone(),
                waited: wait.since.elapsed(),
                place: wait.place.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_until_it_ends() {
        let progress = Arc::new(Progress::default());
        let first = progress.wait(Some("ann"), "GET /never", None);
        let second = progress.wait(None, "the server", None);
        let told = |progress: &Progress| -> Vec<String> {
            progress.waiting().into_iter().map(|waiting| waiting.what).collect()
        };
        assert_eq!(told(&progress), ["GET /never", "the server"]);
        drop(first);
        assert_eq!(told(&progress), ["the server"]);
        drop(second);
        assert!(progress.waiting().is_empty());
    }
}
