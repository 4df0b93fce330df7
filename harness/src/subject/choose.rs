//! Which subject a configured server is for a run.

use super::remote::Remote;
use super::server::Subject;
use super::subprocess::SubprocessSpec;
use crate::config::{Builtin, Config, ConfigError, ServerConfig, SubjectChoice};

/// Chooses how to start or reach a server. A server that is not
/// available in process is started as a command instead: few products but the embedded one are.
///
/// # Errors
/// [`ConfigError::CannotStart`] for a server without a `command`; [`ConfigError::NotEmbedded`]
/// for the chat server where it is not built in.
pub fn choose(config: &Config, server: &ServerConfig, choice: &SubjectChoice) -> Result<Subject, ConfigError> {
    let cannot_start = |how, missing| ConfigError::CannotStart {
        server: server.name.clone(),
        how,
        missing,
        place: format!("[{}] in {}", server.table, config.place()),
    };
    let remote = |url: &String| Subject::Remote(Remote { url: url.clone(), proxy: config.proxy.clone() });
    match (choice, server.in_process, &server.command) {
        (SubjectChoice::Remote(url), _, _) => Ok(remote(url)),
        (SubjectChoice::InProcess, Some(builtin), _) => in_process(server, builtin),
        (_, _, Some(command)) => Ok(Subject::Subprocess(Box::new(SubprocessSpec::new(command.clone())))),
        (SubjectChoice::InProcess, None, None) => match &server.url {
            Some(url) => Ok(remote(url)),
            None => Err(cannot_start("in process", "`in_process`, `command` or `url`")),
        },
        (SubjectChoice::Subprocess, _, None) => Err(cannot_start("as a subprocess", "`command`")),
    }
}

#[cfg(feature = "embedded")]
fn in_process(server: &ServerConfig, Builtin::Chat: Builtin) -> Result<Subject, ConfigError> {
    let mut subject = super::InProcess::new(std::sync::Arc::new(super::in_process::Chat));
    // The environment is that of a command; in process the configuration alone counts.
    subject.defaults.config.clone_from(&server.defaults.config);
    subject.stop_timeout = server.stop_timeout;
    Ok(Subject::InProcess(subject))
}

#[cfg(not(feature = "embedded"))]
fn in_process(_: &ServerConfig, _: Builtin) -> Result<Subject, ConfigError> {
    Err(ConfigError::NotEmbedded)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roundtable.toml");
        std::fs::write(&file, text).unwrap();
        let config = Config::load_file(&file).unwrap();
        (folder, config)
    }

    fn refusal(config: &Config, choice: &SubjectChoice) -> String {
        choose(config, &config.server, choice).unwrap_err().to_string()
    }

    #[test]
    fn a_server_that_is_not_available_in_process_is_started_as_its_command() {
        let (folder, config) = read(
            "[servers.lobby]\ncommand = [\"python3\", \"{port}\"]\nready = \"tcp\"\nenv = { LEVEL = \"debug\" }\n\
             requires = [\"python3\"]\n",
        );
        let lobby = config.server(Some("lobby")).unwrap();
        let subject = choose(&config, lobby, &SubjectChoice::InProcess).unwrap();
        let Subject::Subprocess(spec) = subject else { panic!("{subject:?}") };
        assert_eq!((spec.config.name.as_str(), spec.config.dir.as_path()), ("lobby", folder.path()));
        assert_eq!(spec.config.defaults.env["LEVEL"], "debug");
        assert_eq!(spec.config.requires, ["python3"]);
    }

    #[test]
    fn a_server_without_the_way_that_was_asked_for_says_what_to_add() {
        let (folder, config) = read("[servers.lobby]\ncommand = [\"x\", \"{ready_file}\"]\n");
        let file = folder.path().join("roundtable.toml");
        assert_eq!(
            refusal(&config, &SubjectChoice::Subprocess),
            format!(
                "the server `server` can't be started as a subprocess: add `command` to [server] in {}",
                file.display()
            )
        );
        assert_eq!(
            refusal(&config, &SubjectChoice::InProcess),
            format!(
                "the server `server` can't be started in process: add `in_process`, `command` or `url` to [server] in {}",
                file.display()
            )
        );
    }

    #[test]
    fn an_address_is_reached_where_there_is_no_command() {
        let (_folder, config) = read("[server]\nurl = \"http://127.0.0.1:1/\"\n");
        let subject = choose(&config, &config.server, &SubjectChoice::InProcess).unwrap();
        assert!(matches!(&subject, Subject::Remote(remote) if remote.url == "http://127.0.0.1:1"), "{subject:?}");
        assert_eq!(config.dir, Path::new(config.file.as_ref().unwrap()).parent().unwrap());
    }
}
