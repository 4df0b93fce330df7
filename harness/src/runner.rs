//! Runs many scenarios: each on a thread and runtime of its own, so that parallel scenarios have separate logs and
//! a fresh server in process each; commands are started once for each distinct configuration and shared.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{OnceCell, watch};
use tracing::level_filters::LevelFilter;

use crate::event::{Event, EventKind, EventSink, Instance, Outcome, ScenarioResult, Summary};
use crate::run::{self, Ground, Job, LogBook, lock};
use crate::scenario::model::Scenario;
use crate::subject::in_process::log_dispatch;
use crate::subject::{LogLine, LogSink, Server, Settings, Subject, SubjectError};

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

/// Says how each scenario gets its server.
pub type Ways = Arc<dyn Fn(&Scenario) -> Way + Send + Sync>;

/// How a run is carried out.
#[derive(Clone)]
pub struct Options {
    /// How many scenarios run at once.
    pub jobs: usize,
    /// Whether to stop behind the first failure.
    pub fail_fast: bool,
    /// From which level on a server in process logs.
    pub level: LevelFilter,
    /// Turns true when the run is to end.
    pub interrupted: watch::Receiver<bool>,
    /// The server, for people.
    pub server: String,
    /// Whether shared servers are left running.
    pub keep: bool,
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

/// Plays all jobs and tells about it through the ground's sink. Blocks until everything has ended.
///
/// # Errors
/// Only the operating system's, where no runtime can be made.
pub fn run(jobs: &[Job], ground: &Ground, ways: &Ways, options: &Options) -> std::io::Result<Ran> {
    let began = Instant::now();
    let home = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let tell = |kind| (ground.sink)(Event { scenario: None, at: began.elapsed(), kind });
    let parallel = options.jobs.clamp(1, jobs.len().max(1));
    tell(EventKind::RunStarted {
        version: crate::event::VERSION,
        roundtable: env!("CARGO_PKG_VERSION").to_owned(),
        started: jiff::Timestamp::now().to_string(),
        seed: ground.luck.seed,
        scenarios: jobs.len(),
        jobs: parallel,
        server: options.server.clone(),
    });

    let shared = Shared {
        queue: Mutex::new(jobs.iter().cloned().enumerate().collect()),
        results: Mutex::new(BTreeMap::new()),
        servers: Mutex::new(BTreeMap::new()),
        stop: AtomicBool::new(false),
        home: home.handle().clone(),
        ground: ground.clone(),
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

    let servers: Vec<Arc<Server>> = lock(&shared.servers)
        .values()
        .filter_map(|cell| {
            cell.get().and_then(|started| started.as_ref().ok()).map(|started| Arc::clone(&started.server))
        })
        .collect();
    let results: Vec<ScenarioResult> = std::mem::take(&mut *lock(&shared.results)).into_values().collect();
    let mut summary = Summary::default();
    for result in &results {
        summary.add(result);
    }
    summary.not_begun = jobs.len() - results.len();
    summary.interrupted |= *options.interrupted.borrow();
    summary.took = began.elapsed();
    drop(shared);
    if options.keep {
        return Ok(Ran { results, summary, kept: Some((servers, home)) });
    }
    home.block_on(async {
        let ends = servers.iter().map(|server| server.stop());
        // A server that can't be stopped gracefully is ended when it is dropped.
        let _ = futures_util::future::join_all(ends).await;
    });
    drop(servers);
    home.shutdown_timeout(Duration::from_secs(1));
    Ok(Ran { results, summary, kept: None })
}

type SharedServer = Result<Started, Arc<SubjectError>>;

struct Started {
    server: Arc<Server>,
    hub: Arc<Hub>,
}

/// Hands the lines of a shared server to every scenario that is under way on it.
#[derive(Default)]
struct Hub {
    books: Mutex<Vec<Weak<LogBook>>>,
}

impl Hub {
    fn push(&self, line: &LogLine) {
        let mut books = lock(&self.books);
        books.retain(|book| book.strong_count() > 0);
        for book in books.iter().filter_map(Weak::upgrade) {
            book.push(line.text.clone());
        }
    }
}

struct Shared {
    queue: Mutex<VecDeque<(usize, Job)>>,
    results: Mutex<BTreeMap<usize, ScenarioResult>>,
    servers: Mutex<BTreeMap<String, Arc<OnceCell<SharedServer>>>>,
    stop: AtomicBool,
    home: tokio::runtime::Handle,
    ground: Ground,
    ways: Ways,
    options: Options,
    began: Instant,
}

impl Shared {
    fn work(&self) {
        while !self.stop.load(Ordering::Relaxed) && !*self.options.interrupted.borrow() {
            let next = lock(&self.queue).pop_front();
            let Some((place, job)) = next else { return };
            let result = self.one(&job);
            if self.options.fail_fast && matches!(result.outcome, Outcome::Failed { .. } | Outcome::NoServer { .. }) {
                self.stop.store(true, Ordering::Relaxed);
            }
            let event = Event {
                scenario: Some(Arc::new(job.instance())),
                at: self.began.elapsed(),
                kind: EventKind::ScenarioFinished(Box::new(result.clone())),
            };
            (self.ground.sink)(event);
            lock(&self.results).insert(place, result);
        }
    }

    fn one(&self, job: &Job) -> ScenarioResult {
        let subject = match (self.ways)(&job.scenario) {
            Way::Skip(reason) => return job.unplayed(Outcome::Skipped { reason }),
            Way::Refuse(reason) => return job.unplayed(Outcome::NoServer { reason, log: Vec::new() }),
            Way::Play(subject) => subject,
        };
        if let Some(missing) = subject.missing_requirement() {
            let reason = format!("the program `{missing}`, which its server needs, is not on the PATH");
            return job.unplayed(Outcome::Skipped { reason });
        }
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let reason = format!("no runtime could be made: {error}");
                return job.unplayed(Outcome::NoServer { reason, log: Vec::new() });
            }
        };
        let began = Instant::now();
        let book = Arc::new(LogBook::new(began));
        let events = self.ground.detail.then(|| Arc::clone(&self.ground.sink));
        let sink = log_sink(&book, events, job.instance(), began);
        let _scope = matches!(subject, Subject::InProcess(_))
            .then(|| tracing::dispatcher::set_default(&log_dispatch(Arc::clone(&sink), self.options.level)));
        let mut interrupted = self.options.interrupted.clone();
        let result = runtime.block_on(async {
            let playing = async {
                match self.server(job, &subject, &book, sink).await {
                    Ok(server) => {
                        // A shared server's build and start are nobody's time.
                        let began = if book.shared.load(Ordering::Relaxed) { Instant::now() } else { began };
                        book.begin(began);
                        run::play(job, &self.ground, server, Arc::clone(&book), began).await
                    }
                    Err(error) => run::no_server(job, &error),
                }
            };
            tokio::select! {
                result = playing => result,
                _ = interrupted.wait_for(|now| *now) => job.unplayed(Outcome::Interrupted),
            }
        });
        runtime.shutdown_timeout(Duration::from_millis(100));
        result
    }

    /// A server for one job: its own in process and where it acts on the server, else the shared one.
    async fn server(
        &self,
        job: &Job,
        subject: &Subject,
        book: &Arc<LogBook>,
        sink: LogSink,
    ) -> Result<Arc<Server>, Arc<SubjectError>> {
        let wishes = &job.scenario.server;
        let settings = Settings { config: wishes.config.clone(), env: wishes.env.clone(), args: wishes.args.clone() };
        if !subject.shares() || (subject.is_ours() && job.scenario.acts_on_server) {
            return subject.start(&settings, sink).await.map(Arc::new).map_err(Arc::new);
        }
        book.shared.store(true, Ordering::Relaxed);
        let key = format!("{} {settings:?}", subject.name());
        let cell = Arc::clone(lock(&self.servers).entry(key).or_default());
        let started = cell
            .get_or_init(|| async {
                let hub = Arc::new(Hub::default());
                let lines = Arc::clone(&hub);
                let (events, detail, began) = (Arc::clone(&self.ground.sink), self.ground.detail, self.began);
                let sink: LogSink = Arc::new(move |line: LogLine| {
                    lines.push(&line);
                    if !detail {
                        return;
                    }
                    events(Event {
                        scenario: None,
                        at: began.elapsed(),
                        kind: EventKind::ServerLog { line: line.text },
                    });
                });
                if let Subject::Subprocess(spec) = subject
                    && !spec.build.is_empty()
                {
                    let kind = EventKind::Building { command: spec.build.join(" ") };
                    (self.ground.sink)(Event { scenario: None, at: self.began.elapsed(), kind });
                }
                let subject = subject.clone();
                // On the run's own runtime, which lives longer than this scenario's.
                let server = self.home.spawn(async move { subject.start(&settings, sink).await }).await;
                match server {
                    Ok(Ok(server)) => Ok(Started { server: Arc::new(server), hub }),
                    Ok(Err(error)) => Err(Arc::new(error)),
                    Err(panic) => Err(Arc::new(SubjectError::Settings {
                        server: "shared".to_owned(),
                        problem: panic.to_string(),
                    })),
                }
            })
            .await;
        let started = started.as_ref().map_err(Arc::clone)?;
        if let Some(death) = started.server.died() {
            let log = started.server.log_tail(50);
            return Err(Arc::new(SubjectError::Gone { server: started.server.name().to_owned(), how: death, log }));
        }
        lock(&started.hub.books).push(Arc::downgrade(book));
        Ok(Arc::clone(&started.server))
    }
}

fn log_sink(book: &Arc<LogBook>, events: Option<EventSink>, instance: Instance, began: Instant) -> LogSink {
    let book = Arc::downgrade(book);
    let instance = Arc::new(instance);
    Arc::new(move |line: LogLine| {
        if let Some(book) = book.upgrade() {
            book.push(line.text.clone());
        }
        if let Some(events) = &events {
            let kind = EventKind::ServerLog { line: line.text };
            events(Event { scenario: Some(Arc::clone(&instance)), at: began.elapsed(), kind });
        }
    })
}
