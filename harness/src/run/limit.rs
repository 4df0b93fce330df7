//! How long a scenario may take.

use std::time::Duration;

use tokio::time::Instant;

use super::context::step_context::StepResult;
use super::session::Session;
use super::state::progress::Progress;
use crate::event::{Failure, FailureKind, Waiting};
use crate::plan::Job;

/// No limit.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long a scenario may take, and until when.
pub(super) struct Limit {
    limit: Duration,
    until: Instant,
}

impl Limit {
    /// The limit of a scenario that begins now.
    pub(super) fn of(job: &Job, session: &Session) -> Self {
        let limit = match session.desk {
            // No limit while the debugger is in use.
            Some(_) => A_YEAR,
            None => job.scenario.timeout.unwrap_or(session.settings.timeout).mul_f64(session.settings.deadlines.slow),
        };
        Self { limit, until: Instant::now() + limit }
    }

    /// The same limit for what ends a scenario: `always`, the last barriers, what is read back. It has a moment more,
    /// so that something is left for it behind steps that took all of the time.
    pub(super) fn closing(&self, session: &Session) -> Self {
        Self { until: self.until + session.settings.deadlines.late(), ..*self }
    }

    /// Plays so long; what takes longer fails with everything that was waited for.
    pub(super) async fn hold(&self, progress: &Progress, playing: impl Future<Output = StepResult>) -> Vec<Failure> {
        let over = async {
            tokio::time::sleep_until(self.until).await;
            // Asked before the scenario is dropped: its waits end with it.
            progress.waiting()
        };
        tokio::select! {
            biased;
            played = playing => played.err().unwrap_or_default(),
            waiting = over => vec![self.exceeded(&waiting)],
        }
    }

    fn exceeded(&self, waiting: &[Waiting]) -> Failure {
        let headline = format!("the scenario took longer than its limit of {:?}", self.limit);
        let mut failure = Failure::new(FailureKind::Late, headline);
        failure.place = waiting.iter().find_map(|waiting| waiting.place.clone());
        failure.details = waiting.iter().map(ToString::to_string).collect();
        failure
            .details
            .push("`timeout` in the scenario or in roundtable.toml, or --timeout, gives it longer".to_owned());
        failure
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn what_takes_longer_fails_with_everything_that_was_waited_for() {
        let progress = Arc::new(Progress::default());
        let limit = Limit { limit: Duration::from_secs(2), until: Instant::now() };
        let playing = async {
            let _waits = progress.wait(Some("ann"), "a frame", None);
            std::future::pending().await
        };
        let failures = limit.hold(&progress, playing).await;
        assert_eq!(failures.len(), 1);
        assert_eq!(
            (failures[0].kind, failures[0].headline.as_str()),
            (FailureKind::Late, "the scenario took longer than its limit of 2s")
        );
        assert!(failures[0].details[0].contains("ann") && failures[0].details[0].contains("a frame"), "{failures:?}");
        assert!(progress.waiting().is_empty());
    }

    #[tokio::test]
    async fn what_ended_in_time_keeps_its_own_failures() {
        let progress = Progress::default();
        let limit = Limit { limit: A_YEAR, until: Instant::now() + A_YEAR };
        assert!(limit.hold(&progress, async { Ok(()) }).await.is_empty());
        let own = limit.hold(&progress, async { Err(vec![Failure::new(FailureKind::Expectation, "wrong")]) }).await;
        assert_eq!((own.len(), own[0].kind, own[0].headline.as_str()), (1, FailureKind::Expectation, "wrong"));
    }
}
