//! Playing one scenario: from its plan to its result, over real connections.

use std::sync::Arc;

use super::begin;
use super::context::people::people;
use super::context::step_context::{Debugger, StepContext, StepResult};
use super::desk::debugger::Desk;
use super::judge::{Judged, judge};
use super::limit::Limit;
use super::outcome::outcome;
use super::prove::barriers::audit;
use super::prove::unjudged::{denied, needless_exceptions, unknown};
use super::session::{Session, Watch};
use super::state::lock::lock;
use super::state::recorder::Recorder;
use super::state::stub_actor::StubActor;
use super::state::world::World;
use super::steps::identity::introduce;
use super::steps::step::{play_action, play_step, play_steps};
use crate::event::{Failure, FailureKind, Outcome, ScenarioResult};
use crate::plan::Job;
use crate::scenario::model::Scenario;
use crate::stub::RunningStubs;
use crate::subject::{Server, SubjectError};

/// Plays one scenario against a server that runs.
pub(crate) async fn play(
    job: &Job,
    session: &Session,
    server: Arc<Server>,
    stubs: &RunningStubs,
    watch: &Watch,
) -> ScenarioResult {
    let interrupted = || job.unplayed(Outcome::Interrupted { waiting: Vec::new() });
    let desk = session.desk.as_ref();
    if let Some(desk) = desk {
        if desk.has_ended() {
            return interrupted();
        }
        desk.begin();
    }
    // The trace id of W3C trace context: 16 bytes, never all zero.
    let trace = session.settings.traceparent.then(|| uuid::Uuid::new_v4().simple().to_string());
    let (instance, sink) = (Arc::new(job.instance()), Arc::clone(&session.sink));
    let recorder = Arc::new(Recorder::new(instance, watch.began, sink, session.settings.detail));
    begin::tell(&job.scenario, &recorder, &server, trace.clone());
    let world = match begin::world(job, session, &server, watch, stubs, &recorder, trace.clone()) {
        Ok(world) => world,
        Err(failure) => return job.unplayed(Outcome::Failed { failures: vec![*failure] }),
    };
    world.cast.stubs.values().for_each(StubActor::attend);
    let debugger = desk.map(|desk| Arc::clone(desk) as Arc<dyn Debugger>);
    let mut top = StepContext::top(Arc::clone(&world), debugger, play_action);
    let limit = Limit::of(job, session);

    let mut failures = limit.hold(&watch.progress, story(&mut top, &job.scenario)).await;
    if desk.is_some_and(|desk| desk.has_ended()) {
        return interrupted();
    }
    let shown = show(desk, &top, &failures).await;
    top.go_beside();
    let closing = limit.closing(session);
    let always = async { play_steps(&mut top, &job.scenario.always).await };
    failures.extend(closing.hold(&watch.progress, always).await);
    let Judged { invariants, stream_patterns, snapshots } = judge(&top, &closing, &mut failures).await;
    if !shown {
        show(desk, &top, &failures).await;
    }
    if failures.is_empty() && desk.is_some_and(|desk| desk.has_ended()) {
        return interrupted();
    }
    let people = people(&top);
    end_connections(&world);
    // A broken promise over the whole history names the cause more often than the step that first noticed.
    failures.sort_by_key(|failure| failure.kind != FailureKind::Invariant);

    let unproven_why = std::mem::take(&mut *lock(&world.findings.unproven));
    let unknown = unknown(&invariants);
    // A scenario that failed before its end is not checked further.
    if failures.is_empty() {
        failures = denied(&job.scenario.exceptions, &session.settings, &unknown, &unproven_why);
    }
    let needless_exceptions =
        needless_exceptions(&job.scenario.exceptions, &job.scenario.source.path, &invariants, &unproven_why);
    ScenarioResult {
        seed: session.settings.randomness.seed_of(job.repetition, job.attempt),
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
        server: server.url().to_owned(),
        people,
        trace,
        ..job.unplayed(outcome(job.scenario.expect_failure.as_ref(), failures))
    }
}

/// How a scenario ends whose server couldn't be started.
pub(crate) fn no_server(job: &Job, error: &SubjectError) -> ScenarioResult {
    let log = error.log_tail().iter().map(ToString::to_string).collect();
    job.unplayed(Outcome::NoServer { reason: error.to_string(), log })
}

/// Who takes part, then the scenario's own steps, one after another.
async fn story(top: &mut StepContext, scenario: &Scenario) -> StepResult {
    introduce(top).await?;
    let world = Arc::clone(&top.world);
    for step in &scenario.steps {
        play_step(top, step, false).await?;
        if let Some(asked) = &world.settings.barrier_audit {
            audit(&top.enter(step, None), asked).await.map_err(|failure| vec![*failure])?;
        }
    }
    Ok(())
}

/// Stops at a failure if the debugger is in use; returns whether a failure was shown.
async fn show(desk: Option<&Arc<Desk>>, top: &StepContext, failures: &[Failure]) -> bool {
    if let Some(desk) = desk {
        desk.failed(top, failures).await;
    }
    !failures.is_empty()
}

fn end_connections(world: &World) {
    for participant in world.cast.participants.values() {
        for connection in lock(&participant.connections).iter() {
            connection.outlet.drop_now("the scenario is over");
        }
    }
    world.cast.stubs.values().for_each(|stub| stub.close());
}
