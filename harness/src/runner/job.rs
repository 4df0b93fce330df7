//! One attempt of a job: its server, its log, and the scenario played against it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;

use super::beside::UnderWay;
use super::crosstalk::Crosstalk;
use super::server_choice::{ChooseServer, ServerChoice};
use super::servers::{NoServer, ServerGone, SharedServers};
use super::stop::StopReason;
use crate::config::ServerSettings;
use crate::event::{
    Class, Event, EventKind, EventSink, Failure, FailureKind, Instance, Outcome, Place, ScenarioResult,
};
use crate::lock::lock;
use crate::plan::Job;
use crate::run::{self, LogBook, Progress, Session, Watch};
use crate::stub;
use crate::subject::in_process::log_dispatch;
use crate::subject::{LogLine, LogSink, Server, Subject};

/// An attempt that has ended.
pub(super) struct Attempted {
    pub(super) result: ScenarioResult,
    /// Whether another attempt could end otherwise.
    pub(super) may_retry: bool,
}

impl Attempted {
    /// The last attempt.
    pub(super) fn last(result: ScenarioResult) -> Self {
        Self { result, may_retry: false }
    }
}

/// Plays jobs, each on an async runtime of its own.
pub(super) struct JobPlayer {
    session: Session,
    choose_server: ChooseServer,
    log_level: LevelFilter,
    stopping: watch::Receiver<Option<StopReason>>,
    servers: SharedServers,
    crosstalk: Crosstalk,
    under_way: UnderWay,
    run_began: Instant,
}

impl JobPlayer {
    pub(super) fn new(
        session: Session,
        choose_server: ChooseServer,
        log_level: LevelFilter,
        stopping: watch::Receiver<Option<StopReason>>,
        runtime: Handle,
        run_began: Instant,
    ) -> Self {
        let servers = SharedServers::new(Arc::clone(&session.sink), session.settings.detail, runtime, run_began);
        let (crosstalk, under_way) = (Crosstalk::default(), UnderWay::default());
        Self { session, choose_server, log_level, stopping, servers, crosstalk, under_way, run_began }
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn since_run_began(&self) -> Duration {
        self.run_began.elapsed()
    }

    /// The shared servers that were started.
    pub(super) fn shared_servers(&self) -> Vec<Arc<Server>> {
        self.servers.started()
    }

    /// Plays one attempt of a job; ends it where the run ends early.
    pub(super) fn play(&self, job: &Job) -> Attempted {
        let unplayed = |outcome| Attempted::last(job.unplayed(outcome));
        let subject = match (self.choose_server)(&job.scenario) {
            ServerChoice::Skip(reason) => return unplayed(Outcome::Skipped { reason }),
            ServerChoice::Refuse(reason) => return unplayed(Outcome::NoServer { reason, log: Vec::new() }),
            ServerChoice::Play(subject) => subject,
        };
        if let Some(missing) = subject.missing_requirement() {
            let reason = format!("the program `{missing}`, which its server needs, is not on the PATH");
            return unplayed(Outcome::Skipped { reason });
        }
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let reason = format!("no async runtime could be made: {error}");
                return unplayed(Outcome::NoServer { reason, log: Vec::new() });
            }
        };
        let began = Instant::now();
        let book = Arc::new(LogBook::new(began));
        let events = self.session.settings.detail.then(|| Arc::clone(&self.session.sink));
        let sink = log_sink(&book, events, job.instance(), began);
        let _scope = matches!(subject, Subject::InProcess(_))
            .then(|| tracing::dispatcher::set_default(&log_dispatch(Arc::clone(&sink), self.log_level)));
        let seen = Watch { log: Arc::clone(&book), progress: Arc::new(Progress::default()), began };
        let mut stopping = self.stopping.clone();
        let attempted = runtime.block_on(async {
            let stopped = async {
                if stopping.wait_for(Option::is_some).await.is_err() {
                    std::future::pending::<()>().await;
                }
                // Asked before the scenario is dropped: its waits end with it.
                seen.progress.waiting()
            };
            tokio::select! {
                attempted = self.play_on_server(job, &subject, sink, seen.clone()) => attempted,
                waiting = stopped => {
                    let log = if book.shared.load(Ordering::Relaxed) { Vec::new() } else { lock(&book.lines).clone() };
                    let result = job.unplayed(Outcome::Interrupted { waiting });
                    Attempted::last(ScenarioResult { took: began.elapsed(), log, ..result })
                }
            }
        });
        runtime.shutdown_timeout(Duration::from_millis(100));
        attempted
    }

    /// Starts the stubs and plays the job on a server of its own, in process or where it acts on the server, or on a
    /// shared one.
    async fn play_on_server(&self, job: &Job, subject: &Subject, sink: LogSink, seen: Watch) -> Attempted {
        let unplayed = |outcome| Attempted::last(job.unplayed(outcome));
        let starting = seen.progress.wait(None, format!("the server `{}` to be ready", subject.name()), None);
        // Before the server, which is told where they are.
        let stubs = match stub::start(&job.scenario, &job.row()).await {
            Ok(stubs) => stubs,
            Err(failure) => return unplayed(Outcome::Failed { failures: vec![*failure] }),
        };
        let mut settings = match job.scenario.server.settings(&stub::scope(&job.row(), &stubs)) {
            Ok(settings) => settings,
            Err(error) => {
                let mut failure = Failure::new(FailureKind::Scenario, format!("in `server`: {}", error.message));
                failure.place = Some(Place::new(&job.scenario.source, error.at));
                return unplayed(Outcome::Failed { failures: vec![failure] });
            }
        };
        if !matches!(subject, Subject::InProcess(_)) {
            // Others say that themselves, and whether two scenarios share one doesn't depend on it.
            settings.threads = None;
        }
        if subject.shares() && !(subject.is_ours() && job.scenario.acts_on_server) {
            return self.play_on_shared(job, subject, settings, || drop(starting), &stubs, seen).await;
        }
        let server = match subject.start(&settings, sink).await {
            Ok(server) => Arc::new(server),
            Err(error) => return Attempted::last(run::no_server(job, &error)),
        };
        drop(starting);
        seen.log.begin(seen.began);
        let stay = self.under_way.begin(&job.label, None);
        let mut result = run::play(job, &self.session, Arc::clone(&server), &stubs, &seen).await;
        if !result.failures().is_empty() {
            result.beside = stay.others();
        }
        // Its port is free for the next, and nobody needs its state any more.
        let _ = server.kill().await;
        result.left_behind = server.left_behind();
        Attempted { result, may_retry: true }
    }

    /// Plays the job on a server that other scenarios use too.
    async fn play_on_shared(
        &self,
        job: &Job,
        subject: &Subject,
        settings: ServerSettings,
        server_is_ready: impl FnOnce(),
        stubs: &stub::RunningStubs,
        seen: Watch,
    ) -> Attempted {
        seen.log.shared.store(true, Ordering::Relaxed);
        let (server, usage) = match self.servers.get(job, subject, settings, &seen.log).await {
            Ok(got) => got,
            Err(NoServer::Failed(error)) => return Attempted::last(run::no_server(job, &error)),
            Err(NoServer::Gone(ServerGone { reason, class })) => {
                return Attempted::last(job.unplayed(Outcome::NotRun { reason, class }));
            }
        };
        server_is_ready();
        // Building and starting a shared server is not this scenario's time.
        let seen = Watch { began: Instant::now(), ..seen };
        seen.log.begin(seen.began);
        let (url, run_id) = (server.url().to_owned(), run::digits(job, &self.session, true));
        self.crosstalk.record(&url, &run_id, &job.label);
        let stay = self.under_way.begin(&job.label, Some(url.clone()));
        let mut result = run::play(job, &self.session, server, stubs, &seen).await;
        if !result.failures().is_empty() {
            result.beside = stay.others();
        }
        drop(stay);
        self.crosstalk.explain(&mut result, &url, &run_id, subject);
        usage.check(result.class() == Some(Class::Environment)).await;
        Attempted { result, may_retry: !usage.is_gone() }
    }
}

/// Where a server's log lines of one scenario go: into its log, and into the events where they hold details.
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
