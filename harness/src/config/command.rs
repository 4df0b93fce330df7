//! The command that starts a server, and how the runner learns that the server is ready.

use std::path::PathBuf;
use std::time::Duration;

use super::placeholder::{IN_BUILD, IN_COMMAND, placeholders};
use super::settings::ServerSettings;

/// The value of [`CommandConfig::ready`] for a server that is ready when its port takes connections.
pub const TCP: &str = "tcp";

/// A server that is started as a command.
#[derive(Clone, Debug)]
pub struct CommandConfig {
    /// The name that reports and errors use.
    pub name: String,
    /// Where the commands run: the folder of `roundtable.toml`.
    pub dir: PathBuf,
    /// A command that runs once before the first start; empty for none.
    pub build: Vec<String>,
    /// The command and its arguments, with [placeholders](super::placeholder).
    pub command: Vec<String>,
    /// The HTTP path that answers 2xx when the server is ready, or [`TCP`] where its port taking connections is
    /// enough. Without either the server writes its address to `{ready_file}`: a URL, `host:port` or a port.
    pub ready: Option<String>,
    /// The port for `{port}`; `None` takes a free one.
    pub port: Option<u16>,
    /// Environment and configuration for every scenario; those of a scenario win over them.
    pub defaults: ServerSettings,
    /// How long the server may take to be ready.
    pub start_timeout: Duration,
    /// How long it may take to end after SIGTERM before its process group is killed.
    pub stop_timeout: Duration,
    /// Programs that must be on the PATH; scenarios are skipped without them.
    pub requires: Vec<String>,
    /// Whether each scenario has a process of its own: for a server on which scenarios would hear each other.
    pub own: bool,
}

impl CommandConfig {
    /// A command with 10 s to start, 10 s to stop, and nothing else set.
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
            own: false,
        }
    }

    /// Checks the command itself, without looking at the machine.
    ///
    /// # Errors
    /// A message for people: the first unknown placeholder, an empty command, or what is missing to know the
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
            None if !self.uses("ready_file") => {
                Err("nothing tells when the server is ready: set `ready` to an HTTP path that answers \
                 2xx or to \"tcp\", or give {ready_file} to `command`"
                    .to_owned())
            }
            Some(path) if !path.starts_with('/') && path != TCP => {
                Err(format!("`ready` is an HTTP path that starts with `/`, or \"tcp\", unlike `{path}`"))
            }
            Some(_) if self.port.is_none() && !self.uses("port") => {
                Err("with `ready` the port must be known: give {port} to `command` or `env`, or set `port`".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether the command or its environment has this placeholder.
    pub(crate) fn uses(&self, placeholder: &str) -> bool {
        let mut texts = self.command.iter().chain(self.defaults.env.values());
        texts.any(|text| placeholders(text).any(|name| name == placeholder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(change: impl FnOnce(&mut CommandConfig)) -> String {
        let mut command = CommandConfig::new("x", "/", ["serve", "{port}"]);
        command.ready = Some("/health".to_owned());
        command.validate().unwrap();
        change(&mut command);
        command.validate().unwrap_err()
    }

    #[test]
    fn a_wrong_command_says_how_to_mend_it() {
        assert_eq!(problem(|config| config.command.clear()), "`command` is empty");
        assert_eq!(
            problem(|config| config.command.push("{prot}".to_owned())),
            "`command` has the unknown placeholder {prot}; it may have {port}, {ready_file}, \
             {config}, {data}, {target_dir}, {dir}"
        );
        assert_eq!(
            problem(|config| config.build = vec!["{port}".to_owned()]),
            "`build` has the unknown placeholder {port}; it may have {target_dir}, {dir}"
        );
        assert_eq!(
            problem(|config| config.ready = None),
            "nothing tells when the server is ready: set `ready` to an HTTP path that answers 2xx or to \"tcp\", or \
             give {ready_file} to `command`"
        );
        assert_eq!(
            problem(|config| config.ready = Some("health".to_owned())),
            "`ready` is an HTTP path that starts with `/`, or \"tcp\", unlike `health`"
        );
        assert_eq!(
            problem(|config| config.command.truncate(1)),
            "with `ready` the port must be known: give {port} to `command` or `env`, or set `port`"
        );
    }
}
