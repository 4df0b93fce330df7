//! A command that serves, and how one knows that it is ready.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::super::error::{Death, SubjectError};
use super::super::log::LogLine;
use super::template::{IN_BUILD, IN_COMMAND, placeholders};
use crate::config::ServerSettings;
use crate::secret::Secrets;

/// A server that is started as a command. Clones share the result of the build.
#[derive(Clone, Debug)]
pub struct SubprocessSpec {
    /// The name that reports and errors use.
    pub name: String,
    /// Where the commands run: the folder of `roundtable.toml`.
    pub dir: PathBuf,
    /// A command that runs once before the first start; empty for none.
    pub build: Vec<String>,
    /// The command and its arguments, with [placeholders](super::template).
    pub command: Vec<String>,
    /// The HTTP path that answers 2xx when the server is ready, or [`TCP`] where its port taking connections is
    /// enough. Without either the server writes its address to `{ready_file}`: a URL, `host:port` or a port.
    pub ready: Option<String>,
    /// The port for `{port}`; `None` takes a free one.
    pub port: Option<u16>,
    /// Environment and configuration for every scenario, under those of the scenario.
    pub defaults: ServerSettings,
    /// How long the server may take to be ready.
    pub start_timeout: Duration,
    /// How long it may take to end after SIGTERM before its process group is killed.
    pub stop_timeout: Duration,
    /// Programs that must be on the PATH; scenarios are skipped without them.
    pub requires: Vec<String>,
    /// Whether the server may be left running behind the runner: its output then also goes to
    /// a file, since nobody reads the runner's end any more.
    pub keepable: bool,
    /// What that file must not hold; it stays masked when the runner is gone.
    pub secrets: Option<Arc<Secrets>>,
    /// Whether each scenario has a process of its own: for a server on which scenarios would hear each other.
    pub own: bool,
    pub(super) built: Arc<OnceCell<Built>>,
}

/// As `ready`: the port takes connections.
pub const TCP: &str = "tcp";

/// How the build ended; of a failure, with the end of its output.
pub(super) type Built = Result<(), (Death, Vec<LogLine>)>;

impl SubprocessSpec {
    /// A command with 10 s to start, 10 s to stop, and nothing else asked.
    pub fn new(
        name: impl Into<String>,
        dir: impl Into<PathBuf>,
        command: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            name: name.into(),
            dir: dir.into(),
            build: Vec::new(),
            command: command.into_iter().map(Into::into).collect(),
            ready: None,
            port: None,
            defaults: ServerSettings::default(),
            start_timeout: Duration::from_secs(10),
            stop_timeout: Duration::from_secs(10),
            requires: Vec::new(),
            keepable: false,
            secrets: None,
            own: false,
            built: Arc::default(),
        }
    }

    /// The first required program that is not on the PATH.
    pub fn missing_requirement(&self) -> Option<String> {
        let path = self.defaults.env.get("PATH").map(String::as_str);
        self.requires.iter().find(|program| find_program(program, path, &self.dir).is_none()).cloned()
    }

    /// What is wrong with the command itself, as a message for people.
    ///
    /// # Errors
    /// Names the first unknown placeholder, an empty command, or what is missing to know the
    /// server's address or its readiness.
    pub fn validate(&self) -> Result<(), String> {
        if self.command.first().is_none_or(String::is_empty) {
            return Err("`command` is empty".to_owned());
        }
        let env = self.defaults.env.values().map(|value| ("env", value, &IN_COMMAND[..]));
        let command = self.command.iter().map(|word| ("command", word, &IN_COMMAND[..]));
        let build = self.build.iter().map(|word| ("build", word, &IN_BUILD[..]));
        for (key, text, known) in build.chain(command).chain(env) {
            if let Some(name) = placeholders(text).find(|name| !known.contains(name)) {
                let known: Vec<_> = known.iter().map(|name| format!("{{{name}}}")).collect();
                let known = known.join(", ");
                return Err(format!("`{key}` has the unknown placeholder {{{name}}}; it may have {known}"));
            }
        }
        match &self.ready {
            None if !self.names("ready_file") => {
                Err("nothing tells when the server is ready: set `ready` to an HTTP path that answers \
                 2xx or to \"tcp\", or give {ready_file} to `command`"
                    .to_owned())
            }
            Some(path) if !path.starts_with('/') && path != TCP => {
                Err(format!("`ready` is an HTTP path that starts with `/`, or \"tcp\", unlike `{path}`"))
            }
            Some(_) if self.port.is_none() && !self.names("port") => {
                Err("with `ready` the port must be known: give {port} to `command` or `env`, or set `port`".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether the command or its environment has this placeholder.
    pub(super) fn names(&self, placeholder: &str) -> bool {
        let mut texts = self.command.iter().chain(self.defaults.env.values());
        texts.any(|text| placeholders(text).any(|name| name == placeholder))
    }

    /// The defaults under what the scenario asks, if the command can be given it.
    pub(super) fn settings(&self, scenario: &ServerSettings) -> Result<ServerSettings, SubjectError> {
        let wrong = |problem| SubjectError::Settings { server: self.name.clone(), problem };
        self.validate().map_err(wrong)?;
        let merged = scenario.over(&self.defaults);
        match merged.config.keys().next() {
            Some(key) if !self.names("config") => Err(wrong(format!(
                "`{key}` can't be set: `command` has no {{config}} for a configuration file; use \
                 `env` or `args`"
            ))),
            _ => Ok(merged),
        }
    }
}

/// The file behind a program's name: on the PATH, or from `dir` when the name has a slash.
pub(super) fn find_program(program: &str, path: Option<&str>, dir: &Path) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(dir.join(program)).filter(|file| is_executable(file));
    }
    let path = path.map(Into::into).or_else(|| std::env::var_os("PATH"))?;
    let mut files = std::env::split_paths(&path).map(|folder| dir.join(folder).join(program));
    files.find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(change: impl FnOnce(&mut SubprocessSpec)) -> String {
        let mut spec = SubprocessSpec::new("x", "/", ["serve", "{port}"]);
        spec.ready = Some("/health".to_owned());
        spec.validate().unwrap();
        change(&mut spec);
        spec.validate().unwrap_err()
    }

    #[test]
    fn a_wrong_command_says_how_to_mend_it() {
        assert!(problem(|spec| spec.command.clear()).contains("empty"));
        let unknown = problem(|spec| spec.command.push("{prot}".to_owned()));
        assert_eq!(
            unknown,
            "`command` has the unknown placeholder {prot}; it may have {port}, {ready_file}, \
             {config}, {data}, {target_dir}, {dir}"
        );
        assert!(problem(|spec| spec.build = vec!["{port}".to_owned()]).contains("`build`"));
        assert!(problem(|spec| spec.ready = None).contains("set `ready`"));
        assert!(problem(|spec| spec.ready = Some("health".to_owned())).contains("starts with `/`"));
        assert!(problem(|spec| spec.command.truncate(1)).contains("give {port}"));
    }

    #[test]
    fn configuration_needs_a_place_in_the_command() {
        let mut spec = SubprocessSpec::new("lobby", "/", ["serve", "{ready_file}"]);
        let mut scenario = ServerSettings::default();
        scenario.config.insert("rooms".to_owned(), 1.into());
        let error = spec.settings(&scenario).unwrap_err();
        assert!(error.is_configuration());
        assert!(error.to_string().contains("`rooms` can't be set"), "{error}");
        spec.command.push("{config}".to_owned());
        assert_eq!(spec.settings(&scenario).unwrap(), scenario);
    }

    #[test]
    fn programs_are_found_on_the_path_or_from_the_folder() {
        assert!(find_program("sh", Some("/nowhere:/bin"), Path::new("/")).is_some());
        assert!(find_program("bin/sh", None, Path::new("/")).is_some());
        assert!(find_program("sh", Some("/nowhere"), Path::new("/")).is_none());
        assert!(find_program("/bin", None, Path::new("/")).is_none());
        let plain = tempfile::NamedTempFile::new().unwrap();
        assert!(!is_executable(plain.path()));
        let mut spec = SubprocessSpec::new("x", "/", ["x"]);
        spec.requires = vec!["sh".to_owned(), "no-such-program".to_owned()];
        assert_eq!(spec.missing_requirement().as_deref(), Some("no-such-program"));
    }
}
