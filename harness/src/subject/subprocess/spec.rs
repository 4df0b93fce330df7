//! A command that serves, and how one knows that it is ready.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::super::error::{Death, SubjectError};
use super::super::log::LogLine;
use crate::config::{CommandConfig, ServerSettings};
use crate::secret::Secrets;

/// A server that is started as a command. Clones share the result of the build.
#[derive(Clone, Debug)]
pub struct SubprocessSpec {
    /// The command and what `roundtable.toml` says of it.
    pub config: CommandConfig,
    /// Whether the server may be left running behind the runner: its output then also goes to
    /// a file, since nobody reads the runner's end any more.
    pub keepable: bool,
    /// What that file must not hold; it stays masked when the runner is gone.
    pub secrets: Option<Arc<Secrets>>,
    pub(super) built: Arc<OnceCell<Built>>,
}

/// How the build ended; of a failure, with the end of its output.
pub(super) type Built = Result<(), (Death, Vec<LogLine>)>;

impl SubprocessSpec {
    /// A command that ends with the runner and is not built yet.
    pub fn new(config: CommandConfig) -> Self {
        Self { config, keepable: false, secrets: None, built: Arc::default() }
    }

    /// The first required program that is not on the PATH.
    pub fn missing_requirement(&self) -> Option<String> {
        let CommandConfig { defaults, requires, dir, .. } = &self.config;
        let path = defaults.env.get("PATH").map(String::as_str);
        requires.iter().find(|program| find_program(program, path, dir).is_none()).cloned()
    }

    /// The defaults under what the scenario asks, if the command can be given it.
    pub(super) fn settings(&self, scenario: &ServerSettings) -> Result<ServerSettings, SubjectError> {
        let wrong = |problem| SubjectError::Settings { server: self.config.name.clone(), problem };
        self.config.validate().map_err(wrong)?;
        let merged = scenario.over(&self.config.defaults);
        match merged.config.keys().next() {
            Some(key) if !self.config.uses("config") => Err(wrong(format!(
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

    #[test]
    fn configuration_needs_a_place_in_the_command() {
        let mut spec = SubprocessSpec::new(CommandConfig::new("lobby", "/", ["serve", "{ready_file}"]));
        let mut scenario = ServerSettings::default();
        scenario.config.insert("rooms".to_owned(), 1.into());
        let error = spec.settings(&scenario).unwrap_err();
        assert!(error.is_configuration());
        assert_eq!(
            error.to_string(),
            "the settings of the server `lobby` are wrong: `rooms` can't be set: `command` has no {config} for a \
             configuration file; use `env` or `args`"
        );
        spec.config.command.push("{config}".to_owned());
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
        let mut spec = SubprocessSpec::new(CommandConfig::new("x", "/", ["x"]));
        spec.config.requires = vec!["sh".to_owned(), "no-such-program".to_owned()];
        assert_eq!(spec.missing_requirement().as_deref(), Some("no-such-program"));
    }
}
