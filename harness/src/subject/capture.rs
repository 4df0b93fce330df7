//! The log of a server that shares this process with the runner.

use std::io;
use std::time::Instant;

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use super::log::{LogLine, LogSink, Logs, without_escapes};

/// Crates whose events tell about the transport rather than the server, or about the runner
/// itself, whose connections live in the same process.
const NOISE: [&str; 12] = [
    "h2",
    "hyper",
    "hyper_util",
    "mio",
    "reqwest",
    "roundtable",
    "rustls",
    "tokio",
    "tokio_tungstenite",
    "tokio_util",
    "tower",
    "tungstenite",
];

/// A dispatcher that makes the server's events, from `level` on, into log lines: level, spans
/// with their fields, target, message, fields. The runner makes it the default of the thread
/// (`tracing::dispatcher::set_default`) on which a scenario and its server run, before the
/// server starts; the server started there keeps these lines for its
/// [`log_tail`](super::Server::log_tail) too.
pub fn log_dispatch(sink: LogSink, level: LevelFilter) -> Dispatch {
    let logs = Logs::new(sink);
    let lines = tracing_subscriber::fmt::layer()
        .without_time()
        .with_ansi(false)
        .with_writer(LogCapture(logs.clone()))
        .with_filter(filter_fn(|event| !is_noise(event.target())).with_max_level_hint(level))
        .with_filter(level);
    Dispatch::new(Registry::default().with(lines).with(Keeper(logs)))
}

fn is_noise(target: &str) -> bool {
    let krate = target.split("::").next().unwrap_or(target);
    NOISE.contains(&krate)
}

/// The log behind this thread's default dispatcher, if [`log_dispatch`] made that.
pub(super) fn current_log() -> Option<Logs> {
    tracing::dispatcher::get_default(|dispatch| dispatch.downcast_ref::<Keeper>().map(|keeper| keeper.0.clone()))
}

/// From here on a panic on a thread whose default dispatcher [`log_dispatch`] made is a line of
/// the server's log instead of a message on standard error, where it would tear the report
/// apart. For programs that are only a runner: it acts on the whole process, once.
pub fn log_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match current_log() {
            Some(logs) => {
                let text = without_escapes(&panic.to_string().replace('\n', " "));
                logs.push(LogLine { at: Instant::now(), level: Some(Level::ERROR), text });
            }
            None => before(panic),
        }));
    });
}

/// Marks a dispatcher as ours, so that a server started under it finds its log.
struct Keeper(Logs);

impl<S: Subscriber> Layer<S> for Keeper {}

/// Makes each event, which the formatter writes in one piece, into one log line.
struct LogCapture(Logs);

struct EventWriter {
    logs: Logs,
    level: Level,
}

impl<'a> MakeWriter<'a> for LogCapture {
    type Writer = EventWriter;

    fn make_writer(&'a self) -> Self::Writer {
        EventWriter { logs: self.0.clone(), level: Level::INFO }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        EventWriter { logs: self.0.clone(), level: *event.level() }
    }
}

impl io::Write for EventWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = without_escapes(&text.trim().replace('\n', "\\n"));
        self.logs.push(LogLine { at: Instant::now(), level: Some(self.level), text });
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sink that keeps every line.
#[cfg(test)]
pub(crate) fn keeping_sink() -> (LogSink, std::sync::Arc<std::sync::Mutex<Vec<LogLine>>>) {
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = lines.clone();
    let sink: LogSink = std::sync::Arc::new(move |line| {
        crate::lock::lock(&kept).push(line);
    });
    (sink, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_lines_with_their_spans_and_noise_is_dropped() {
        let (sink, lines) = keeping_sink();
        let dispatch = log_dispatch(sink, LevelFilter::DEBUG);
        tracing::dispatcher::with_default(&dispatch, || {
            let span = tracing::info_span!(target: "chat", "socket", conversation = "conv_1", participant = "alice");
            let _in_span = span.enter();
            tracing::warn!(target: "chat::writer", waiting = 3, "slow\nreader");
            tracing::debug!(target: "hyper_util::client", "connected");
            tracing::trace!(target: "chat", "too fine");
        });
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(
            lines[0].text,
            "WARN socket{conversation=\"conv_1\" participant=\"alice\"}: chat::writer: slow\\nreader waiting=3"
        );
        assert_eq!(lines[0].level, Some(Level::WARN));
        assert_eq!(dispatch.downcast_ref::<Keeper>().unwrap().0.tail(9).len(), 1);
    }
}
