//! Playing one scenario: from its plan to its result, over real connections.
//!
//! - `play`: the recipe;
//! - `world`: who takes part, what is set, what has happened;
//! - `step`: steps and controls, with `race`, `check`, `server` and `ending`; `act`: what an actor does, with `http`,
//!   `socket`, `stub`, `expect`, `barrier` and `snapshot`;
//! - `progress`: what is waited for, for those who end a run;
//! - `inbox`: every frame of a connection, and selective receive; pure.

mod act;
mod barrier;
mod by_hand;
mod chance;
mod check;
mod desk;
mod ending;
mod exchange;
mod expect;
mod http;
mod inbox;
mod patterns;
mod progress;
mod race;
mod release;
mod server;
mod snapshot;
mod socket;
mod step;
mod stub;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::event::{
    Event, EventKind, EventSink, Failure, FailureKind, Instance, LoggedLine, Outcome, ScenarioResult, StreamPattern,
};
use crate::invariant::{self, judge_all};
use crate::record::{Record, What};
use crate::scenario::model::{ParticipantSpec, Row, Scenario};
use crate::scenario::stream::{StoredStream, Stream, integer_at, text_at};
use crate::scenario::template::Template;
use crate::secret::Secrets;
use crate::stub::Started;
use crate::subject::{Server, SubjectError};

pub use chance::Luck;
use chance::{Chance, Naming};
pub use desk::Desk;
pub(crate) use progress::Progress;
pub use snapshot::Store;
pub(crate) use snapshot::Taken;
pub(crate) use socket::{Handshake, Opened, handshake};
use stub::StubActor;
pub use world::Deadlines;
use world::{Here, Participant, World};
pub(crate) use world::{LogBook, lock};

/// A limit that nothing meets.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// One scenario with one row of its examples, once.
#[derive(Debug, Clone)]
pub struct Job {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Which of its rows.
    pub row: usize,
    /// Which repetition, from 1.
    pub repetition: usize,
    /// Which attempt, from 1.
    pub attempt: usize,
    /// `suite/stem`, with `@row` where there are examples.
    pub label: Arc<str>,
}

impl Job {
    /// The row's columns.
    pub(crate) fn row(&self) -> Row {
        self.scenario.rows.get(self.row).cloned().unwrap_or_default()
    }

    /// Which scenario, repetition and attempt this is.
    pub fn instance(&self) -> Instance {
        Instance { label: Arc::clone(&self.label), repetition: self.repetition, attempt: self.attempt }
    }

    /// The result of a job that did not run to its end.
    pub fn unplayed(&self, outcome: Outcome) -> ScenarioResult {
        ScenarioResult {
            label: Arc::clone(&self.label),
            title: self.scenario.title.clone(),
            file: self.scenario.source.path.clone(),
            repetition: self.repetition,
            attempt: self.attempt,
            outcome,
            took: Duration::ZERO,
            seed: 0,
            races: Vec::new(),
            unproven: 0,
            unknown: Vec::new(),
            log: Vec::new(),
            snapshots: Vec::new(),
            updated: 0,
            idle_redactions: Vec::new(),
            stream_patterns: Vec::new(),
            server: String::new(),
            people: Vec::new(),
            owner: self.scenario.owner.clone(),
            quarantine: None,
            trace: None,
            will_retry: false,
            earlier: Vec::new(),
        }
    }
}

/// What all scenarios of a run share.
#[derive(Clone)]
pub struct Ground {
    /// How long things may take.
    pub deadlines: Deadlines,
    /// Where snapshots are kept; without it they are only taken.
    pub store: Option<Store>,
    /// With it, every step is followed by the barrier, and this long no delivery may come behind it.
    pub audit: Option<Duration>,
    /// What generated values and races are made from.
    pub luck: Luck,
    /// Where somebody says how scenarios go on; they are then played one at a time.
    pub desk: Option<Arc<Desk>>,
    /// Takes the events.
    pub sink: EventSink,
    /// Whether every step, request, frame and log line is an event too.
    pub detail: bool,
    /// How long a scenario may take that says nothing about it.
    pub timeout: Duration,
    /// Whether requests and handshakes carry a `traceparent`.
    pub traceparent: bool,
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
    ground: &Ground,
    server: Arc<Server>,
    stubs: &Started,
    seen: &Seen,
) -> ScenarioResult {
    let scenario = &job.scenario;
    let Seen { progress, began, .. } = seen;
    if let Some(desk) = &ground.desk {
        if desk.has_ended() {
            return job.unplayed(Outcome::Interrupted { waiting: Vec::new() });
        }
        desk.begin();
    }
    // The trace id of W3C trace context: 16 bytes, never all zero.
    let trace = ground.traceparent.then(|| uuid::Uuid::new_v4().simple().to_string());
    let instance = Arc::new(job.instance());
    let tell = |kind| (ground.sink)(Event { scenario: Some(Arc::clone(&instance)), at: began.elapsed(), kind });
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
    if ground.detail {
        for (file, text) in files_of(scenario) {
            tell(EventKind::Source { file: file.to_path_buf(), text: Arc::from(text) });
        }
    }
    let world = match world(job, ground, &server, seen, &instance, trace.clone(), stubs) {
        Ok(world) => world,
        Err(failure) => return job.unplayed(Outcome::Failed { failures: vec![*failure] }),
    };
    for stub in world.stubs.values() {
        stub.attend(&world);
    }
    let mut top = Here::top(Arc::clone(&world));

    let mut limit = scenario.timeout.unwrap_or(ground.timeout).mul_f64(ground.deadlines.slow);
    if ground.desk.is_some() {
        // Nobody is hurried who sits and looks.
        limit = A_YEAR;
    }
    let story = async {
        introduce(&top).await?;
        story(&mut top, scenario, ground.audit).await
    };
    let mut failures = within(limit, progress, story).await.err().unwrap_or_default();
    let ended = || ground.desk.as_ref().is_some_and(|desk| desk.has_ended());
    if ended() {
        return job.unplayed(Outcome::Interrupted { waiting: Vec::new() });
    }
    let mut shown = false;
    if let Some(desk) = &ground.desk {
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
    let compared = snapshot::compare(&world, ground.store.as_ref(), failures.is_empty());
    failures.extend(compared.failures);
    if let Some(desk) = &ground.desk {
        if !shown {
            desk.failed(&top, &failures).await;
        }
        if ended() && failures.is_empty() {
            return job.unplayed(Outcome::Interrupted { waiting: Vec::new() });
        }
    }
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
        seed: ground.luck.seed_of(job.repetition, job.attempt),
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

/// Who took part, with what one needs to go on by hand.
fn people(top: &Here) -> Vec<crate::event::Person> {
    let one = |participant: &Arc<Participant>| {
        let mut there = top.clone();
        there.me = Some(Arc::clone(participant));
        let text = |name: &str| participant.var(name).as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        let paste = participant.spec.protocol.state.first().and_then(|(_, http)| {
            let url = there.url(&there.text(&http.path).ok()?, None).ok()?;
            let headers = there.headers(&[], &url).ok()?;
            let headers: Vec<String> = headers
                .iter()
                .filter(|(name, _)| *name != http::TRACEPARENT)
                .map(|(name, value)| format!("-H '{name}: {}' ", String::from_utf8_lossy(value.as_bytes())))
                .collect();
            Some(format!("curl {}'{url}'", headers.concat()))
        });
        crate::event::Person { key: participant.key().to_owned(), id: text("id"), token: text("token"), paste }
    };
    top.world.participants.values().map(one).collect()
}

fn world(
    job: &Job,
    ground: &Ground,
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
    let seed = ground.luck.seed_of(job.repetition, job.attempt);
    let chance = Arc::new(Chance::new(seed, &job.label));
    // Where others use the server too, or it lasts, repetitions that draw the same still need identities of their own.
    let apart = seen.log.shared.load(Ordering::Relaxed) && ground.luck.same;
    Ok(Arc::new(World {
        scenario: Arc::clone(scenario),
        instance: Arc::clone(instance),
        row: job.row(),
        run: chance.digits(apart.then_some((job.repetition, job.attempt))),
        chance,
        jitter: ground.luck.jitter,
        began: seen.began,
        deadlines: ground.deadlines,
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
        steps: 0.into(),
        exchanges: 0.into(),
        sink: Arc::clone(&ground.sink),
        detail: ground.detail,
        desk: ground.desk.clone(),
        log: Arc::clone(&seen.log),
        progress: Arc::clone(&seen.progress),
        trace,
        secrets: ground.secrets.clone(),
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

/// Gives every participant its identity: the templates, then the log-in steps.
async fn introduce(top: &Here) -> Result<(), Vec<Failure>> {
    for participant in top.world.participants.values() {
        let identity = identity(&participant.spec, &top.world).map_err(|error| {
            let mut failure = Failure::new(
                FailureKind::Scenario,
                format!("the identity of `{}`: {}", participant.key(), error.message),
            );
            failure.participant = Some(participant.key().to_owned());
            vec![failure]
        })?;
        *lock(&participant.vars) = identity;
        let mut there = top.clone();
        there.me = Some(Arc::clone(participant));
        there.in_verb = true;
        there.shared = true;
        there.steps(&participant.spec.protocol.login).await?;
    }
    Ok(())
}

/// The values of a participant before anything is played: `key`, `name`, what the identity's templates give (each
/// sees those before it), and an empty `token` where none is given.
fn identity(
    spec: &ParticipantSpec,
    world: &World,
) -> Result<BTreeMap<String, Value>, crate::scenario::template::RenderError> {
    let mut scope =
        Naming { names: world.row.columns.clone(), chance: Arc::clone(&world.chance), key: spec.key.clone() };
    scope.names.insert("run".to_owned(), json!(world.run));
    let mut values = BTreeMap::from([
        ("key".to_owned(), json!(spec.key)),
        ("name".to_owned(), json!(spec.name.clone().unwrap_or_else(|| title_case(&spec.key)))),
        ("id".to_owned(), json!(spec.key)),
        ("token".to_owned(), json!("")),
    ]);
    let templates: IndexMap<&String, &Template> = spec.protocol.identity.iter().chain(&spec.identity).collect();
    for (name, template) in templates {
        scope.names.extend(values.iter().map(|(name, value)| (name.clone(), value.clone())));
        if name == "name" && spec.name.is_some() {
            continue;
        }
        values.insert(name.clone(), template.render(&scope)?);
    }
    Ok(values)
}

/// `leaver_2` as `Leaver 2`.
fn title_case(key: &str) -> String {
    let words = key.split('_').filter(|word| !word.is_empty()).map(|word| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>()).unwrap_or_default()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Judges the invariants over the whole record; violations are failures, and what is unknown is told.
async fn promises(top: &Here, failures: &mut Vec<Failure>) -> (Vec<String>, Vec<StreamPattern>) {
    let world = &top.world;
    let protocol = Arc::clone(&world.scenario.protocol);
    if protocol.invariants.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut stored = Vec::new();
    for stream in &protocol.streams {
        let values = values_of(stream, &lock(&world.record));
        for value in values {
            let items = read_back(top, stream, &value).await;
            stored.push(StoredStream { name: stream.name.clone(), stream: value, items });
        }
    }
    let record = lock(&world.record);
    for stream in protocol.streams.iter().filter(|_| world.detail) {
        for link in invariant::links(&record, &world.members(), stream) {
            world.tell(|| link);
        }
    }
    let mut unknown = Vec::new();
    let (verdicts, uses) = judge_all(&record, &world.members(), &protocol.streams, &stored, &protocol.invariants);
    for verdict in verdicts {
        match verdict.outcome {
            invariant::Outcome::Holds { .. } => {}
            invariant::Outcome::Unknown { why } => {
                unknown.push(format!("{} ({}): {why}", verdict.invariant.name(), verdict.stream));
            }
            invariant::Outcome::Violated(evidence) => {
                let headline = format!("{}: {}", verdict.invariant.name(), evidence.headline);
                let mut failure = Failure::new(FailureKind::Invariant, headline);
                failure.participant = Some(evidence.participant.clone());
                // They describe the entries of the record, each in a line.
                failure.details = evidence.details;
                failure.entries = evidence.entries.iter().map(|mention| mention.index).collect();
                failures.push(failure);
            }
        }
    }
    let patterns = protocol.streams.iter().zip(uses).flat_map(|(stream, uses)| {
        uses.into_iter().map(|used| patterns::stream_pattern(&protocol, &record, stream, used)).collect::<Vec<_>>()
    });
    (unknown, patterns.collect())
}

/// The value of a stream that a connection's request names.
fn stream_of(stream: &Stream, path: &str, query: &BTreeMap<String, String>) -> Option<String> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let opened = json!({ "path": path, "segments": segments, "query": query });
    stream.named(stream.connection.as_ref(), &opened)
}

/// The values of a stream that a record speaks of.
fn values_of(stream: &Stream, record: &Record) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let mut add = |value: Option<String>| {
        if let Some(value) = value
            && !values.contains(&value)
        {
            values.push(value);
        }
    };
    for entry in &record.entries {
        match &entry.what {
            What::Received { frame, .. } => {
                let frame = frame.value();
                if stream.frame.matches(&frame) {
                    add(stream.named(stream.stream.as_ref(), &frame));
                }
            }
            What::Opened { path, query, .. } => add(stream_of(stream, path, query)),
            What::Exchange(exchange) => {
                for send in &stream.sends {
                    if let crate::scenario::stream::Send::Request { request, stream: place, .. } = send {
                        let value = exchange.value("");
                        if request.matches(&value) {
                            add(stream.named(place.as_ref(), &value));
                        }
                    }
                }
            }
            What::Sent { .. } | What::Closed { .. } | What::Stub { .. } => {}
        }
    }
    values
}

/// Reads a stream back as the first participant who may.
async fn read_back(top: &Here, stream: &Stream, value: &str) -> Result<Vec<(String, i64)>, String> {
    const PAGES: usize = 10_000;
    let Some(readback) = &stream.readback else { return Err("the protocol declares no `readback`".to_owned()) };
    let mut why = "there is no participant to ask".to_owned();
    'participants: for participant in top.world.participants.values() {
        let mut there = top.clone();
        there.me = Some(Arc::clone(participant));
        there.locals.insert("stream".to_owned(), json!(value));
        let mut items: Vec<(String, i64)> = Vec::new();
        for _ in 0..PAGES {
            there.locals.insert("after".to_owned(), json!(items.last().map_or(0, |(_, order)| *order)));
            let node = crate::scenario::node::Node {
                at: Default::default(),
                kind: crate::scenario::node::Kind::String(readback.get.clone()),
            };
            let mut findings = crate::scenario::error::Findings::new(Arc::clone(&top.world.scenario.protocol.source));
            let path = Template::lower(&node, &mut findings).render_text(&there).map_err(|error| error.message)?;
            let answer = match there.get(&path, "read-back").await {
                Ok(answer) => answer,
                Err(failure) => {
                    // Who is refused may be followed by one who isn't; a server that doesn't answer answers nobody.
                    return Err(crate::text::shorten(&failure.headline, 160));
                }
            };
            if !(200..300).contains(&answer.status) {
                why = format!("{} answered {} to `{}`", answer.what, answer.status, participant.key());
                continue 'participants;
            }
            let page = readback.items.query(&answer.body).all();
            let before = items.len();
            for item in &page {
                match (text_at(&readback.id, item), integer_at(&readback.order, item)) {
                    (Some(id), Some(order)) => items.push((id, order)),
                    _ => return Err(format!("an item of {path} has no id or order: {item}")),
                }
            }
            let more = readback
                .more
                .as_ref()
                .and_then(|more| more.query(&answer.body).first())
                .and_then(Value::as_bool)
                .unwrap_or(false);
            if !more || items.len() == before {
                return Ok(items);
            }
        }
        return Err(format!("more than {PAGES} pages"));
    }
    Err(why)
}

/// The lines of the server's log that belong to this scenario: on a server of its own all of them, else those that
/// name its participants or what it captured, came while it was alone, or tell a stack trace.
fn own_lines(world: &World) -> Vec<LoggedLine> {
    const KEPT: usize = 400;
    let lines = lock(&world.log.lines).clone();
    let names: Vec<String> = lock(&world.vars)
        .values()
        .filter_map(Value::as_str)
        .filter(|text| text.len() >= 8)
        .map(str::to_owned)
        .collect();
    // Why a server ended stands in its last lines, whomever they name.
    let shared = world.log.shared.load(Ordering::Relaxed) && world.server.died().is_none();
    let alone = world.log.alone();
    let mut trouble = false;
    let own = lines.into_iter().enumerate().filter(|(place, line)| {
        trouble = tells_trouble(&line.text, trouble);
        !shared
            || trouble
            || alone.get(*place).copied().unwrap_or(false)
            || line.text.contains(&world.run)
            || names.iter().any(|name| line.text.contains(name))
    });
    let own = own.map(|(_, line)| line);
    let own: Vec<LoggedLine> = own.collect();
    own[own.len().saturating_sub(KEPT)..].to_vec()
}

/// Whether a line belongs to a stack trace or a panic. Such lines name nobody, and everybody wants to see them; they go
/// on while lines are indented, and end with the one that says what was raised.
fn tells_trouble(line: &str, before: bool) -> bool {
    const BEGINNINGS: [&str; 5] = ["Traceback (most recent", "panicked at", "goroutine ", "Unhandled", "Uncaught"];
    let begins = BEGINNINGS.iter().any(|beginning| line.contains(beginning));
    let goes_on = before && (line.starts_with([' ', '\t']) || line.contains("Error") || line.contains("Exception"));
    begins || goes_on
}

/// How a scenario ends whose server couldn't be started.
pub(crate) fn no_server(job: &Job, error: &SubjectError) -> ScenarioResult {
    let log = error.log_tail().iter().map(ToString::to_string).collect();
    job.unplayed(Outcome::NoServer { reason: error.to_string(), log })
}
