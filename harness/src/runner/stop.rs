//! What ends a run early: an interruption or the run's time limit.

use std::time::Duration;

use tokio::sync::watch;

/// Why a run ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    /// Ctrl-C, SIGTERM, or a program that asked for it.
    Interrupted,
    /// The run took longer than this.
    TimeLimit(Duration),
}

/// Waits for the reason to end the run early and sends it once; without one it never completes.
pub(super) async fn watch_for_stop(
    mut interrupted: watch::Receiver<bool>,
    limit: Option<Duration>,
    stop: watch::Sender<Option<StopReason>>,
) {
    let mut limited = std::pin::pin!(async {
        match limit {
            Some(limit) => {
                tokio::time::sleep(limit).await;
                StopReason::TimeLimit(limit)
            }
            None => std::future::pending().await,
        }
    });
    let reason = tokio::select! {
        asked = async { interrupted.wait_for(|now| *now).await.is_ok() } => asked.then_some(StopReason::Interrupted),
        limit = &mut limited => Some(limit),
    };
    let reason = match reason {
        Some(reason) => reason,
        // The interrupt sender is gone; the time limit still applies.
        None => limited.await,
    };
    stop.send_replace(Some(reason));
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn reason(interrupted: watch::Receiver<bool>, limit: Option<Duration>) -> Option<StopReason> {
        let (stop, stopping) = watch::channel(None);
        watch_for_stop(interrupted, limit, stop).await;
        *stopping.borrow()
    }

    #[tokio::test]
    async fn an_interruption_comes_before_the_limit() {
        let (_interrupt, interrupted) = watch::channel(true);
        assert_eq!(reason(interrupted, Some(Duration::from_secs(1))).await, Some(StopReason::Interrupted));
    }

    #[tokio::test]
    async fn the_limit_holds_when_nobody_can_interrupt_any_more() {
        let (interrupt, interrupted) = watch::channel(false);
        drop(interrupt);
        let limit = Duration::from_millis(1);
        assert_eq!(reason(interrupted, Some(limit)).await, Some(StopReason::TimeLimit(limit)));
    }
}
