//! Playing jobs and reporting them as they end.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};

use super::print;
use crate::config::{Config, SubjectChoice};
use crate::event::{Event, EventKind, EventSink, Outcome};
use crate::plan::{Job, PlaySettings};
use crate::report::files::reports::Reports;
use crate::report::live::failure_list::FailureList;
use crate::report::live::story::Story;
use crate::report::wording::result_line::{not_run_lines, result_line};
use crate::report::wording::short_ids::with_short_ids;
use crate::run::{Desk, Session};
use crate::runner::{self, Options, Way, Ways};
use crate::scenario::model::Scenario;
use crate::secret::Secrets;
use crate::source::shown_path;
use crate::subject::{self, Subject};
use crate::text::paint::{Paint, Style};

/// How each scenario gets its server, from `--server`; whether it may be kept, and what its log must not hold then.
pub(crate) fn ways(
    config: &Config,
    servers: &[String],
    keep: bool,
    secrets: Option<&Arc<Secrets>>,
) -> Result<(Ways, String), String> {
    let mut choice = SubjectChoice::InProcess;
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for given in servers {
        match given.split_once('=') {
            Some((name, url)) if config.servers.contains_key(name) => {
                named.insert(name.to_owned(), url.trim_end_matches('/').to_owned());
            }
            _ => choice = given.parse().map_err(|error| format!("--server {given}: {error}"))?,
        }
    }
    if let SubjectChoice::Remote(url) = &mut choice {
        *url = url.trim_end_matches('/').to_owned();
    }
    let shown = match &choice {
        SubjectChoice::InProcess => "in process".to_owned(),
        SubjectChoice::Subprocess => "as a subprocess".to_owned(),
        SubjectChoice::Remote(url) => url.clone(),
    };
    let (config, secrets) = (config.clone(), secrets.cloned());
    let ways: Ways = Arc::new(move |scenario: &Scenario| {
        let name = scenario.protocol.server.as_deref();
        let choice = match name {
            None => choice.clone(),
            Some(name) => named.get(name).map_or(SubjectChoice::Subprocess, |url| SubjectChoice::Remote(url.clone())),
        };
        let subject = config.server(name).and_then(|server| subject::choose(&config, server, &choice));
        if let Ok(Subject::Remote(url)) = &subject {
            if scenario.acts_on_server {
                return Way::Skip(format!("it stops or restarts its server, and {url} was not started here"));
            }
            if !scenario.server.is_empty() {
                return Way::Skip(format!("it asks for a configuration that {url} can't be given"));
            }
        }
        match subject {
            Ok(Subject::Subprocess(mut spec)) => {
                spec.keepable = keep;
                spec.secrets.clone_from(&secrets);
                Way::Play(Subject::Subprocess(spec))
            }
            Ok(subject) => Way::Play(subject),
            Err(error) => Way::Refuse(error.to_string()),
        }
    });
    Ok((ways, shown))
}

/// How the live story is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Debug {
    /// What matters of each frame.
    Short,
    /// Whole frames, and those of barriers.
    Whole,
}

/// When scenarios stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop {
    /// Before each step.
    pub(crate) steps: bool,
    /// At the first failure.
    pub(crate) failure: bool,
}

/// What the playing threads tell the one that prints.
enum Told {
    Events(Vec<Event>),
    Text(String),
}

/// Which scenarios are told as they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// All.
    All,
    /// Those that didn't end well.
    Bad,
    /// None.
    Nothing,
}

/// What is played, and how it is shown.
#[derive(Clone)]
pub(crate) struct Play<'a> {
    pub(crate) jobs: Vec<Job>,
    pub(crate) ways: &'a Ways,
    pub(crate) options: &'a Options,
    /// How scenarios are played.
    pub(crate) settings: PlaySettings,
    /// Whether scenarios stop for somebody at standard input.
    pub(crate) stop: Option<Stop>,
    /// What is shown nowhere.
    pub(crate) secrets: Option<Arc<Secrets>>,
    /// Whether the live story is told, and whether with whole frames.
    pub(crate) debug: Option<Debug>,
    /// Whether failures that are alike are each told in full.
    pub(crate) each: bool,
    pub(crate) shown: Shown,
    /// Whether it goes on with what was begun: reports have their beginning already.
    pub(crate) continued: bool,
    pub(crate) paint: Paint,
}

/// Plays jobs and reports them as they end; gives what came of them and the text of the failures.
pub(crate) fn report(play: Play<'_>, reports: &mut Reports) -> Result<(runner::Ran, String), String> {
    let Play { jobs, ways, options, mut settings, stop, secrets, debug, each, shown, continued, paint, .. } = play;
    settings.detail |= debug.is_some();
    let again = &play.options.again;
    raise_descriptor_limit();
    crate::subject::in_process::log_panics();
    let (events, incoming) = mpsc::channel::<Told>();
    let words = Mutex::new(events.clone());
    let events = Mutex::new((events, Vec::new()));
    let live = debug.is_some();
    let sink: EventSink = Arc::new(move |event| {
        let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
        // Details wait for what somebody waits for: to wake this thread for each of them would cost more than they do.
        let told = live || !event.kind.is_detail();
        events.1.push(event);
        if told {
            let batch = std::mem::take(&mut events.1);
            let _ = events.0.send(Told::Events(batch));
        }
    });
    let desk = stop.map(|stop| {
        // Through the same channel, so that a prompt stands behind what it is about.
        let say = move |text| {
            let _ = words.lock().unwrap_or_else(PoisonError::into_inner).send(Told::Text(text));
        };
        Arc::new(Desk::new(stop.steps, stop.failure, paint, Box::new(say)))
    });
    let session = Session { settings, desk, sink, secrets };
    let (ways, options) = (Arc::clone(ways), options.clone());
    let playing = std::thread::spawn(move || {
        let ran = runner::run(&jobs, &session, &ways, &options);
        let summary = ran.as_ref().map(|ran| ran.summary.clone()).unwrap_or_default();
        (session.sink)(Event { scenario: None, at: summary.took, kind: EventKind::RunFinished(summary) });
        ran
    });
    let mut failures = FailureList::new(paint, debug == Some(Debug::Whole), each);
    let named = |result: &_, text| if debug == Some(Debug::Whole) { text } else { with_short_ids(result, text) };
    let width = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    // A terminal that doesn't know its size tells zero.
    let width = width.map(|width| if width == 0 { 80 } else { width });
    let mut story = debug.map(|debug| Story::new(paint, width, debug == Debug::Whole));
    let events = incoming.into_iter().flat_map(|told| match told {
        Told::Events(events) => events,
        Told::Text(text) => {
            print(&text);
            Vec::new()
        }
    });
    for event in events {
        if let EventKind::RunFinished(_) = event.kind {
            // Servers that are kept go on logging, so the channel may never close.
            break;
        }
        if let EventKind::Building { command } = &event.kind {
            print(&format!("{}\n", paint.text(Style::Dim, &format!("      building the server: {command}"))));
        }
        if let EventKind::Ending { server, patience } = &event.kind {
            let line = format!("      waiting for the server `{server}` to end; it is killed after {patience:?}");
            print(&format!("{}\n", paint.text(Style::Dim, &line)));
        }
        if let EventKind::ScenarioFinished(result) = &event.kind {
            // What was not run is told once, at the end.
            let told = shown == Shown::All || (shown == Shown::Bad && !result.is_good());
            if told && !matches!(result.outcome, Outcome::NotRun { .. }) {
                print(&format!("{}\n", named(result, result_line(result, paint))));
            }
            let trace = reports.trace(result).map(|page| shown_path(&page));
            failures.add(result, trace.as_deref(), again);
        }
        if let Some(line) = story.as_mut().and_then(|story| story.line(&event)) {
            print(&format!("{line}\n"));
        }
        if continued && matches!(event.kind, EventKind::RunStarted { .. }) {
            continue;
        }
        reports.tell(event);
    }
    let ran = playing.join().map_err(|_| "the runner itself panicked; please report this".to_owned())?;
    let mut failures = failures.into_text();
    if let Ok(ran) = &ran {
        failures.push_str(&not_run_lines(&ran.results, paint));
    }
    ran.map(|ran| (ran, failures)).map_err(|error| format!("the run could not begin: {error}"))
}

/// Sockets are descriptors: a hundred participants in one process take some four hundred.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Where it can't be raised, the run goes on with what there is.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
