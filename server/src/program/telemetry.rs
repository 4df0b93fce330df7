//! Logs on standard error.

use roundtable_server::Config;
use roundtable_server::config::LogFormat;
use tracing_subscriber::EnvFilter;

/// Installs the subscriber that the configuration asks for.
pub(crate) fn install(config: &Config) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| format!("configuration key `log` has a wrong value: {error}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}
