//! The threads of a run: each takes jobs from one queue until it is empty or the run is to end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::job::JobPlayer;
use super::options::RunOptions;
use super::retry::play_with_retries;
use super::server_choice::ChooseServer;
use super::stop::StopReason;
use crate::event::{Outcome, ScenarioResult};
use crate::lock::lock;
use crate::plan::Job;
use crate::run::Session;
use crate::subject::Server;

/// What workers are made of.
pub(super) struct WorkersParts<'a> {
    /// All jobs of the run.
    pub(super) jobs: &'a [Job],
    pub(super) session: Session,
    pub(super) choose_server: ChooseServer,
    pub(super) options: RunOptions,
    /// Says when the run ends early, and why.
    pub(super) stopping: watch::Receiver<Option<StopReason>>,
    /// The run's own runtime, which outlives those of the scenarios.
    pub(super) runtime: Handle,
    pub(super) began: Instant,
}

/// The queue of jobs, their results, and what plays them.
pub(super) struct Workers {
    queue: Mutex<VecDeque<(usize, Job)>>,
    /// By the job's place in the plan.
    results: Mutex<BTreeMap<usize, ScenarioResult>>,
    /// How many have failed, which may end the run.
    failed: AtomicUsize,
    stopping: watch::Receiver<Option<StopReason>>,
    options: RunOptions,
    player: JobPlayer,
}

impl Workers {
    pub(super) fn new(parts: WorkersParts<'_>) -> Self {
        let WorkersParts { jobs, session, choose_server, options, stopping, runtime, began } = parts;
        let player = JobPlayer::new(session, choose_server, options.log_level, stopping.clone(), runtime, began);
        Self {
            queue: Mutex::new(jobs.iter().cloned().enumerate().collect()),
            results: Mutex::new(BTreeMap::new()),
            failed: AtomicUsize::new(0),
            stopping,
            options,
            player,
        }
    }

    /// Plays the jobs on this many threads, and returns when all have ended.
    pub(super) fn play_all(&self, threads: usize) {
        std::thread::scope(|scope| {
            for number in 0..threads {
                let name = format!("scenario-{number}");
                let spawned = std::thread::Builder::new().name(name).spawn_scoped(scope, || self.work());
                if spawned.is_err() && number == 0 {
                    self.work();
                }
            }
        });
    }

    /// The results in the order of the jobs, and the shared servers that were started.
    pub(super) fn finish(self) -> (Vec<ScenarioResult>, Vec<Arc<Server>>) {
        let results = std::mem::take(&mut *lock(&self.results)).into_values().collect();
        (results, self.player.shared_servers())
    }

    fn work(&self) {
        while !self.is_over() {
            let next = lock(&self.queue).pop_front();
            let Some((place, job)) = next else { return };
            let result = play_with_retries(&job, &self.player, &self.options, &|| self.is_over());
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

    /// Whether no other job is begun.
    fn is_over(&self) -> bool {
        let enough = |most| self.failed.load(Ordering::Relaxed) >= most;
        self.options.limits.max_fail.is_some_and(enough) || self.stopping.borrow().is_some()
    }
}
