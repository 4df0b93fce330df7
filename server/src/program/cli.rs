//! The command line as typed, and the configuration that it amounts to.

use std::path::PathBuf;

use clap::Parser;
use roundtable_server::config::Layers;
use roundtable_server::{Config, ConfigError};

/// A multi-participant chat server over HTTP and WebSocket.
///
/// Every setting is a key. Keys are read from the file, then from the environment (ROUNDTABLE_<KEY>), then from
/// the options; the later one wins.
#[derive(Debug, Parser)]
#[command(name = "roundtable-server", version)]
struct Arguments {
    /// Configuration file, TOML or JSON by its extension.
    #[arg(long, value_name = "FILE", env = "ROUNDTABLE_CONFIG")]
    config: Option<PathBuf>,
    /// Address to listen on; without one, IPv4 and IPv6 loopback.
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// Port to listen on; 0 takes a free one [default: 8000].
    #[arg(long, value_name = "N")]
    port: Option<String>,
    /// File that gets the server's URL once it serves.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<String>,
    /// What is logged: off, error, warn, info, debug, trace, or a list of target=level [default: info].
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// How log lines look: text or json [default: text].
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Folder of the database, made where it is missing [default: roundtable-data].
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// Where conversations are kept: sqlite, memory, or postgres://USER:PASSWORD@HOST/DATABASE [default: sqlite].
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// File with the script of the AI participant.
    #[arg(long, value_name = "FILE")]
    ai_script: Option<String>,
    /// Accept any token although the address is not loopback.
    #[arg(long)]
    force_dev_auth: bool,
    /// Mount PUT /testing/store and /testing/clock, which inject store faults and move the clock; loopback only.
    #[arg(long)]
    testing: bool,
    /// Start nothing: ask the server that runs here with this configuration whether it is ready. The exit code is 0 if
    /// it is, else 1.
    #[arg(long)]
    probe: bool,
    /// Any other key; can be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// What the program is to do.
pub(crate) enum Task {
    /// Serve.
    Serve(Config),
    /// Ask the server with this configuration whether it is ready.
    Probe(Config),
}

/// Reads all sources.
pub(crate) fn task() -> Result<Task, ConfigError> {
    let arguments = Arguments::parse();
    let task = if arguments.probe { Task::Probe } else { Task::Serve };
    resolve(arguments, std::env::vars_os()).map(task)
}

fn resolve(
    arguments: Arguments,
    environment: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
) -> Result<Config, ConfigError> {
    let mut layers = Layers::default();
    if let Some(path) = &arguments.config {
        layers.file(path)?;
    }
    let environment = environment
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name != "ROUNDTABLE_CONFIG");
    for name in layers.environment(environment)? {
        eprintln!("warning: the environment variable {name} is no configuration key");
    }
    let given = [
        ("host", arguments.host),
        ("port", arguments.port),
        ("ready_file", arguments.ready_file),
        ("log", arguments.log),
        ("log_format", arguments.log_format),
        ("data", arguments.data),
        ("store", arguments.store),
        ("ai_script", arguments.ai_script),
        ("force_dev_auth", arguments.force_dev_auth.then(|| "true".to_owned())),
        ("testing", arguments.testing.then(|| "true".to_owned())),
    ];
    for (key, text) in given {
        if let Some(text) = text {
            layers.text(key, &text)?;
        }
    }
    for setting in arguments.settings {
        let (key, text) = setting.split_once('=').unwrap_or((&setting, "true"));
        layers.text(key, text)?;
    }
    layers.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let arguments = Arguments::parse_from([&["roundtable-server"], arguments].concat());
        resolve(arguments, environment.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn options_win_over_the_environment_and_it_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.toml");
        std::fs::write(&path, "port = 1\nqueue_capacity = 2\nhistory_limit = 3\n").unwrap();
        let path = path.display().to_string();
        let environment = [("ROUNDTABLE_PORT", "4"), ("ROUNDTABLE_QUEUE_CAPACITY", "5")];
        let config = resolved(&["--config", &path, "--port", "6"], &environment).unwrap();
        assert_eq!((config.port, config.queue_capacity, config.history_limit), (6, 5, 3));
    }

    #[test]
    fn any_key_can_be_set() {
        let config = resolved(&["--set", "sync_page=7", "--testing"], &[]).unwrap();
        assert_eq!((config.sync_page, config.testing), (7, true));
        let error = resolved(&["--set", "sync_pages=7"], &[]).unwrap_err().to_string();
        assert_eq!(error, "unknown configuration key `sync_pages`; did you mean `sync_page`?");
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
