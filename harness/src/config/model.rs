//! What `roundtable.toml` says.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::command::CommandConfig;
use super::error::ConfigError;
use super::settings::ServerSettings;
use crate::text::nearest_word;

/// The name of the file that [`Config::load`] looks for.
pub const FILE_NAME: &str = "roundtable.toml";

/// The configuration of a run. Paths are absolute.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was read; `None` when there is none and everything is a default.
    pub file: Option<PathBuf>,
    /// The folder of the file, or the one where the search for it began.
    pub dir: PathBuf,
    /// Where the scenarios are.
    pub scenarios: PathBuf,
    /// Where the snapshots are; mirrors `scenarios`.
    pub snapshots: PathBuf,
    /// The folder for traces, for pending snapshots under CI, and for what the next run needs to know of the last one.
    pub output: PathBuf,
    /// The default deadline of an expectation.
    pub deadline: Duration,
    /// How long the runner goes on listening after a missed deadline, to tell late from never.
    pub late: Duration,
    /// How many scenarios run at once, if the file says.
    pub jobs: Option<NonZeroUsize>,
    /// How often a scenario that failed is played again.
    pub retries: usize,
    /// Whether the run fails with scenarios that passed only when they were played again.
    pub flaky: Flaky,
    /// Whether a scenario fails if one of its invariants is unknown and not excepted.
    pub deny_unknown: bool,
    /// Whether a scenario fails that has unproven expectations of nothing without excepting them.
    pub deny_unproven: bool,
    /// How long a scenario may take, unless it says otherwise.
    pub timeout: Duration,
    /// How long a run may take, if the file says.
    pub run_timeout: Option<Duration>,
    /// Whether requests and handshakes carry a `traceparent`.
    pub traceparent: bool,
    /// The HTTP proxy on the way to servers that are not on loopback, `http://host:port`.
    pub proxy: Option<String>,
    /// Variables of the environment whose values are never shown.
    pub secrets: Vec<String>,
    /// The server of scenarios whose protocol names none.
    pub server: ServerConfig,
    /// Other servers, by the name in `server: NAME` of a protocol file.
    pub servers: BTreeMap<String, ServerConfig>,
}

impl Config {
    /// The defaults for a folder without a file; no server is set.
    pub(super) fn defaults(dir: PathBuf) -> Self {
        Self {
            file: None,
            scenarios: dir.join("scenarios"),
            snapshots: dir.join("snapshots"),
            output: dir.join("roundtable-report"),
            dir,
            deadline: Duration::from_secs(5),
            late: Duration::from_secs(1),
            jobs: None,
            retries: 0,
            flaky: Flaky::Pass,
            deny_unknown: false,
            deny_unproven: false,
            timeout: Duration::from_secs(5 * 60),
            run_timeout: None,
            traceparent: true,
            proxy: None,
            secrets: Vec::new(),
            server: ServerConfig::none("server", "server"),
            servers: BTreeMap::new(),
        }
    }

    /// The server of that name, or the default one.
    ///
    /// # Errors
    /// [`ConfigError::UnknownServer`] with the nearest name.
    pub fn server(&self, name: Option<&str>) -> Result<&ServerConfig, ConfigError> {
        let Some(name) = name else {
            return Ok(&self.server);
        };
        self.servers.get(name).ok_or_else(|| ConfigError::UnknownServer {
            name: name.to_owned(),
            nearest: nearest_word(name, self.servers.keys().map(String::as_str)).map(str::to_owned),
            place: self.place(),
        })
    }

    /// Sets a key of the configuration of the server that scenarios get when their protocol names none; a scenario's
    /// own settings still win.
    pub fn set_for_server(&mut self, key: &str, value: &serde_json::Value) {
        let command = self.server.command.as_mut().map(|command| &mut command.defaults);
        for defaults in command.into_iter().chain([&mut self.server.defaults]) {
            defaults.config.insert(key.to_owned(), value.clone());
        }
    }

    /// The file for messages, or that no file was found.
    pub(crate) fn place(&self) -> String {
        match &self.file {
            Some(file) => file.display().to_string(),
            None => format!("{FILE_NAME} (no such file in {} or above)", self.dir.display()),
        }
    }
}

/// What a scenario that passed only when it was played again means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Flaky {
    /// The run fails.
    Fail,
    /// The run passes, and says so.
    Pass,
}

/// A server that is part of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// The chat server of this workspace.
    Chat,
}

/// One server of the file.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The name for reports and errors.
    pub name: String,
    /// Its table in the file: `server` or `servers.NAME`.
    pub table: String,
    /// The same server inside this process, if it is available there.
    pub in_process: Option<Builtin>,
    /// The address of a server that runs already, where it is neither in this process nor a command.
    pub url: Option<String>,
    /// The server as a command, if it can be started so.
    pub command: Option<CommandConfig>,
    /// Configuration and environment for every scenario.
    pub defaults: ServerSettings,
    /// How long a stop may take.
    pub stop_timeout: Duration,
    /// Patterns of the server's own files, relative to the folder of roundtable.toml; without them any file that is not
    /// the scenarios' may be one.
    pub sources: Vec<String>,
}

impl ServerConfig {
    pub(super) fn none(name: &str, table: &str) -> Self {
        Self {
            name: name.to_owned(),
            table: table.to_owned(),
            in_process: None,
            url: None,
            command: None,
            defaults: ServerSettings::default(),
            stop_timeout: Duration::from_secs(10),
            sources: Vec::new(),
        }
    }
}
