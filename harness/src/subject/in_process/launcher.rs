//! Starts one application again and again on the same port.
//!
//! The listener is bound before the application runs: whoever connects at once is kept waiting by the system, never
//! refused.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::application::Application;
use super::running::{ApplicationStart, RunningApplication};
use crate::config::ServerSettings;
use crate::subject::error::SubjectError;
use crate::subject::port::{self, Owner};
use crate::subject::spawn;

/// An application and how it is started and stopped.
#[derive(Clone)]
pub struct InProcess {
    /// The application.
    pub application: Arc<dyn Application>,
    /// Settings for every scenario, under those of the scenario.
    pub defaults: ServerSettings,
    /// The port on IPv4 loopback; `None` takes a free one.
    pub port: Option<u16>,
    /// How long a stop may take before the server is dropped.
    pub stop_timeout: Duration,
}

impl InProcess {
    /// The application on a free port, with 10 s to stop.
    pub fn new(application: Arc<dyn Application>) -> Self {
        let (defaults, port) = (ServerSettings::default(), None);
        Self { application, defaults, port, stop_timeout: Duration::from_secs(10) }
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcess").field("application", &self.application.name()).finish_non_exhaustive()
    }
}

/// Starts one application again and again on the same port.
pub(in crate::subject) struct InProcessLauncher {
    application: Arc<dyn Application>,
    settings: ServerSettings,
    port: u16,
    stop_timeout: Duration,
    /// Whether a thread of an earlier start was left behind, and the port with it.
    left_behind: Arc<AtomicBool>,
}

impl InProcessLauncher {
    /// Binds a port and starts the application for the first time.
    pub(in crate::subject) async fn begin(
        subject: &InProcess,
        settings: &ServerSettings,
    ) -> Result<(Self, RunningApplication), SubjectError> {
        let name = subject.application.name();
        if !settings.env.is_empty() || !settings.args.is_empty() {
            let problem = "`env` and `args` are for a command; in process there is none".to_owned();
            return Err(SubjectError::Settings { server: name.to_owned(), problem });
        }
        let bound = match subject.port {
            Some(port) => bind(name, port, Owner::Another)?,
            None => port::listen().map_err(SubjectError::io(name, "finding a free port"))?,
        };
        let address = bound.local_addr().map_err(SubjectError::io(name, "asking for the port"))?;
        let own =
            subject.application.for_one_server().map_err(SubjectError::io(name, "making room for what it keeps"))?;
        let launcher = Self {
            application: own.unwrap_or_else(|| subject.application.clone()),
            settings: settings.over(&subject.defaults),
            port: address.port(),
            stop_timeout: subject.stop_timeout,
            left_behind: Arc::default(),
        };
        let running = launcher.start(bound).await?;
        Ok((launcher, running))
    }

    pub(in crate::subject) async fn again(&self) -> Result<RunningApplication, SubjectError> {
        let bound = {
            let _spawning = spawn::pause();
            let owner = if self.left_behind() { Owner::LeftBehind } else { Owner::Another };
            bind(self.application.name(), self.port, owner)?
        };
        self.start(bound).await
    }

    pub(in crate::subject) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether threads of the application were left behind that stay blocked.
    pub(in crate::subject) fn left_behind(&self) -> bool {
        self.left_behind.load(Ordering::Relaxed)
    }

    async fn start(&self, bound: TcpListener) -> Result<RunningApplication, SubjectError> {
        let start = ApplicationStart {
            application: Arc::clone(&self.application),
            settings: self.settings.clone(),
            listener: bound,
            stop_timeout: self.stop_timeout,
            left_behind: Arc::clone(&self.left_behind),
        };
        RunningApplication::start(start).await
    }
}

fn bind(server: &str, port: u16, owner: Owner) -> Result<TcpListener, SubjectError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => SubjectError::PortInUse { server: server.to_owned(), port, owner, log: Vec::new() },
        _ => SubjectError::io(server, format!("listening on port {port}"))(error),
    })
}
