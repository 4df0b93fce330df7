//! Plays jobs, and prints and reports what happens as it happens.

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use super::output::print;
use crate::diff::attempts::FailedAttempts;
use crate::event::{Event, EventKind, EventSink, Outcome, ScenarioResult};
use crate::lock::lock;
use crate::plan::{Job, PlaySettings};
use crate::report::files::reports::Reports;
use crate::report::live::failure_list::FailureList;
use crate::report::live::story::Story;
use crate::report::wording::result_line::{not_run_lines, result_line};
use crate::report::wording::short_ids::with_short_ids;
use crate::run::{Desk, Session};
use crate::runner::{self, ChooseServer, Finished, RunOptions};
use crate::secret::Secrets;
use crate::source::shown_path;
use crate::text::paint::{Paint, Style};

/// What is played, and how.
#[derive(Clone)]
pub(crate) struct Play<'a> {
    pub(crate) jobs: Vec<Job>,
    pub(crate) choose_server: &'a ChooseServer,
    pub(crate) options: &'a RunOptions,
    pub(crate) settings: PlaySettings,
    /// When scenarios stop for commands on standard input, if they do.
    pub(crate) stops: Option<DebuggerStops>,
    /// What is masked everywhere.
    pub(crate) secrets: Option<Arc<Secrets>>,
    pub(crate) display: Display,
}

/// When the debugger stops a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DebuggerStops {
    /// Before each step.
    pub(crate) steps: bool,
    /// At the first failure.
    pub(crate) failure: bool,
}

/// What is printed while scenarios are played.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Display {
    /// Which scenarios get a line when they end.
    pub(crate) lines: ResultLines,
    /// Whether everything that happens is printed live, as `--debug` does.
    pub(crate) story: Option<StoryDetail>,
    /// Whether each failure is printed in full, even where others are alike.
    pub(crate) every_failure_in_full: bool,
    /// Whether this continues a run whose `run_started` the reports already have.
    pub(crate) continues: bool,
    pub(crate) paint: Paint,
}

/// How much the live story of `--debug` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoryDetail {
    /// What matters of each frame.
    Short,
    /// Whole frames, and those of barriers.
    Whole,
}

/// Which scenarios get a line when they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultLines {
    All,
    /// The results that didn't pass.
    Bad,
    None,
}

/// Messages from the playing threads to the printing thread.
enum PrintMessage {
    Events(Vec<Event>),
    /// A prompt or an answer of the debugger.
    Text(String),
}

/// Plays jobs, prints and reports them as they end, and gives the results with the text of all failures.
///
/// # Errors
/// Why the run could not begin.
pub(crate) fn play(play: Play<'_>, reports: &mut Reports) -> Result<(Finished, String), String> {
    let Play { jobs, choose_server, options, mut settings, stops, secrets, display } = play;
    let retries = options.limits.retries > 0;
    settings.detail |= display.story.is_some() || retries;
    raise_descriptor_limit();
    crate::subject::in_process::log_panics();
    let (messages, incoming) = mpsc::channel::<PrintMessage>();
    let desk = stops.map(|stops| {
        let messages = Mutex::new(messages.clone());
        // Through the same channel as events, so that a prompt comes after what it is about.
        let say = move |text| {
            let _ = lock(&messages).send(PrintMessage::Text(text));
        };
        Arc::new(Desk::new(stops.steps, stops.failure, display.paint, Box::new(say)))
    });
    let session = Session { settings, desk, sink: batching_sink(messages, display.story.is_some()), secrets };
    let (choose_server, run_options) = (Arc::clone(choose_server), options.clone());
    let playing = std::thread::spawn(move || {
        let finished = runner::run(&jobs, &session, &choose_server, &run_options);
        let summary = finished.as_ref().map(|finished| finished.summary.clone()).unwrap_or_default();
        (session.sink)(Event { scenario: None, at: summary.took, kind: EventKind::RunFinished(summary) });
        finished
    });
    let mut failures = show(incoming, display, &options.replay_options, retries, reports);
    let finished = playing.join().map_err(|_| "the runner itself panicked; please report this".to_owned())?;
    let finished = finished.map_err(|error| format!("the run could not begin: {error}"))?;
    failures.push_str(&not_run_lines(&finished.results, display.paint));
    Ok((finished, failures))
}

/// A sink that sends events in batches: details wait for the next event that is printed, since to wake the printing
/// thread for each of them would cost more than they do. Where the story is printed live, nothing waits.
fn batching_sink(messages: mpsc::Sender<PrintMessage>, live: bool) -> EventSink {
    let state = Mutex::new((messages, Vec::new()));
    Arc::new(move |event| {
        let (messages, batch) = &mut *lock(&state);
        let send_now = live || !event.kind.is_detail();
        batch.push(event);
        if send_now {
            let _ = messages.send(PrintMessage::Events(std::mem::take(batch)));
        }
    })
}

/// Prints and reports events until the run has finished; gives the text of all failures.
fn show(
    incoming: Receiver<PrintMessage>,
    display: Display,
    replay_options: &[String],
    retries: bool,
    reports: &mut Reports,
) -> String {
    let Display { paint, story, .. } = display;
    let whole = story == Some(StoryDetail::Whole);
    let mut failures = FailureList::new(paint, whole, display.every_failure_in_full);
    let mut story = story.map(|_| Story::new(paint, terminal_width(), whole));
    let events = incoming.into_iter().flat_map(|message| match message {
        PrintMessage::Events(events) => events,
        PrintMessage::Text(text) => {
            print(&text);
            Vec::new()
        }
    });
    let mut attempts = retries.then(FailedAttempts::default);
    for event in events {
        let flaky = attempts.as_mut().and_then(|attempts| attempts.take(&event));
        match &event.kind {
            // Servers that are kept go on logging, so the channel may never close.
            EventKind::RunFinished(_) => break,
            EventKind::Building { command } => {
                print_dim(&format!("      building the server: {command}"), paint);
            }
            EventKind::Ending { server, patience } => {
                let line = format!("      waiting for the server `{server}` to end; it is killed after {patience:?}");
                print_dim(&line, paint);
            }
            EventKind::ScenarioFinished(result) => {
                if has_line(result, display.lines) {
                    let line = result_line(result, paint);
                    print(&format!("{}\n", if whole { line } else { with_short_ids(result, line) }));
                }
                let trace = reports.trace(result).map(|page| shown_path(&page));
                failures.add(result, trace.as_deref(), replay_options);
                if let Some(flaky) = flaky {
                    failures.add_divergence(&flaky.text(terminal_width().unwrap_or(COLUMNS), paint));
                }
            }
            _ => {}
        }
        if let Some(line) = story.as_mut().and_then(|story| story.line(&event)) {
            print(&format!("{line}\n"));
        }
        if !(display.continues && matches!(event.kind, EventKind::RunStarted { .. })) {
            reports.tell(event);
        }
    }
    failures.into_text()
}

/// Whether a scenario gets a line when it ends; all that were not run are printed together at the end.
fn has_line(result: &ScenarioResult, lines: ResultLines) -> bool {
    let wanted = match lines {
        ResultLines::All => true,
        ResultLines::Bad => !result.is_good(),
        ResultLines::None => false,
    };
    wanted && !matches!(result.outcome, Outcome::NotRun { .. })
}

/// Columns of a comparison where standard output is no terminal.
const COLUMNS: usize = 160;

fn print_dim(line: &str, paint: Paint) {
    print(&format!("{}\n", paint.text(Style::Dim, line)));
}

/// The width of the terminal in columns; none where standard output is no terminal.
fn terminal_width() -> Option<usize> {
    let width = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    // A terminal that doesn't know its size reports zero.
    width.map(|width| if width == 0 { 80 } else { width })
}

/// Sockets are descriptors: a hundred participants in one process take some four hundred.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Where it can't be raised, the run goes on with the limit that there is.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
