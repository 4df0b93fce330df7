//! Scenarios from a Rust test: an application of one's own, started in process, plays a folder of scenarios.
//!
//! ```no_run
//! # fn router() -> axum::Router { axum::Router::new() }
//! #[tokio::test]
//! async fn the_lobby_keeps_its_promises() {
//!     roundtable::Suite::new("tests/scenarios")
//!         .application("lobby", |listener, shutdown| async move {
//!             axum::serve(listener, router()).with_graceful_shutdown(shutdown).await
//!         })
//!         .play()
//!         .await
//!         .assert_passed();
//! }
//! ```
//!
//! Relative paths are relative to the folder in which the test runs: for `cargo test` that is the package's.
//! `harness/examples/axum_application.rs` is a whole example.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::{Config, SubjectChoice};
use crate::event::{EventSink, Outcome, ScenarioResult, Summary};
use crate::plan::{PlaySettings, Randomness, SnapshotOptions};
use crate::report::wording::failures::failures_with_log;
use crate::report::wording::result_line::result_line;
use crate::report::wording::short_ids::with_short_ids;
use crate::report::wording::summary::summary_text;
use crate::run::Session;
use crate::runner::{self, Options, Way, Ways};
use crate::scenario::error::Severity;
use crate::secret::Secrets;
use crate::select::{jobs_of, select};
use crate::subject::in_process::application;
use crate::subject::{Shutdown, Subject};
use crate::text::paint::Paint;

/// A folder of scenarios with the server that they are played against.
#[derive(Debug, Clone)]
pub struct Suite {
    scenarios: PathBuf,
    snapshots: Option<PathBuf>,
    select: Vec<String>,
    subject: Option<Subject>,
    jobs: usize,
    slow: f64,
    seed: Option<u64>,
}

impl Suite {
    /// The scenarios below a folder. Their snapshots are kept beside it, in a folder `snapshots`.
    pub fn new(scenarios: impl Into<PathBuf>) -> Self {
        let jobs = crate::runner::default_jobs();
        Self {
            scenarios: scenarios.into(),
            snapshots: None,
            select: Vec::new(),
            subject: None,
            jobs,
            slow: 1.0,
            seed: None,
        }
    }

    /// The server: a closure that serves a listener until it is told to stop. It is called anew for each scenario, so
    /// what it makes inside is fresh for each. Without a server the embedded chat server is played against.
    #[must_use]
    pub fn application<F, S>(self, name: &str, serve: F) -> Self
    where
        F: Fn(TcpListener, Shutdown) -> S + Send + Sync + 'static,
        S: Future<Output = io::Result<()>> + Send + 'static,
    {
        self.subject(Subject::in_process(application(name, serve)))
    }

    /// The server: anything that can be started or reached.
    #[must_use]
    pub fn subject(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Another folder for the snapshots.
    #[must_use]
    pub fn snapshots(mut self, folder: impl Into<PathBuf>) -> Self {
        self.snapshots = Some(folder.into());
        self
    }

    /// Only some scenarios: a path, a suite, or a part of a name or title. More calls select more.
    #[must_use]
    pub fn only(mut self, selector: &str) -> Self {
        self.select.push(selector.to_owned());
        self
    }

    /// How many scenarios run at once; the default is two for each core.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Multiplies every deadline.
    #[must_use]
    pub fn slow(mut self, factor: f64) -> Self {
        self.slow = factor;
        self
    }

    /// Fixes generated values and the order of races; without it they differ from run to run. A failure names its seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Plays them. Snapshots that are missing or differ are stored when the variable `UPDATE_SNAPSHOTS` is set.
    pub async fn play(self) -> Played {
        // Scenarios block threads of their own, so that the test's runtime stays free.
        tokio::task::spawn_blocking(move || self.play_here())
            .await
            .unwrap_or_else(|panic| Played { broken: Some(panic.to_string()), ..Played::default() })
    }

    fn play_here(self) -> Played {
        match self.ran() {
            Ok(played) => played,
            Err(broken) => Played { broken: Some(broken), ..Played::default() },
        }
    }

    fn ran(self) -> Result<Played, String> {
        let mut config = Config::load(Path::new(".")).map_err(|error| error.to_string())?;
        let absolute = |path: &Path| std::path::absolute(path).map_err(|error| error.to_string());
        config.scenarios = absolute(&self.scenarios)?;
        config.dir = config.scenarios.parent().map_or_else(|| config.scenarios.clone(), Path::to_path_buf);
        config.snapshots = match &self.snapshots {
            Some(folder) => absolute(folder)?,
            None => config.dir.join("snapshots"),
        };
        let selected = select(&config, &self.select, &[])?;
        let errors: Vec<String> = selected
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(ToString::to_string)
            .collect();
        if !errors.is_empty() {
            return Err(errors.join("\n\n"));
        }
        if selected.scenarios.is_empty() || !selected.unmatched.is_empty() {
            return Err(format!("no scenario is selected in {}: {:?}", config.scenarios.display(), selected.unmatched));
        }
        let subject = match self.subject {
            Some(subject) => subject,
            None => crate::subject::choose(&config, &config.server, &SubjectChoice::InProcess)
                .map_err(|error| error.to_string())?,
        };
        let server = subject.name().to_owned();
        let ways: Ways = Arc::new(move |_| Way::Play(subject.clone()));
        let (_interrupt, interrupted) = watch::channel(false);
        let options = Options::new(self.jobs, server, interrupted);
        let quiet: EventSink = Arc::new(|_| {});
        let under_ci = crate::commands::under_ci(false);
        let mut settings = PlaySettings {
            snapshots: Some(SnapshotOptions {
                folder: config.snapshots.clone(),
                top: config.dir.clone(),
                update: std::env::var_os("UPDATE_SNAPSHOTS").is_some(),
                writable: !under_ci,
                elsewhere: None,
            }),
            ..PlaySettings::of(&config)
        };
        settings.deadlines.slow = self.slow;
        if let Some(seed) = self.seed {
            settings.randomness = Randomness::of(seed);
        }
        let secrets = Secrets::from_env(&config.secrets, &[]).map_err(|error| error.to_string())?;
        let session = Session { settings, desk: None, sink: quiet, secrets };
        let ran =
            runner::run(&jobs_of(&selected, 1..=1), &session, &ways, &options).map_err(|error| error.to_string())?;
        Ok(Played { results: ran.results, summary: ran.summary, broken: None })
    }
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Played {
    /// The scenarios' results, sorted by name.
    pub results: Vec<ScenarioResult>,
    /// The numbers.
    pub summary: Summary,
    /// Why nothing was played, where nothing was.
    pub broken: Option<String>,
}

impl Played {
    /// Whether everything was played and passed.
    pub fn passed(&self) -> bool {
        self.broken.is_none()
            && self.results.iter().all(|result| {
                matches!(result.outcome, Outcome::Passed | Outcome::FailedAsExpected { .. } | Outcome::Skipped { .. })
            })
    }

    /// The report, as the command line prints it, without colour.
    pub fn report(&self) -> String {
        if let Some(broken) = &self.broken {
            return broken.clone();
        }
        let paint = Paint::new(false);
        let mut text: String = self.results.iter().map(|result| format!("{}\n", result_line(result, paint))).collect();
        for result in &self.results {
            let failures = with_short_ids(result, failures_with_log(result, None, paint));
            if !failures.is_empty() {
                text.push('\n');
                text.push_str(&failures);
            }
        }
        text.push_str(&summary_text(&self.summary, paint));
        text
    }

    /// Fails the test with the whole report unless everything passed.
    ///
    /// # Panics
    /// When something failed, or nothing could be played.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.passed(), "\n{}", self.report());
    }
}
