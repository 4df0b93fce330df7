//! The result of a scenario, from its failures and from what was judged.

use super::judge::Judged;
use super::outcome::outcome;
use super::prove::unjudged::{denied, needless_exceptions, unknown};
use super::session::Watch;
use super::state::world::World;
use crate::event::{Failure, FailureKind, Person, ScenarioResult};
use crate::lock::lock;
use crate::plan::Job;

/// The result of a scenario that was played to its end.
pub(super) fn result(
    job: &Job,
    watch: &Watch,
    world: &World,
    people: Vec<Person>,
    judged: Judged,
    mut failures: Vec<Failure>,
) -> ScenarioResult {
    let Judged { invariants, stream_patterns, snapshots } = judged;
    let (scenario, settings) = (&job.scenario, &world.settings);
    // A broken promise over the whole history names the cause more often than the step that first noticed.
    failures.sort_by_key(|failure| failure.kind != FailureKind::Invariant);
    let unproven_why = std::mem::take(&mut *lock(&world.findings.unproven));
    let unknown = unknown(&invariants);
    // A scenario that failed before its end is not checked further.
    if failures.is_empty() {
        failures = denied(&scenario.exceptions, settings, &unknown, &unproven_why);
    }
    let needless_exceptions =
        needless_exceptions(&scenario.exceptions, &scenario.source.path, &invariants, &unproven_why);
    ScenarioResult {
        seed: settings.randomness.seed_of(job.repetition, job.attempt),
        races: std::mem::take(&mut *lock(&world.findings.races)),
        took: watch.began.elapsed(),
        unproven: unproven_why.len(),
        unproven_why,
        invariants,
        unknown,
        needless_exceptions,
        log: world.own_log(),
        snapshots: snapshots.touched,
        updated: snapshots.updated,
        idle_redactions: snapshots.idle_redactions,
        stream_patterns,
        server: world.target.server.url().to_owned(),
        people,
        trace: world.target.trace.clone(),
        ..job.unplayed(outcome(scenario.expect_failure.as_ref(), failures))
    }
}
