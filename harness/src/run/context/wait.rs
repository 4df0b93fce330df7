//! Waiting so long, and saying what it means where it was in vain.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::step_context::StepContext;
use crate::event::{Failure, FailureKind};
use crate::subject::Death;

/// How long the end of a process is waited for where its connection broke.
const MOMENT: Duration = Duration::from_millis(200);

/// Waits for something so long, and then a moment more, to say whether it came late or never.
pub(crate) async fn patiently<T>(
    context: &StepContext,
    limit: Duration,
    waited_for: impl Future<Output = T>,
    missed: impl FnOnce() -> String,
) -> Result<T, Box<Failure>> {
    let mut waited_for = std::pin::pin!(waited_for);
    if let Ok(found) = tokio::time::timeout(limit, &mut waited_for).await {
        return Ok(found);
    }
    let (deadline, late) = (Instant::now(), context.world.settings.deadlines.late());
    let mut failure = context.failure(missed());
    match tokio::time::timeout(late, waited_for).await {
        Ok(_) => {
            failure.kind = FailureKind::Late;
            failure.late = Some(format!("it came {} ms after the deadline", deadline.elapsed().as_millis()));
        }
        Err(_) => failure.late = Some(format!("it never came: the runner listened {late:?} longer")),
    }
    Err(failure)
}

/// What failed because a connection broke or there was none; where the server ended in that moment, that is what failed.
/// A server behind a URL that is gone now makes it a matter of the environment, however its connection broke.
pub(crate) async fn or_death(context: &StepContext, mut failure: Box<Failure>) -> Box<Failure> {
    let server = &context.world.target.server;
    if server.is_remote() {
        if failure.kind != FailureKind::Environment && server.is_reachable().await.is_err() {
            failure.kind = FailureKind::Environment;
        }
        return failure;
    }
    if !server.is_up() {
        return failure;
    }
    match tokio::time::timeout(MOMENT, server.death()).await {
        Ok(death) => server_died(context, &death),
        Err(_) => failure,
    }
}

/// The server ended while something was awaited.
pub(crate) fn server_died(context: &StepContext, death: &Death) -> Box<Failure> {
    let mut failure = context.failure(format!("the server died: it {death}"));
    failure.kind = FailureKind::ServerDied;
    failure
}

/// Waits for a change; false on timeout, or if nothing can change any more.
pub(crate) async fn changed_before(changes: &mut watch::Receiver<u64>, limit: Instant) -> bool {
    tokio::select! {
        changed = changes.changed() => changed.is_ok(),
        () = tokio::time::sleep_until(limit) => false,
    }
}

/// A deadline from now.
pub(crate) fn from_now(duration: Duration) -> Instant {
    Instant::now() + duration
}
