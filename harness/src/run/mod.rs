//! Playing one scenario: from its plan to its result, over real connections.
//!
//! - `play`: the recipe;
//! - `identity`: who the participants are; `promises`: what is judged at the end; `log`: the server's lines;
//! - `world`: who takes part, what is set, what has happened; `here`: what a step sees of it;
//! - `step`: steps and controls, with `race`, `check`, `server` and `ending`; `act`: what an actor does, with `connect`,
//!   `http`, `answer`, `socket`, `stub`, `expect`, `barrier` and `snapshot`;
//! - `progress`: what is waited for, for those who end a run;
//! - `inbox`: every frame of a connection, and selective receive; pure.

mod act;
mod answer;
mod barrier;
mod by_hand;
mod chance;
mod check;
mod connect;
mod desk;
mod ending;
mod exchange;
mod expect;
mod here;
mod http;
mod identity;
mod inbox;
mod log;
mod patterns;
mod progress;
mod promises;
mod race;
mod release;
mod server;
mod snapshot;
mod socket;
mod step;
mod stub;
mod wire;
mod world;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indexmap::IndexMap;

use crate::event::{Event, EventKind, EventSink, Failure, FailureKind, Instance, Outcome, ScenarioResult};
use crate::plan::{Job, PlaySettings};
use crate::scenario::model::{ParticipantSpec, Scenario};
use crate::secret::Secrets;
use crate::stub::Started;
use crate::subject::{Server, SubjectError};

use chance::Chance;
pub use desk::Desk;
use here::Here;
use identity::{introduce, people};
use log::own_lines;
pub(crate) use progress::Progress;
use promises::{promises, stream_of};
pub(crate) use snapshot::Taken;
pub(crate) use socket::{Handshake, Opened, handshake};
use stub::StubActor;

pub(crate) use world::{LogBook, lock};
use world::{Participant, World};

/// A limit that nothing meets.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What all scenarios of a run share.
#[derive(Clone)]
pub struct Session {
    /// How they are played.
    pub settings: PlaySettings,
    /// Where somebody says how scenarios go on; they are then played one at a time.
    pub desk: Option<Arc<Desk>>,
    /// Takes the events.
    pub sink: EventSink,
    /// What must not stand in snapshots, events and results.
    pub secrets: Option<Arc<Secrets>>,
}

/// What the runner sees of a scenario that is under way.
#[derive(Clone)]
pub(crate) struct Seen {
    /// Gets the server's lines.
    pub(crate) log: Arc<LogBook>,
    /// Who waits for what.
    pub(crate) progress: Arc<Progress>,
    /// What its times count from.
    pub(crate) began: Instant,
}

/// Plays one scenario against a server that runs.
pub(crate) async fn play(
    job: &Job,
    session: &Session,
    server: Arc<Server>,
    stubs: &Started,
    seen: &Seen,
) -> ScenarioResult {
    let scenario = &job.scenario;
    let Seen { progress, began, .. } = seen;
    if let Some(desk) = &session.desk {
        if desk.has_ended() {
            return job.unplayed(Outcome::Interrupted { waiting: Vec::new() });
        }
        desk.begin();
    }
    // The trace id of W3C trace context: 16 bytes, never all zero.
    let trace = session.settings.traceparent.then(|| uuid::Uuid::new_v4().simple().to_string());
    let instance = Arc::new(job.instance());
    let tell = |kind| (session.sink)(Event { scenario: Some(Arc::clone(&instance)), at: began.elapsed(), kind });
    tell(EventKind::ScenarioStarted {
        title: scenario.title.clone(),
        file: scenario.source.path.clone(),
        tags: scenario.tags.clone(),
        participants: scenario.participants.keys().cloned().collect(),
        stubs: scenario.stubs.keys().cloned().collect(),
        server: server.url().to_owned(),
        owner: scenario.owner.clone(),
        trace: trace.clone(),
    });
    if session.settings.detail {
        for (file, text) in files_of(scenario) {
            tell(EventKind::Source { file: file.to_path_buf(), text: Arc::from(text) });
        }
    }
    let world = match world(job, session, &server, seen, &instance, trace.clone(), stubs) {
        Ok(world) => world,
        Err(failure) => return job.unplayed(Outcome::Failed { failures: vec![*failure] }),
    };
    for stub in world.stubs.values() {
        stub.attend(&world);
    }
    let mut top = Here::top(Arc::clone(&world));

    let mut limit = scenario.timeout.unwrap_or(session.settings.timeout).mul_f64(session.settings.deadlines.slow);
    if session.desk.is_some() {
        // Nobody is hurried who sits and looks.
        limit = A_YEAR;
    }
    let story = async {
        introduce(&top).await?;
        story(&mut top, scenario, session.settings.barrier_audit).await
    };
    let mut failures = within(limit, progress, story).await.err().unwrap_or_default();
    let ended = || session.desk.as_ref().is_some_and(|desk| desk.has_ended());
    if ended() {
        return job.unplayed(Outcome::Interrupted { waiting: Vec::new() });
    }
    let mut shown = false;
    if let Some(desk) = &session.desk {
        desk.failed(&top, &failures).await;
        shown = !failures.is_empty();
        top.aside = true;
    }
    failures.extend(within(limit, progress, top.steps(&scenario.always)).await.err().unwrap_or_default());
    if failures.is_empty() || !scenario.protocol.invariants.is_empty() {
        // What the last step caused belongs to the scenario and to its record; a barrier that breaks here has been told
        // elsewhere, or will be by the invariants.
        let _ = top.settle().await;
    }
    if failures.is_empty() {
        failures.extend(top.leftovers().unwrap_or_else(|failure| vec![*failure]));
    }
    // A server that waits for an answer which nobody gave is a cause of much.
    if let Some(first) = failures.first_mut() {
        // One of the stub itself shows its requests already.
        let others = world.stubs.iter().filter(|(name, _)| first.participant.as_ref() != Some(name));
        let unanswered: Vec<String> = others.flat_map(|(_, stub)| stub.unanswered()).collect();
        first.details.extend(unanswered);
    }
    if let Some(death) = server.died()
        && failures.iter().all(|failure| failure.kind != FailureKind::ServerDied)
    {
        failures.push(*top.server_died(&death));
    }
    let (unknown, stream_patterns) = promises(&top, &mut failures).await;
    let people = people(&top);
    // The death of a server is told by everybody who noticed, and is one.
    let mut died = false;
    failures.retain(|failure| failure.kind != FailureKind::ServerDied || !std::mem::replace(&mut died, true));
    let compared = snapshot::compare(&world, session.settings.snapshots.as_ref(), failures.is_empty());
    failures.extend(compared.failures);
    if let Some(desk) = &session.desk {
        if !shown {
            desk.failed(&top, &failures).await;
        }
        if ended() && failures.is_empty() {
            return job.unplayed(Outcome::Interrupted { waiting: Vec::new() });
        }
    }
    world.over.store(true, Ordering::Relaxed);
    for participant in world.participants.values() {
        for connection in lock(&participant.connections).iter() {
            connection.drop_now();
        }
    }
    for stub in world.stubs.values() {
        stub.close(&world);
    }
    // A broken promise over the whole record names the cause more often than the step that first noticed.
    failures.sort_by_key(|failure| failure.kind != FailureKind::Invariant);

    // A mistake of the scenario, the server's death or a broken network is never the failure that was expected.
    let excused = failures.iter().all(|failure| {
        !matches!(failure.kind, FailureKind::Scenario | FailureKind::ServerDied | FailureKind::Environment)
    });
    let outcome = match (&scenario.expect_failure, failures.is_empty()) {
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
    };
    ScenarioResult {
        seed: session.settings.randomness.seed_of(job.repetition, job.attempt),
        races: std::mem::take(&mut *lock(&world.races)),
        took: began.elapsed(),
        unproven: world.unproven.load(Ordering::Relaxed),
        unknown,
        log: own_lines(&world),
        snapshots: compared.touched,
        updated: compared.updated,
        idle_redactions: compared.idle_redactions,
        stream_patterns,
        server: server.url().to_owned(),
        people,
        trace,
        ..job.unplayed(outcome)
    }
}

/// Plays so long; what takes longer fails with everything that was waited for.
async fn within(
    limit: Duration,
    progress: &Arc<Progress>,
    playing: impl Future<Output = Result<(), Vec<Failure>>>,
) -> Result<(), Vec<Failure>> {
    let over = async {
        tokio::time::sleep(limit).await;
        // Asked before the scenario is dropped: its waits end with it.
        progress.waiting()
    };
    tokio::select! {
        biased;
        played = playing => played,
        waiting = over => {
            let headline = format!("the scenario took longer than its limit of {limit:?}");
            let mut failure = Failure::new(FailureKind::Late, headline);
            failure.place = waiting.iter().find_map(|waiting| waiting.place.clone());
            failure.details = waiting.iter().map(ToString::to_string).collect();
            failure.details.push("`timeout` in the scenario or in roundtable.toml, or --timeout, gives it longer".to_owned());
            Err(vec![failure])
        }
    }
}

/// The scenario's own steps, one after another.
async fn story(top: &mut Here, scenario: &Scenario, audit: Option<Duration>) -> Result<(), Vec<Failure>> {
    for step in &scenario.steps {
        top.step(step, false).await?;
        if let Some(listen) = audit {
            top.enter(step, None).audit(listen).await.map_err(|failure| vec![*failure])?;
        }
    }
    Ok(())
}

/// The files that a scenario's steps stand in, with their texts: its own, and its protocols'.
pub(crate) fn files_of(scenario: &Scenario) -> IndexMap<&std::path::Path, &str> {
    let mut files: IndexMap<&std::path::Path, &str> = IndexMap::new();
    files.insert(&scenario.source.path, &scenario.source.text);
    let protocols = scenario.participants.values().map(|participant| &participant.protocol);
    for protocol in std::iter::once(&scenario.protocol).chain(protocols) {
        files.insert(&protocol.source.path, &protocol.source.text);
        for step in protocol.login.iter().chain(protocol.verbs.values().flat_map(|verb| &verb.steps)) {
            files.insert(&step.source.path, &step.source.text);
        }
    }
    files
}

/// The digits that keep a playing's identities apart: the value of `run`.
pub(crate) fn digits(job: &Job, session: &Session, shared: bool) -> String {
    let chance = Chance::new(session.settings.randomness.seed_of(job.repetition, job.attempt), &job.label);
    // Where others use the server too, or it lasts, repetitions that draw the same still need identities of their own.
    let apart = shared && session.settings.randomness.same;
    chance.digits(apart.then_some((job.repetition, job.attempt)))
}

fn world(
    job: &Job,
    session: &Session,
    server: &Arc<Server>,
    seen: &Seen,
    instance: &Arc<Instance>,
    trace: Option<String>,
    stubs: &Started,
) -> Result<Arc<World>, Box<Failure>> {
    let scenario = &job.scenario;
    let http = client(server.url())
        .map_err(|error| Failure::new(FailureKind::Environment, format!("no HTTP client: {error}")))?;
    let participants: IndexMap<String, Arc<Participant>> = scenario
        .participants
        .iter()
        .map(|(key, spec)| {
            let participant = Participant {
                spec: spec.clone(),
                vars: Mutex::default(),
                jar: reqwest::cookie::Jar::default(),
                opening: Mutex::default(),
                connections: Mutex::default(),
            };
            (key.clone(), Arc::new(participant))
        })
        .collect();
    let connections = AtomicUsize::new(0);
    let stubs = StubActor::all(stubs, &ParticipantSpec::bare(&scenario.source), &connections);
    let seed = session.settings.randomness.seed_of(job.repetition, job.attempt);
    let chance = Arc::new(Chance::new(seed, &job.label));
    Ok(Arc::new(World {
        scenario: Arc::clone(scenario),
        instance: Arc::clone(instance),
        row: job.row(),
        run: digits(job, session, seen.log.shared.load(Ordering::Relaxed)),
        chance,
        jitter: session.settings.randomness.jitter,
        began: seen.began,
        deadlines: session.settings.deadlines,
        server: Arc::clone(server),
        http: Mutex::new(http),
        participants,
        given: Mutex::default(),
        roles: Mutex::default(),
        vars: Mutex::default(),
        record: Mutex::default(),
        markers: Mutex::default(),
        unproven: 0.into(),
        stubs,
        connections,
        over: AtomicBool::new(false),
        steps: 0.into(),
        exchanges: 0.into(),
        sink: Arc::clone(&session.sink),
        detail: session.settings.detail,
        desk: session.desk.clone(),
        log: Arc::clone(&seen.log),
        progress: Arc::clone(&seen.progress),
        trace,
        secrets: session.secrets.clone(),
        snapshots: Mutex::default(),
        races: Mutex::default(),
    }))
}

/// A client for a server; TLS roots are read only where they are needed, since that takes some milliseconds.
pub(crate) fn client(url: &str) -> reqwest::Result<reqwest::Client> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("roundtable")
        .tcp_nodelay(true);
    if !url.starts_with("https:") {
        client = client.tls_certs_only([]);
    }
    client.build()
}

/// How a scenario ends whose server couldn't be started.
pub(crate) fn no_server(job: &Job, error: &SubjectError) -> ScenarioResult {
    let log = error.log_tail().iter().map(ToString::to_string).collect();
    job.unplayed(Outcome::NoServer { reason: error.to_string(), log })
}
