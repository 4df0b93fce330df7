//! The attempts of a job: it is played again while it fails and may be retried.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use super::job::{Attempted, JobPlayer};
use super::options::RunOptions;
use crate::event::{Attempt, Event, EventKind, Failure, FailureKind, Outcome, Quarantined, ScenarioResult};
use crate::plan::Job;

/// Plays a job until it passes or has no retry left, reports each attempt, and returns the last one's result.
pub(super) fn play_with_retries(
    job: &Job,
    player: &JobPlayer,
    options: &RunOptions,
    run_is_over: &dyn Fn() -> bool,
) -> ScenarioResult {
    let mut earlier: Vec<Attempt> = Vec::new();
    loop {
        let attempt = earlier.len() + 1;
        let job = Job { attempt, ..job.clone() };
        let Attempted { mut result, may_retry } = catch_panic(&job, player);
        let failed = matches!(result.outcome, Outcome::Failed { .. });
        let retry = may_retry && failed && attempt <= options.limits.retries && !run_is_over();
        result.owner.clone_from(&job.scenario.owner);
        result.quarantine = job.scenario.quarantine.as_ref().map(|quarantine| Quarantined {
            issue: quarantine.issue.clone(),
            until: quarantine.until.to_string(),
            expired: quarantine.is_over(options.today),
        });
        result.will_retry = retry;
        result.earlier.clone_from(&earlier);
        let session = player.session();
        if let Some(secrets) = &session.secrets {
            result = secrets.mask_result(result);
        }
        (session.sink)(Event {
            scenario: Some(Arc::new(job.instance())),
            at: player.since_run_began(),
            kind: EventKind::ScenarioFinished(Box::new(result.clone())),
        });
        match result.outcome {
            Outcome::Failed { failures } if retry => {
                earlier.push(Attempt {
                    seed: result.seed,
                    beside: result.beside,
                    took: result.took,
                    failures,
                    log: result.log,
                    trace: result.trace,
                });
            }
            outcome => return ScenarioResult { outcome, ..result },
        }
    }
}

/// Plays one attempt. A panic of the runner fails this job alone.
fn catch_panic(job: &Job, player: &JobPlayer) -> Attempted {
    let began = Instant::now();
    match std::panic::catch_unwind(AssertUnwindSafe(|| player.play(job))) {
        Ok(attempted) => attempted,
        Err(panic) => {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
            let headline = format!("the runner itself panicked: {message}");
            let mut failure = Failure::new(FailureKind::Environment, headline);
            failure.details.push("this is a bug of roundtable; please report it".to_owned());
            let outcome = Outcome::Failed { failures: vec![failure] };
            Attempted::last(ScenarioResult { took: began.elapsed(), ..job.unplayed(outcome) })
        }
    }
}
