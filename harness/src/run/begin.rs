//! Sets up a scenario before its first step.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use indexmap::IndexMap;

use super::session::{Session, Watch};
use super::state::cast::Cast;
use super::state::markers::Markers;
use super::state::participant::Participant;
use super::state::random::Random;
use super::state::recorder::Recorder;
use super::state::stub_actor::StubActor;
use super::state::target::Target;
use super::state::world::{CollectedResults, World};
use crate::event::{EventKind, Failure, FailureKind};
use crate::plan::Job;
use crate::scenario::model::{ParticipantSpec, Scenario};
use crate::stub::RunningStubs;
use crate::subject::Server;
use crate::wire::dial::Route;

/// Tells that a scenario begins; gives its state before the first step.
pub(super) fn begin(
    job: &Job,
    session: &Session,
    server: &Arc<Server>,
    watch: &Watch,
    stubs: &RunningStubs,
) -> Result<Arc<World>, Box<Failure>> {
    if let Some(desk) = &session.desk {
        desk.begin();
    }
    let (scenario, sink) = (&job.scenario, Arc::clone(&session.sink));
    let recorder = Arc::new(Recorder::new(Arc::new(job.instance()), watch.began, sink, session.settings.detail));
    // The trace id of W3C trace context: 16 bytes, never all zero.
    let trace = session.settings.traceparent.then(|| uuid::Uuid::new_v4().simple().to_string());
    tell(scenario, &recorder, server, trace.clone());
    let route = Route::through(session.settings.proxy.as_deref())
        .map_err(|error| Failure::new(FailureKind::Scenario, error))?;
    let target = Target { server: Arc::clone(server), route, trace };
    let participants = scenario.participants.iter();
    let cast = Cast {
        participants: participants.map(|(key, spec)| (key.clone(), Arc::new(Participant::new(spec.clone())))).collect(),
        stubs: StubActor::all(stubs, &ParticipantSpec::bare(&scenario.source), &recorder),
        groups: scenario.groups.clone(),
        given: Mutex::default(),
        roles: Mutex::default(),
    };
    let seed = session.settings.randomness.seed_of(job.repetition, job.attempt);
    cast.stubs.values().for_each(StubActor::attend);
    Ok(Arc::new(World {
        scenario: Arc::clone(scenario),
        row: job.row(),
        run: digits(job, session, watch.log.shared.load(Ordering::Relaxed)),
        settings: session.settings.clone(),
        random: Arc::new(Random::new(seed, &job.label)),
        target,
        cast,
        captures: Mutex::default(),
        recorder,
        markers: Arc::new(Markers::default()),
        findings: CollectedResults::default(),
        log: Arc::clone(&watch.log),
        progress: Arc::clone(&watch.progress),
        secrets: session.secrets.clone(),
    }))
}

/// Tells that a scenario begins, with the files that its steps stand in where details are told.
fn tell(scenario: &Scenario, recorder: &Recorder, server: &Server, trace: Option<String>) {
    recorder.announce(EventKind::ScenarioStarted {
        title: scenario.title.clone(),
        file: scenario.source.path.clone(),
        tags: scenario.tags.clone(),
        participants: scenario.participants.keys().cloned().collect(),
        stubs: scenario.stubs.keys().cloned().collect(),
        server: server.url().to_owned(),
        owner: scenario.owner.clone(),
        trace,
    });
    if recorder.detail {
        for (file, text) in files_of(scenario) {
            recorder.announce(EventKind::Source { file: file.to_path_buf(), text: Arc::from(text) });
        }
    }
}

/// The files that a scenario's steps stand in, with their texts: its own, and its protocols'.
fn files_of(scenario: &Scenario) -> IndexMap<&Path, &str> {
    let mut files: IndexMap<&Path, &str> = IndexMap::new();
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
    let random = Random::new(session.settings.randomness.seed_of(job.repetition, job.attempt), &job.label);
    // Where others use the server too, or it lasts, repetitions that draw the same still need identities of their own.
    let apart = shared && session.settings.randomness.same;
    random.digits(apart.then_some((job.repetition, job.attempt)))
}
