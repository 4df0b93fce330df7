//! Scenarios from a Rust test: your application, started in process, is tested by a folder of scenarios.
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
use crate::event::{EventSink, ScenarioResult, Summary};
use crate::plan::{PlaySettings, Randomness, RunLimits, SnapshotOptions, default_jobs, under_ci};
use crate::report::wording::failures::failures_with_log;
use crate::report::wording::result_line::result_line;
use crate::report::wording::short_ids::with_short_ids;
use crate::report::wording::summary::summary_text;
use crate::run::Session;
use crate::runner::{self, ChooseServer, RunOptions, ServerChoice};
use crate::scenario::error::Severity;
use crate::secret::Secrets;
use crate::select::{jobs_of, select};
use crate::subject::in_process::application;
use crate::subject::{Shutdown, Subject};
use crate::text::paint::Paint;

/// A folder of scenarios, and the server that it tests.
#[derive(Debug, Clone)]
pub struct Suite {
    scenarios: PathBuf,
    snapshots: Option<PathBuf>,
    select: Vec<String>,
    subject: Option<Subject>,
    jobs: usize,
    slow: f64,
    seed: Option<u64>,
    deny_unknown: Option<bool>,
    deny_unproven: Option<bool>,
    pass_with_no_tests: bool,
}

impl Suite {
    /// The scenarios below a folder. Their snapshots are in the folder `snapshots` beside it.
    pub fn new(scenarios: impl Into<PathBuf>) -> Self {
        Self {
            scenarios: scenarios.into(),
            snapshots: None,
            select: Vec::new(),
            subject: None,
            jobs: default_jobs(),
            slow: 1.0,
            seed: None,
            deny_unknown: None,
            deny_unproven: None,
            pass_with_no_tests: false,
        }
    }

    /// The server: a closure that serves a listener until its `Shutdown` says to stop. It is called for each scenario, so
    /// that each has a fresh application. Without a server the suite tests the embedded chat server.
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

    /// Whether scenarios fail of which an invariant is unknown that they don't except; without it `roundtable.toml` says.
    #[must_use]
    pub fn deny_unknown(mut self, deny: bool) -> Self {
        self.deny_unknown = Some(deny);
        self
    }

    /// Whether scenarios fail with expectations of nothing that nothing proves and they don't except; without it
    /// `roundtable.toml` says.
    #[must_use]
    pub fn deny_unproven(mut self, deny: bool) -> Self {
        self.deny_unproven = Some(deny);
        self
    }

    /// Passes where nothing is played: no scenario is selected, or all were skipped.
    #[must_use]
    pub fn pass_with_no_tests(mut self) -> Self {
        self.pass_with_no_tests = true;
        self
    }

    /// Plays them. Snapshots that are missing or differ are stored when the variable `UPDATE_SNAPSHOTS` is set.
    pub async fn play(self) -> SuiteResult {
        // Scenarios block threads of their own, so that the test's runtime stays free.
        tokio::task::spawn_blocking(move || self.play_blocking())
            .await
            .unwrap_or_else(|panic| SuiteResult { not_played: Some(panic.to_string()), ..SuiteResult::default() })
    }

    fn play_blocking(self) -> SuiteResult {
        match self.try_play() {
            Ok(played) => played,
            Err(reason) => SuiteResult { not_played: Some(reason), ..SuiteResult::default() },
        }
    }

    fn try_play(self) -> Result<SuiteResult, String> {
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
        if selected.scenarios.is_empty() && self.pass_with_no_tests {
            let summary = Summary { pass_with_no_tests: true, ..Summary::default() };
            return Ok(SuiteResult { summary, ..SuiteResult::default() });
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
        let choose_server: ChooseServer = Arc::new(move |_| ServerChoice::Play(subject.clone()));
        let (_interrupt, interrupted) = watch::channel(false);
        let limits = RunLimits { pass_with_no_tests: self.pass_with_no_tests, ..RunLimits::jobs(self.jobs) };
        let options = RunOptions::new(limits, server, interrupted);
        let sink: EventSink = Arc::new(|_| {});
        let mut settings = PlaySettings {
            snapshots: Some(SnapshotOptions {
                folder: config.snapshots.clone(),
                top: config.dir.clone(),
                update: std::env::var_os("UPDATE_SNAPSHOTS").is_some(),
                writable: !under_ci(false),
                elsewhere: None,
            }),
            ..PlaySettings::of(&config)
        };
        settings.deadlines.slow = self.slow;
        settings.deny_unknown = self.deny_unknown.unwrap_or(config.deny_unknown);
        settings.deny_unproven = self.deny_unproven.unwrap_or(config.deny_unproven);
        if let Some(seed) = self.seed {
            settings.randomness = Randomness::of(seed);
        }
        let secrets = Secrets::from_env(&config.secrets, &[]).map_err(|error| error.to_string())?;
        let session = Session { settings, desk: None, sink, secrets };
        let jobs = jobs_of(&selected, 1..=1);
        let finished = runner::run(&jobs, &session, &choose_server, &options).map_err(|error| error.to_string())?;
        Ok(SuiteResult { results: finished.results, summary: finished.summary, not_played: None })
    }
}

/// The results of a suite.
#[derive(Debug, Clone, Default)]
pub struct SuiteResult {
    /// The scenarios' results, sorted by name.
    pub results: Vec<ScenarioResult>,
    /// The numbers.
    pub summary: Summary,
    /// Why nothing was played, where nothing was.
    pub not_played: Option<String>,
}

impl SuiteResult {
    /// Whether something was played, and everything that was not skipped passed. Where nothing was played,
    /// [`Suite::pass_with_no_tests`] decides.
    pub fn passed(&self) -> bool {
        self.not_played.is_none() && !self.summary.lacks_tests() && self.results.iter().all(ScenarioResult::is_good)
    }

    /// The report, as the command line prints it, without colour.
    pub fn report(&self) -> String {
        if let Some(reason) = &self.not_played {
            return reason.clone();
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
