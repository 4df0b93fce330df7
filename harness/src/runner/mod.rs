//! Runs many scenarios: each on a thread and runtime of its own, so that parallel scenarios have separate logs and
//! a fresh server in process each; commands are started once for each distinct configuration and shared (`shared`).

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;

use crate::event::{
    Attempt, Class, Event, EventKind, EventSink, Failure, FailureKind, Instance, Outcome, Place, Quarantined,
    ScenarioResult, Summary,
};
use crate::plan::Job;
use crate::run::{LogBook, Progress, Session, Watch, lock};
use crate::scenario::model::Scenario;
use crate::subject::in_process::log_dispatch;
use crate::subject::{LogLine, LogSink, Server, Subject};
use crate::{run, stub};

mod neighbours;
mod shared;

use neighbours::Neighbours;
use shared::{Gone, NoServer, Servers};

/// How long a server may take to end before somebody is told that it is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What to do with a scenario.
#[derive(Debug, Clone)]
pub enum Way {
    /// Play it against this server.
    Play(Subject),
    /// Leave it out, for this reason.
    Skip(String),
    /// It can't be played: the configuration is wrong.
    Refuse(String),
}

/// How many scenarios run at once unless somebody says it: two for each core, since they mostly wait.
pub(crate) fn default_jobs() -> usize {
    2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Says how each scenario gets its server.
pub type Ways = Arc<dyn Fn(&Scenario) -> Way + Send + Sync>;

/// How a run is carried out.
#[derive(Clone)]
pub struct Options {
    /// How many scenarios run at once.
    pub jobs: usize,
    /// How many failures end the run; those in quarantine don't count.
    pub max_fail: Option<usize>,
    /// How often a scenario that failed is played again.
    pub retries: usize,
    /// Whether the run fails with scenarios that passed only when they were played again.
    pub flaky_fails: bool,
    /// How long the run may take.
    pub limit: Option<Duration>,
    /// The day by which quarantines are judged, in UTC.
    pub today: Date,
    /// Which part of the whole this is, `2/4`, where it is one.
    pub shard: Option<String>,
    /// Arguments of the command line without which a scenario that is played again is played otherwise.
    pub again: Vec<String>,
    /// From which level on a server in process logs.
    pub level: LevelFilter,
    /// Turns true when the run is to end.
    pub interrupted: watch::Receiver<bool>,
    /// The server, for people.
    pub server: String,
    /// Whether shared servers are left running.
    pub keep: bool,
}

impl Options {
    /// So many scenarios at once, without limits and retries.
    pub fn new(jobs: usize, server: String, interrupted: watch::Receiver<bool>) -> Self {
        Self {
            jobs,
            max_fail: None,
            retries: 0,
            flaky_fails: false,
            limit: None,
            today: today(),
            shard: None,
            again: Vec::new(),
            level: LevelFilter::INFO,
            interrupted,
            server,
            keep: false,
        }
    }
}

/// What a run gave.
pub struct Ran {
    /// The scenarios' results, in the order of the plan.
    pub results: Vec<ScenarioResult>,
    /// The numbers.
    pub summary: Summary,
    /// The shared servers that were kept, with the runtime that watches them.
    pub kept: Option<(Vec<Arc<Server>>, tokio::runtime::Runtime)>,
}

/// The day by which quarantines are judged: that of UTC, so that it is the same day for everybody.
pub fn today() -> Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Plays all jobs and tells about it through the session's sink. Blocks until everything has ended.
///
/// # Errors
/// Only the operating system's, where no runtime can be made.
pub fn run(jobs: &[Job], session: &Session, ways: &Ways, options: &Options) -> std::io::Result<Ran> {
    let mut session = session.clone();
    if let Some(secrets) = &session.secrets {
        session.sink = secrets.sink(session.sink);
    }
    let began = Instant::now();
    let home = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let parallel = options.jobs.clamp(1, jobs.len().max(1));
    let started = EventKind::RunStarted {
        version: crate::event::VERSION,
        roundtable: env!("CARGO_PKG_VERSION").to_owned(),
        started: jiff::Timestamp::now().to_string(),
        seed: session.settings.randomness.seed,
        scenarios: jobs.len(),
        jobs: parallel,
        server: options.server.clone(),
        shard: options.shard.clone(),
        again: options.again.clone(),
    };
    (session.sink)(Event { scenario: None, at: began.elapsed(), kind: started });
    let (stop, stopping) = watch::channel(None);
    home.spawn(ends(options.interrupted.clone(), options.limit, stop));

    let shared = Shared {
        queue: Mutex::new(jobs.iter().cloned().enumerate().collect()),
        results: Mutex::new(BTreeMap::new()),
        servers: Servers::default(),
        neighbours: Neighbours::default(),
        failed: AtomicUsize::new(0),
        stopping: stopping.clone(),
        home: home.handle().clone(),
        session,
        ways: Arc::clone(ways),
        options: options.clone(),
        began,
    };
    std::thread::scope(|scope| {
        for number in 0..parallel {
            let name = format!("scenario-{number}");
            let spawned = std::thread::Builder::new().name(name).spawn_scoped(scope, || shared.work());
            if spawned.is_err() && number == 0 {
                shared.work();
            }
        }
    });

    let servers = shared.servers.started();
    let results: Vec<ScenarioResult> = std::mem::take(&mut *lock(&shared.results)).into_values().collect();
    let mut summary = Summary { flaky_fails: options.flaky_fails, ..Summary::default() };
    for result in &results {
        summary.add(result);
    }
    summary.not_begun = jobs.len() - results.len();
    match *stopping.borrow() {
        Some(Stop::Limit(limit)) if summary.interrupted || summary.not_begun > 0 => {
            summary.interrupted = false;
            summary.limit = Some(limit);
        }
        Some(Stop::Interrupted) => summary.interrupted = true,
        _ => {}
    }
    summary.took = began.elapsed();
    let sink = Arc::clone(&shared.session.sink);
    drop(shared);
    if options.keep {
        return Ok(Ran { results, summary, kept: Some((servers, home)) });
    }
    home.block_on(async {
        let ends = servers.iter().map(|server| async {
            let stop = server.stop();
            let mut stop = std::pin::pin!(stop);
            if tokio::time::timeout(PATIENCE, &mut stop).await.is_err() {
                let kind = EventKind::Ending { server: server.name().to_owned(), patience: server.patience() };
                sink(Event { scenario: None, at: began.elapsed(), kind });
                let _ = stop.await;
            }
        });
        // A server that can't be stopped gracefully is ended when it is dropped.
        let _ = futures_util::future::join_all(ends).await;
    });
    drop(servers);
    home.shutdown_timeout(Duration::from_secs(1));
    Ok(Ran { results, summary, kept: None })
}

/// Says when the run is to end before its end; for ever silent where nothing ends it.
async fn ends(mut interrupted: watch::Receiver<bool>, limit: Option<Duration>, stop: watch::Sender<Option<Stop>>) {
    let mut limited = std::pin::pin!(async {
        match limit {
            Some(limit) => {
                tokio::time::sleep(limit).await;
                Stop::Limit(limit)
            }
            None => std::future::pending().await,
        }
    });
    let now = tokio::select! {
        asked = async { interrupted.wait_for(|now| *now).await.is_ok() } => asked.then_some(Stop::Interrupted),
        limit = &mut limited => Some(limit),
    };
    let now = match now {
        Some(now) => now,
        // Nobody can ask any more; the limit still holds.
        None => limited.await,
    };
    stop.send_replace(Some(now));
}

pub(crate) struct Shared {
    queue: Mutex<VecDeque<(usize, Job)>>,
    results: Mutex<BTreeMap<usize, ScenarioResult>>,
    servers: Servers,
    neighbours: Neighbours,
    /// How many have failed, of which so many end the run.
    failed: AtomicUsize,
    stopping: watch::Receiver<Option<Stop>>,
    home: tokio::runtime::Handle,
    session: Session,
    ways: Ways,
    options: Options,
    began: Instant,
}

/// Why a run ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Interrupted,
    Limit(Duration),
}

impl Shared {
    fn work(&self) {
        while !self.is_over() {
            let next = lock(&self.queue).pop_front();
            let Some((place, job)) = next else { return };
            let result = self.attempts(&job);
            let counts = match result.outcome {
                Outcome::Failed { .. } => !result.is_quarantined(),
                Outcome::NoServer { .. } => true,
                _ => false,
            };
            if counts {
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
            lock(&self.results).insert(place, result);
        }
    }

    /// Whether no other scenario is begun.
    fn is_over(&self) -> bool {
        let enough = |most| self.failed.load(Ordering::Relaxed) >= most;
        self.options.max_fail.is_some_and(enough) || self.stopping.borrow().is_some()
    }

    /// Plays a job, again where it fails and may be played again; gives the last result.
    fn attempts(&self, job: &Job) -> ScenarioResult {
        let mut earlier: Vec<Attempt> = Vec::new();
        loop {
            let attempt = earlier.len() + 1;
            let job = Job { attempt, ..job.clone() };
            let (mut result, again) = self.caught(&job);
            let failed = matches!(result.outcome, Outcome::Failed { .. });
            let again = again && failed && attempt <= self.options.retries && !self.is_over();
            result.owner.clone_from(&job.scenario.owner);
            result.quarantine = job.scenario.quarantine.as_ref().map(|quarantine| Quarantined {
                issue: quarantine.issue.clone(),
                until: quarantine.until.to_string(),
                expired: quarantine.is_over(self.options.today),
            });
            result.will_retry = again;
            result.earlier.clone_from(&earlier);
            if let Some(secrets) = &self.session.secrets {
                result = secrets.mask_result(result);
            }
            let event = Event {
                scenario: Some(Arc::new(job.instance())),
                at: self.began.elapsed(),
                kind: EventKind::ScenarioFinished(Box::new(result.clone())),
            };
            (self.session.sink)(event);
            match result.outcome {
                Outcome::Failed { failures } if again => {
                    earlier.push(Attempt {
                        seed: result.seed,
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

    /// Plays a job once; a mistake of this program fails that job alone. The second says whether another attempt may
    /// be worth it.
    fn caught(&self, job: &Job) -> (ScenarioResult, bool) {
        let began = Instant::now();
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.one(job))) {
            Ok(played) => played,
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
                let headline = format!("the runner itself panicked: {said}");
                let mut failure = Failure::new(FailureKind::Environment, headline);
                failure.details.push("this is a mistake of roundtable; please report it".to_owned());
                let outcome = Outcome::Failed { failures: vec![failure] };
                (ScenarioResult { took: began.elapsed(), ..job.unplayed(outcome) }, false)
            }
        }
    }

    fn one(&self, job: &Job) -> (ScenarioResult, bool) {
        let unplayed = |outcome| (job.unplayed(outcome), false);
        let subject = match (self.ways)(&job.scenario) {
            Way::Skip(reason) => return unplayed(Outcome::Skipped { reason }),
            Way::Refuse(reason) => return unplayed(Outcome::NoServer { reason, log: Vec::new() }),
            Way::Play(subject) => subject,
        };
        if let Some(missing) = subject.missing_requirement() {
            let reason = format!("the program `{missing}`, which its server needs, is not on the PATH");
            return unplayed(Outcome::Skipped { reason });
        }
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let reason = format!("no runtime could be made: {error}");
                return unplayed(Outcome::NoServer { reason, log: Vec::new() });
            }
        };
        let began = Instant::now();
        let book = Arc::new(LogBook::new(began));
        let events = self.session.settings.detail.then(|| Arc::clone(&self.session.sink));
        let sink = log_sink(&book, events, job.instance(), began);
        let _scope = matches!(subject, Subject::InProcess(_))
            .then(|| tracing::dispatcher::set_default(&log_dispatch(Arc::clone(&sink), self.options.level)));
        let seen = Watch { log: Arc::clone(&book), progress: Arc::new(Progress::default()), began };
        let mut stopping = self.stopping.clone();
        let played = runtime.block_on(async {
            let stopped = async {
                if stopping.wait_for(Option::is_some).await.is_err() {
                    std::future::pending::<()>().await;
                }
                // Asked before the scenario is dropped: its waits end with it.
                seen.progress.waiting()
            };
            tokio::select! {
                played = self.play(job, &subject, sink, seen.clone()) => played,
                waiting = stopped => {
                    let log = if book.shared.load(Ordering::Relaxed) { Vec::new() } else { lock(&book.lines).clone() };
                    let result = job.unplayed(Outcome::Interrupted { waiting });
                    (ScenarioResult { took: began.elapsed(), log, ..result }, false)
                }
            }
        });
        runtime.shutdown_timeout(Duration::from_millis(100));
        played
    }

    /// Plays a job on its server: one of its own in process and where it acts on the server, else the shared one.
    async fn play(&self, job: &Job, subject: &Subject, sink: LogSink, seen: Watch) -> (ScenarioResult, bool) {
        let book = &seen.log;
        let starting = seen.progress.wait(None, format!("the server `{}` to be ready", subject.name()), None);
        // Before the server, which is told where they are.
        let stubs = match stub::start(&job.scenario, &job.row()).await {
            Ok(stubs) => stubs,
            Err(failure) => return (job.unplayed(Outcome::Failed { failures: vec![*failure] }), false),
        };
        let settings = match job.scenario.server.settings(&stub::scope(&job.row(), &stubs)) {
            Ok(settings) => settings,
            Err(error) => {
                let mut failure = Failure::new(FailureKind::Scenario, format!("in `server`: {}", error.message));
                failure.place = Some(Place::new(&job.scenario.source, error.at));
                return (job.unplayed(Outcome::Failed { failures: vec![failure] }), false);
            }
        };
        if !subject.shares() || (subject.is_ours() && job.scenario.acts_on_server) {
            let server = match subject.start(&settings, sink).await {
                Ok(server) => Arc::new(server),
                Err(error) => return (run::no_server(job, &error), false),
            };
            drop(starting);
            book.begin(seen.began);
            let result = run::play(job, &self.session, Arc::clone(&server), &stubs, &seen).await;
            // Its port is free for the next, and nobody needs its state any more.
            let _ = server.kill().await;
            return (result, true);
        }
        book.shared.store(true, Ordering::Relaxed);
        let (server, used) = match self.servers.get(self, job, subject, settings, book).await {
            Ok(got) => got,
            Err(NoServer::Failed(error)) => return (run::no_server(job, &error), false),
            Err(NoServer::Gone(Gone { reason, class })) => {
                return (job.unplayed(Outcome::NotRun { reason, class }), false);
            }
        };
        drop(starting);
        // A shared server's build and start are nobody's time.
        let seen = Watch { began: Instant::now(), ..seen.clone() };
        seen.log.begin(seen.began);
        let (url, digits) = (server.url().to_owned(), run::digits(job, &self.session, true));
        self.neighbours.note(&url, &digits, &job.label);
        let mut result = run::play(job, &self.session, server, &stubs, &seen).await;
        self.neighbours.tell(&mut result, &url, &digits, subject);
        used.check(result.class() == Some(Class::Environment)).await;
        let again = !used.is_gone();
        (result, again)
    }
}

fn log_sink(book: &Arc<LogBook>, events: Option<EventSink>, instance: Instance, began: Instant) -> LogSink {
    let book = Arc::downgrade(book);
    let instance = Arc::new(instance);
    Arc::new(move |line: LogLine| {
        if let Some(book) = book.upgrade() {
            book.push(line.text.clone(), true);
        }
        if let Some(events) = &events {
            let kind = EventKind::ServerLog { line: line.text };
            events(Event { scenario: Some(Arc::clone(&instance)), at: began.elapsed(), kind });
        }
    })
}
