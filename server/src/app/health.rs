//! Whether the store takes commits, as far as that was asked lately.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// What is known of the store. However many ask, it is looked at once in a period, by one of them.
#[derive(Debug)]
pub(crate) struct StoreHealth {
    known: Mutex<Option<(Instant, bool)>>,
    period: Duration,
}

impl StoreHealth {
    /// Nothing is known yet.
    pub(super) fn new(period: Duration) -> Self {
        Self { known: Mutex::new(None), period }
    }

    /// What was known a moment ago, or else what `look` finds.
    pub(super) async fn works(&self, look: impl Future<Output = bool>) -> bool {
        let mut known = self.known.lock().await;
        if let Some((at, works)) = *known
            && at.elapsed() < self.period
        {
            return works;
        }
        let works = look.await;
        *known = Some((Instant::now(), works));
        works
    }

    /// Forgets what is known.
    pub(crate) async fn forget(&self) {
        *self.known.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_who_ask_look_once() {
        let (health, looks) = (StoreHealth::new(Duration::from_secs(3_600)), AtomicUsize::new(0));
        let look = || async {
            tokio::task::yield_now().await;
            looks.fetch_add(1, Ordering::Relaxed) > 0
        };
        let answers = futures_util::future::join_all((0..50).map(|_| health.works(look()))).await;
        assert_eq!((answers, looks.load(Ordering::Relaxed)), (vec![false; 50], 1));
        health.forget().await;
        assert!(health.works(look()).await);
    }
}
