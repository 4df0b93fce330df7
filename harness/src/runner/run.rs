//! The whole run: plays all jobs, sums up, and ends the servers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::options::RunOptions;
use super::server_choice::ChooseServer;
use super::stop::{StopReason, watch_for_stop};
use super::worker::{Workers, WorkersParts};
use crate::event::{Event, EventKind, EventSink, ScenarioResult, Summary};
use crate::plan::{Job, RunLimits};
use crate::run::Session;
use crate::subject::Server;

/// How long a server may take to end before the run says that it waits for it.
const SILENT_WAIT: Duration = Duration::from_secs(1);

/// A run that has ended.
pub struct Finished {
    /// The scenarios' results, in the order of the jobs.
    pub results: Vec<ScenarioResult>,
    /// The numbers.
    pub summary: Summary,
    /// The shared servers that were left running, with the runtime that watches them.
    pub kept: Option<(Vec<Arc<Server>>, Runtime)>,
}

/// Plays all jobs and reports them as events to the session's sink. Blocks until everything has ended.
///
/// # Errors
/// Only the operating system's, where no async runtime can be made.
pub fn run(
    jobs: &[Job],
    session: &Session,
    choose_server: &ChooseServer,
    options: &RunOptions,
) -> std::io::Result<Finished> {
    let mut session = session.clone();
    if let Some(secrets) = &session.secrets {
        session.sink = secrets.sink(session.sink);
    }
    let sink = Arc::clone(&session.sink);
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let parallel = options.limits.jobs.clamp(1, jobs.len().max(1));
    sink(Event { scenario: None, at: began.elapsed(), kind: run_started(&session, options, jobs.len(), parallel) });
    let (stop, stopping) = watch::channel(None);
    runtime.spawn(watch_for_stop(options.interrupted.clone(), options.limits.timeout, stop));

    let workers = Workers::new(WorkersParts {
        jobs,
        session,
        choose_server: Arc::clone(choose_server),
        options: options.clone(),
        stopping: stopping.clone(),
        runtime: runtime.handle().clone(),
        began,
    });
    workers.play_all(parallel);
    let (results, servers) = workers.finish();

    let reason = *stopping.borrow();
    let mut summary = sum_up(&results, jobs.len(), &options.limits, reason);
    summary.took = began.elapsed();
    if options.keep_servers {
        return Ok(Finished { results, summary, kept: Some((servers, runtime)) });
    }
    runtime.block_on(stop_servers(&servers, &sink, began));
    drop(servers);
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(Finished { results, summary, kept: None })
}

fn run_started(session: &Session, options: &RunOptions, scenarios: usize, jobs: usize) -> EventKind {
    EventKind::RunStarted {
        version: crate::event::VERSION,
        roundtable: env!("CARGO_PKG_VERSION").to_owned(),
        started: jiff::Timestamp::now().to_string(),
        seed: session.settings.randomness.seed,
        scenarios,
        jobs,
        server: options.server.clone(),
        shard: options.shard.clone(),
        again: options.replay_options.clone(),
    }
}

fn sum_up(results: &[ScenarioResult], planned: usize, limits: &RunLimits, stopped: Option<StopReason>) -> Summary {
    let RunLimits { flaky_fails, pass_with_no_tests, .. } = *limits;
    let mut summary = Summary { flaky_fails, pass_with_no_tests, ..Summary::default() };
    for result in results {
        summary.add(result);
    }
    summary.not_begun = planned - results.len();
    match stopped {
        Some(StopReason::TimeLimit(limit)) if summary.interrupted || summary.not_begun > 0 => {
            summary.interrupted = false;
            summary.limit = Some(limit);
        }
        Some(StopReason::Interrupted) => summary.interrupted = true,
        _ => {}
    }
    summary
}

/// Stops the shared servers, all at once. One that can't be stopped gracefully is killed when it is dropped.
async fn stop_servers(servers: &[Arc<Server>], sink: &EventSink, began: Instant) {
    let stops = servers.iter().map(|server| async move {
        let mut stop = std::pin::pin!(server.stop());
        if tokio::time::timeout(SILENT_WAIT, &mut stop).await.is_err() {
            let kind = EventKind::Ending { server: server.name().to_owned(), patience: server.patience() };
            sink(Event { scenario: None, at: began.elapsed(), kind });
            let _ = stop.await;
        }
    });
    futures_util::future::join_all(stops).await;
}
