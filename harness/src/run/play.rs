//! Playing one scenario: from its plan to its result, over real connections.

use std::sync::Arc;

use super::begin::begin;
use super::context::people::people;
use super::context::step_context::{Debugger, StepContext, StepResult};
use super::desk::debugger::Desk;
use super::judge::judge;
use super::limit::Limit;
use super::prove::barriers::audit;
use super::result::result;
use super::session::{Session, Watch};
use super::state::cast::Cast;
use super::steps::identity::introduce;
use super::steps::step::{play_action, play_step, play_steps};
use crate::event::{Failure, Outcome, ScenarioResult};
use crate::lock::lock;
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
    let desk = session.desk.as_ref();
    let ended_by_hand = || desk.is_some_and(|desk| desk.has_ended());
    let interrupted = || job.unplayed(Outcome::Interrupted { waiting: Vec::new() });
    if ended_by_hand() {
        return interrupted();
    }
    let world = match begin(job, session, &server, watch, stubs) {
        Ok(world) => world,
        Err(failure) => return job.unplayed(Outcome::Failed { failures: vec![*failure] }),
    };
    let debugger = desk.map(|desk| Arc::clone(desk) as Arc<dyn Debugger>);
    let mut top = StepContext::top(Arc::clone(&world), debugger, play_action);
    let limit = Limit::of(job, session);
    let mut failures = limit.hold(&watch.progress, story(&mut top, &job.scenario)).await;
    if ended_by_hand() {
        return interrupted();
    }
    let stopped = stop_at_failure(desk, &top, &failures).await;
    top.go_beside();
    let closing = limit.closing(session);
    let always = async { play_steps(&mut top, &job.scenario.always).await };
    failures.extend(closing.hold(&watch.progress, always).await);
    let judged = judge(&top, &closing, &mut failures).await;
    if !stopped {
        stop_at_failure(desk, &top, &failures).await;
    }
    if failures.is_empty() && ended_by_hand() {
        return interrupted();
    }
    let people = people(&top);
    end_connections(&world.cast);
    result(job, watch, &world, people, judged, failures)
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

/// Stops at a failure if the debugger is in use; returns whether there was one.
async fn stop_at_failure(desk: Option<&Arc<Desk>>, top: &StepContext, failures: &[Failure]) -> bool {
    if let Some(desk) = desk {
        desk.failed(top, failures).await;
    }
    !failures.is_empty()
}

fn end_connections(cast: &Cast) {
    for participant in cast.participants.values() {
        for connection in lock(&participant.connections).iter() {
            connection.outlet.drop_now("the scenario is over");
        }
    }
    cast.stubs.values().for_each(|stub| stub.close());
}
