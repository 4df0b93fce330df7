//! Playing one scenario: from its plan to its result, over real connections.

use std::sync::Arc;
use std::time::Duration;

use super::begin;
use super::context::people::people;
use super::context::step_context::{Debugger, StepContext, StepResult};
use super::context::wait::server_died;
use super::desk::debugger::Desk;
use super::prove::barriers::{audit, settle};
use super::prove::endings::unexpected_ends;
use super::prove::leftovers::leftovers;
use super::prove::promises::promises;
use super::prove::snapshots::{Compared, compare};
use super::prove::unjudged::{denied, needless_exceptions, unknown};
use super::session::{Session, Watch};
use super::state::lock::lock;
use super::state::progress::Progress;
use super::state::recorder::Recorder;
use super::state::stub_actor::StubActor;
use super::state::world::World;
use super::steps::identity::introduce;
use super::steps::step::{play_action, play_step, play_steps};
use crate::event::{Class, Failure, FailureKind, InvariantResult, LoggedLine, Outcome, ScenarioResult, StreamPattern};
use crate::plan::Job;
use crate::scenario::model::{Action, Scenario, Step};
use crate::scenario::visit::{self, Part};
use crate::stub::Started;
use crate::subject::{Server, SubjectError};

/// A limit that nothing meets.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// Captured texts from this length on are looked for in a server's log.
const SHORTEST_ID: usize = 8;

/// Plays one scenario against a server that runs.
pub(crate) async fn play(
    job: &Job,
    session: &Session,
    server: Arc<Server>,
    stubs: &Started,
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
    let limit = limit(job, session);

    let mut failures = within(limit, &watch.progress, story(&mut top, &job.scenario)).await;
    if desk.is_some_and(|desk| desk.has_ended()) {
        return interrupted();
    }
    let shown = show(desk, &top, &failures).await;
    top.go_beside();
    let always = async { play_steps(&mut top, &job.scenario.always).await };
    failures.extend(within(limit, &watch.progress, always).await);
    let Judged { invariants, stream_patterns, snapshots } = judge(&top, &mut failures).await;
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
    // Of a scenario that failed before its end nothing more can be asked.
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
        log: own_lines(&world),
        snapshots: snapshots.touched,
        updated: snapshots.updated,
        idle_redactions: snapshots.idle_redactions,
        stream_patterns,
        server: server.url().to_owned(),
        people,
        trace,
        ..job.unplayed(outcome(&job.scenario, failures))
    }
}

/// How a scenario ends whose server couldn't be started.
pub(crate) fn no_server(job: &Job, error: &SubjectError) -> ScenarioResult {
    let log = error.log_tail().iter().map(ToString::to_string).collect();
    job.unplayed(Outcome::NoServer { reason: error.to_string(), log })
}

/// How long the scenario may take.
fn limit(job: &Job, session: &Session) -> Duration {
    if session.desk.is_some() {
        // Nobody is hurried who sits and looks.
        return A_YEAR;
    }
    job.scenario.timeout.unwrap_or(session.settings.timeout).mul_f64(session.settings.deadlines.slow)
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

/// Plays so long; what takes longer fails with everything that was waited for.
async fn within(limit: Duration, progress: &Progress, playing: impl Future<Output = StepResult>) -> Vec<Failure> {
    let over = async {
        tokio::time::sleep(limit).await;
        // Asked before the scenario is dropped: its waits end with it.
        progress.waiting()
    };
    tokio::select! {
        biased;
        played = playing => played.err().unwrap_or_default(),
        waiting = over => {
            let headline = format!("the scenario took longer than its limit of {limit:?}");
            let mut failure = Failure::new(FailureKind::Late, headline);
            failure.place = waiting.iter().find_map(|waiting| waiting.place.clone());
            failure.details = waiting.iter().map(ToString::to_string).collect();
            failure.details.push("`timeout` in the scenario or in roundtable.toml, or --timeout, gives it longer".to_owned());
            vec![failure]
        }
    }
}

/// Stops at a failure, where somebody sits at a desk; whether one was shown.
async fn show(desk: Option<&Arc<Desk>>, top: &StepContext, failures: &[Failure]) -> bool {
    if let Some(desk) = desk {
        desk.failed(top, failures).await;
    }
    !failures.is_empty()
}

/// What the end of a scenario gave, besides failures.
struct Judged {
    invariants: Vec<InvariantResult>,
    stream_patterns: Vec<StreamPattern>,
    snapshots: Compared,
}

/// Looks at all that happened, when everything has arrived.
async fn judge(top: &StepContext, failures: &mut Vec<Failure>) -> Judged {
    let world = &top.world;
    // What the last step caused belongs to the scenario and to its history, where anything is judged by it.
    if has_something_to_judge(&world.scenario)
        && let Err(broken) = settle(top).await
    {
        match failures.first_mut() {
            None => failures.push(*broken),
            Some(first) if first.kind == broken.kind && first.kind == FailureKind::ServerDied => {}
            Some(first) => first.details.push(format!("at the end {}", broken.headline)),
        }
    }
    if failures.is_empty() {
        failures.extend(leftovers(top).unwrap_or_else(|failure| vec![*failure]));
    }
    tell_unanswered(world, failures);
    match world.target.server.died() {
        Some(death) if failures.iter().all(|failure| failure.kind != FailureKind::ServerDied) => {
            failures.push(*server_died(top, &death));
        }
        Some(_) => {}
        None => tell_unexpected_ends(top, failures),
    }
    let (invariants, stream_patterns) = promises(top, failures).await;
    // The death of a server is told by everybody who noticed, and is one.
    let mut died = false;
    failures.retain(|failure| failure.kind != FailureKind::ServerDied || !std::mem::replace(&mut died, true));
    let mut snapshots = compare(world, world.settings.snapshots.as_ref(), failures.is_empty());
    failures.append(&mut snapshots.failures);
    Judged { invariants, stream_patterns, snapshots }
}

/// Whether something is judged by what has arrived at the end.
fn has_something_to_judge(scenario: &Scenario) -> bool {
    let fails = scenario.participants.values().any(|spec| spec.protocol.fails.is_some());
    fails || scenario.strict || !scenario.protocol.invariants.is_empty()
}

/// Connections that the server ended though nobody expects it: a cause of much, so they come first. Where the scenario
/// failed before its end, a step that was not played may have been the one that expects an end.
fn tell_unexpected_ends(top: &StepContext, failures: &mut Vec<Failure>) {
    let ends = match unexpected_ends(top) {
        Ok(ends) => ends,
        Err(failure) => return failures.push(*failure),
    };
    let told_by_steps = !failures.is_empty() && awaits_an_end(&top.world.scenario);
    if !told_by_steps {
        failures.splice(0..0, ends);
    }
}

/// Whether a step of the scenario or of its protocols' verbs awaits the end of a connection.
fn awaits_an_end(scenario: &Scenario) -> bool {
    let mut awaits = false;
    let mut look = |steps: &[Step]| {
        visit::steps(steps, &mut |part| {
            awaits |= matches!(part, Part::Action(Action::Closed { .. }));
        });
    };
    look(&scenario.steps);
    look(&scenario.always);
    for spec in scenario.participants.values() {
        spec.protocol.verbs.values().for_each(|verb| look(&verb.steps));
    }
    awaits
}

/// A server that waits for an answer which nobody gave is a cause of much.
fn tell_unanswered(world: &World, failures: &mut [Failure]) {
    let Some(first) = failures.first_mut() else { return };
    // One of the stub itself shows its requests already.
    let others = world.cast.stubs.iter().filter(|(name, _)| first.participant.as_ref() != Some(name));
    let unanswered: Vec<String> = others.flat_map(|(_, stub)| stub.unanswered()).collect();
    first.details.extend(unanswered);
}

fn end_connections(world: &World) {
    for participant in world.cast.participants.values() {
        for connection in lock(&participant.connections).iter() {
            connection.outlet.drop_now("the scenario is over");
        }
    }
    world.cast.stubs.values().for_each(|stub| stub.close());
}

/// The lines of the server's log that belong to the scenario.
fn own_lines(world: &World) -> Vec<LoggedLine> {
    let captures = lock(&world.captures);
    let ids = captures.values().filter_map(serde_json::Value::as_str).filter(|text| text.len() >= SHORTEST_ID);
    let ids: Vec<String> = ids.map(str::to_owned).chain([world.run.clone()]).collect();
    // Why a server ended stands in its last lines, whomever they name.
    world.log.own_lines(world.target.server.died().is_some(), &ids)
}

/// What came of it, where a failure may have been expected.
fn outcome(scenario: &Scenario, failures: Vec<Failure>) -> Outcome {
    // A mistake of the scenario, what can't be judged, the server's death or a broken network is never the failure that
    // was expected.
    let excused = failures
        .iter()
        .all(|failure| !matches!(failure.kind.class(), Class::Scenario | Class::ServerDied | Class::Environment));
    match (&scenario.expect_failure, failures.is_empty()) {
        (None, true) => Outcome::Passed,
        (None, false) => Outcome::Failed { failures },
        (Some(_), false) if !excused => Outcome::Failed { failures },
        (Some(reason), false) => Outcome::FailedAsExpected { reason: reason.clone() },
        (Some(reason), true) => {
            let headline = format!("it passed, though it was expected to fail: {reason}");
            let mut failure = Failure::new(FailureKind::Scenario, headline);
            failure.details.push("remove `expect_failure` from the scenario".to_owned());
            Outcome::Failed { failures: vec![failure] }
        }
    }
}
