//! Starting a command: build it, choose a port, run it, wait until it is ready.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::error::{Death, SubjectError};
use super::super::log::{Level, LogLine, Logs};
use super::super::port::{self, Owner};
use super::process::{Launch, Process};
use super::ready::{self, NotReady, Sign};
use super::spec::{SubprocessSpec, find_program};
use super::template::{Places, Values};
use super::watchdog;
use crate::config::ServerSettings;
use crate::config::command::TCP;
use crate::config::placeholder::placeholders;

/// How many ports are tried when somebody takes one between its choice and the server's start.
const PORTS_TRIED: usize = 5;

/// How many log lines an error carries.
const TAIL: usize = 40;

/// A server that was left running.
#[derive(Clone, Debug)]
pub struct LeftRunning {
    /// The process to end it by; its process group has the same number.
    pub pid: u32,
    /// Its base URL.
    pub url: String,
    /// Where its output goes.
    pub log: PathBuf,
}

/// Starts one command again and again on the same port.
pub(crate) struct SubprocessLauncher {
    spec: SubprocessSpec,
    settings: ServerSettings,
    places: Places,
    folder: Folder,
    /// What the server itself keeps, over its restarts: a folder that is not moved when the server is left running.
    data: tempfile::TempDir,
    port: Option<u16>,
    /// Keeps other runs from a port that `roundtable.toml` fixes, as long as this one may use it.
    _claim: Option<port::Claim>,
}

impl SubprocessLauncher {
    /// Builds the command if nobody did yet, and starts it for the first time.
    pub(crate) async fn begin(
        spec: &SubprocessSpec,
        settings: &ServerSettings,
        logs: &Logs,
    ) -> Result<(Self, Process, String), SubjectError> {
        let settings = spec.settings(settings)?;
        let places = Places::of(&spec.config.dir);
        build(spec, &places, logs).await?;
        let folder = Folder::new().map_err(SubjectError::io(&spec.config.name, "making a temporary folder"))?;
        let mut data = tempfile::Builder::new();
        let data = data.prefix("data-");
        let data = if spec.keepable { data.tempdir() } else { data.tempdir_in(&folder.path) };
        let data = data.map_err(SubjectError::io(&spec.config.name, "making a temporary folder"))?;
        let spec = spec.clone();
        let claim = match spec.config.port {
            None => None,
            Some(fixed) => port::claim(fixed).map(Some).map_err(|owner| SubjectError::PortInUse {
                server: spec.config.name.clone(),
                port: fixed,
                owner,
                log: Vec::new(),
            })?,
        };
        let mut launcher = Self { port: spec.config.port, spec, settings, places, folder, data, _claim: claim };
        let chooses = launcher.port.is_none() && launcher.names("port");
        let mut tries = 1;
        loop {
            if chooses {
                let chosen = port::choose().map_err(launcher.io("choosing a port"))?;
                launcher.port = Some(chosen);
            }
            match launcher.again(logs).await {
                Ok((process, url)) => return Ok((launcher, process, url)),
                Err(SubjectError::PortInUse { port, .. }) if chooses && tries < PORTS_TRIED => {
                    logs.note(Level::INFO, format!("port {port} was taken meanwhile; trying another"));
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts the command on its port and waits until it is ready.
    pub(crate) async fn again(&self, logs: &Logs) -> Result<(Process, String), SubjectError> {
        let server = &self.spec.config.name;
        let in_use = |port, log| SubjectError::PortInUse { server: server.clone(), port, owner: Owner::Another, log };
        if let Some(port) = self.port {
            match port::check_free(port) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    return Err(in_use(port, Vec::new()));
                }
                // A port that may not be bound here is the server's to complain about.
                _ => {}
            }
        }
        // Of this start alone: what a former one wrote explains nothing about it.
        let log = {
            let all = logs.clone();
            Logs::new(Arc::new(move |line| all.push(line)))
        };
        let process = self.spawn(&log)?;
        let ready_file = self.folder.ready_file();
        let sign = match (&self.spec.config.ready, self.port) {
            (Some(path), Some(port)) if path == TCP => Sign::Tcp { port },
            (Some(path), Some(port)) => Sign::Http { port, path },
            _ => Sign::File(&ready_file),
        };
        match ready::wait(sign, &process, self.spec.config.start_timeout).await {
            Ok(url) => Ok((process, url)),
            Err(NotReady::Ended(how)) => {
                let log = log.tail(TAIL);
                Err(match self.port {
                    Some(port) if says_in_use(&log) => in_use(port, log),
                    _ => SubjectError::Died { server: server.clone(), how, log },
                })
            }
            Err(NotReady::Late(waited_for)) => {
                process.kill().await;
                let (server, waited) = (server.clone(), self.spec.config.start_timeout);
                Err(SubjectError::NeverReady { server, waited, waited_for, log: log.tail(TAIL) })
            }
        }
    }

    /// Lets the process live on, and moves its files out of the folder that ends with the runner.
    pub(crate) fn detach(self, process: Process, url: String) -> Result<Option<LeftRunning>, SubjectError> {
        if !self.spec.keepable || process.ended().borrow().is_some() {
            return Ok(None);
        }
        let kept = tempfile::Builder::new()
            .prefix("roundtable-server-")
            .tempdir()
            .map(tempfile::TempDir::keep)
            .and_then(|kept| fs::rename(&self.folder.path, &kept).map(|()| kept))
            .map_err(self.io("moving its files"))?;
        let pid = process.id();
        let _ = self.data.keep();
        process.release();
        Ok(Some(LeftRunning { pid, url, log: kept.join(LOG) }))
    }

    fn spawn(&self, log: &Logs) -> Result<Process, SubjectError> {
        let (ready_file, config) = (self.folder.ready_file(), self.folder.path.join("config.json"));
        match fs::remove_file(&ready_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(self.io("removing the old ready file")(error));
            }
            _ => {}
        }
        if self.names("config") {
            let text = serde_json::Value::Object(self.settings.config.clone()).to_string();
            fs::write(&config, text).map_err(self.io("writing its configuration"))?;
        }
        let data = self.data.path();
        let values = Values { places: &self.places, port: self.port, ready_file: &ready_file, config: &config, data };
        let words = self.spec.config.command.iter().chain(&self.settings.args);
        let words: Vec<String> = words.map(|word| values.fill(word)).collect();
        let env = self.settings.env.iter();
        let env = env.map(|(name, value)| (name.clone(), values.fill(value))).collect();
        let log_file = self.spec.keepable.then(|| self.folder.path.join(LOG));
        let launch = Launch {
            words: &words,
            env: &env,
            dir: &self.spec.config.dir,
            log_file: log_file.as_deref(),
            secrets: self.spec.secrets.as_deref(),
        };
        run(&self.spec.config.name, &launch, log)
    }

    fn names(&self, placeholder: &str) -> bool {
        let asked = self.settings.args.iter().chain(self.settings.env.values());
        let mut texts = self.spec.config.command.iter().chain(asked);
        texts.any(|text| placeholders(text).any(|name| name == placeholder))
    }

    fn io(&self, action: &str) -> impl FnOnce(io::Error) -> SubjectError + use<> {
        let (server, action) = (self.spec.config.name.clone(), action.to_owned());
        move |source| SubjectError::Io { server, action, source }
    }
}

/// Runs the build command, once for all clones of the spec.
async fn build(spec: &SubprocessSpec, places: &Places, logs: &Logs) -> Result<(), SubjectError> {
    if spec.config.build.is_empty() {
        return Ok(());
    }
    let words: Vec<String> = spec.config.build.iter().map(|word| places.fill(word)).collect();
    let command = words.join(" ");
    let built = spec.built.get_or_try_init(|| async {
        logs.note(Level::INFO, format!("building: {command}"));
        let output = Logs::kept_only();
        // `env` is for the server, and may name a port that is not chosen yet.
        let env = BTreeMap::new();
        let launch = Launch { words: &words, env: &env, dir: &spec.config.dir, log_file: None, secrets: None };
        let process = run(&spec.config.name, &launch, &output)?;
        let how = match process.ended().wait_for(Option::is_some).await {
            Ok(death) => death.clone(),
            Err(_) => None,
        };
        Ok(match how {
            Some(Death { code: Some(0), .. }) | None => Ok(()),
            Some(how) => Err((how, output.tail(TAIL))),
        })
    });
    match built.await? {
        Ok(()) => Ok(()),
        Err((how, log)) => Err(SubjectError::BuildFailed {
            server: spec.config.name.clone(),
            command: format!("`{command}` in {}", spec.config.dir.display()),
            how: how.clone(),
            log: log.clone(),
        }),
    }
}

fn run(server: &str, launch: &Launch<'_>, logs: &Logs) -> Result<Process, SubjectError> {
    let program = launch.words.first().map_or("", String::as_str);
    let path = launch.env.get("PATH").map(String::as_str);
    if find_program(program, path, launch.dir).is_none() {
        let (server, program) = (server.to_owned(), program.to_owned());
        return Err(SubjectError::NotFound { server, program });
    }
    Process::spawn(launch, logs).map_err(SubjectError::io(server, format!("starting `{program}`")))
}

/// Whether a server that ended says that its port was taken, in the words of common systems.
fn says_in_use(log: &[LogLine]) -> bool {
    const WORDS: [&str; 4] = ["address already in use", "address in use", "eaddrinuse", "port is already"];
    log.iter().any(|line| {
        let line = line.text.to_lowercase();
        WORDS.iter().any(|words| line.contains(words))
    })
}

const LOG: &str = "server.log";

/// The files of one server, inside the runner's private folder.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new() -> io::Result<Self> {
        let path = watchdog::folder()?.join(format!("server-{}", watchdog::number()));
        fs::create_dir(&path)?;
        Ok(Self { path })
    }

    fn ready_file(&self) -> PathBuf {
        self.path.join("ready")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What can't be removed now goes with the runner's whole folder.
        let _ = fs::remove_dir_all(&self.path);
    }
}
