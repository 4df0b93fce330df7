//! Logs on standard error.

use roundtable_server::Config;
use roundtable_server::config::LogFormat;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// So many lines wait for a reader of standard error that does not keep up; more are dropped. Nobody who chats waits for
/// it.
const LINES: usize = 100_000;

/// Installs the subscriber that the configuration asks for. What it returns writes the last lines when it is dropped.
pub(crate) fn install(config: &Config) -> Result<WorkerGuard, String> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| format!("configuration key `log` has a wrong value: {error}"))?;
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(LINES).finish(std::io::stderr());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match config.log_format {
        LogFormat::Text => lines.with_ansi(is_terminal).init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(guard)
}
