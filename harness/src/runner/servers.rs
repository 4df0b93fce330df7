//! Servers that many scenarios share: one for each distinct configuration, given up when it goes away.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::config::ServerSettings;
use crate::event::{Class, Event, EventKind, EventSink};
use crate::lock::lock;
use crate::plan::Job;
use crate::run::LogBook;
use crate::subject::{LogLine, LogSink, Server, Subject, SubjectError};

/// The shared servers of a run, by name and configuration.
pub(super) struct SharedServers {
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    events: EventSink,
    /// Whether each log line is an event.
    detail: bool,
    /// The run's runtime, which outlives those of the scenarios.
    runtime: Handle,
    run_began: Instant,
}

/// One shared server.
#[derive(Default)]
struct Slot {
    cell: OnceCell<Result<StartedServer, Arc<SubjectError>>>,
    /// Where it can't be started: whether a scenario has already failed for it.
    start_error_reported: AtomicBool,
    users: Mutex<Users>,
}

struct StartedServer {
    server: Arc<Server>,
    log: Arc<LogFanOut>,
}

/// Which scenarios use a shared server.
#[derive(Default)]
struct Users {
    running: Vec<Arc<str>>,
    /// The label of the scenario that ended last.
    last: Option<Arc<str>>,
    gone: Option<ServerGone>,
}

/// Why no more scenarios are begun on a server.
#[derive(Debug, Clone)]
pub(super) struct ServerGone {
    pub(super) reason: String,
    pub(super) class: Class,
}

/// Why a scenario has no shared server.
pub(super) enum NoServer {
    /// It couldn't be started; this scenario is the one that reports why.
    Failed(Arc<SubjectError>),
    /// It went away, or another scenario has reported why it couldn't be started.
    Gone(ServerGone),
}

/// A scenario's use of a shared server; ends when it is dropped.
pub(super) struct Usage {
    slot: Arc<Slot>,
    label: Arc<str>,
}

impl Drop for Usage {
    fn drop(&mut self) {
        let mut users = lock(&self.slot.users);
        if let Some(place) = users.running.iter().position(|label| *label == self.label) {
            users.running.remove(place);
        }
        users.last = Some(Arc::clone(&self.label));
    }
}

impl Usage {
    /// Checks whether the server went away during this scenario; no other scenario is begun on it then. A server behind
    /// a URL is asked only where `doubted`.
    pub(super) async fn check(&self, doubted: bool) {
        if let Some(Ok(started)) = self.slot.cell.get() {
            self.slot.check(&started.server, doubted).await;
        }
    }

    /// Whether the server has gone away.
    pub(super) fn is_gone(&self) -> bool {
        lock(&self.slot.users).gone.is_some()
    }
}

impl Slot {
    /// Whether the server has gone away, and why.
    async fn check(&self, server: &Server, doubted: bool) -> Option<ServerGone> {
        if let Some(gone) = &lock(&self.users).gone {
            return Some(gone.clone());
        }
        let (what, why, class) = match server.died() {
            Some(death) => ("the server died".to_owned(), format!("it {death}"), Class::ServerDied),
            None if doubted => match server.is_reachable().await {
                Err(why) => (format!("{} stopped answering", server.url()), why.to_string(), Class::Environment),
                Ok(()) => return None,
            },
            None => return None,
        };
        let mut users = lock(&self.users);
        let names: Vec<&str> = users.running.iter().map(|label| &**label).collect();
        let during = match (&names[..], &users.last) {
            ([], None) => String::new(),
            ([], Some(last)) => format!(" after {last}"),
            ([label], _) => format!(" while {label} ran"),
            (many, _) => format!(" while {} ran", many.join(", ")),
        };
        let gone = ServerGone { reason: format!("{what}{during}: {why}"), class };
        users.gone.get_or_insert(gone).clone().into()
    }
}

/// Hands the log lines of a shared server to every scenario that runs on it.
#[derive(Default)]
struct LogFanOut {
    books: Mutex<Vec<Weak<LogBook>>>,
}

impl LogFanOut {
    fn push(&self, line: &LogLine) {
        let mut books = lock(&self.books);
        books.retain(|book| book.strong_count() > 0);
        let alone = books.len() == 1;
        for book in books.iter().filter_map(Weak::upgrade) {
            book.push(line.text.clone(), alone);
        }
    }
}

impl SharedServers {
    pub(super) fn new(events: EventSink, detail: bool, runtime: Handle, run_began: Instant) -> Self {
        Self { slots: Mutex::default(), events, detail, runtime, run_began }
    }

    /// All that were started.
    pub(super) fn started(&self) -> Vec<Arc<Server>> {
        let slots = lock(&self.slots);
        let started = slots.values().filter_map(|slot| slot.cell.get()?.as_ref().ok());
        started.map(|started| Arc::clone(&started.server)).collect()
    }

    /// The server for a job; the first job that needs it starts it.
    pub(super) async fn get(
        &self,
        job: &Job,
        subject: &Subject,
        settings: ServerSettings,
        book: &Arc<LogBook>,
    ) -> Result<(Arc<Server>, Usage), NoServer> {
        let key = format!("{} {settings:?}", subject.name());
        let slot = Arc::clone(lock(&self.slots).entry(key).or_default());
        let started = match slot.cell.get_or_init(|| self.start(subject, settings)).await {
            Ok(started) => started,
            Err(error) if !slot.start_error_reported.swap(true, Ordering::Relaxed) => {
                return Err(NoServer::Failed(Arc::clone(error)));
            }
            Err(_) => {
                let reason = format!("the server `{}` could not be started or reached", subject.name());
                return Err(NoServer::Gone(ServerGone { reason, class: Class::Environment }));
            }
        };
        if let Some(gone) = slot.check(&started.server, false).await {
            return Err(NoServer::Gone(gone));
        }
        // What it wrote before belongs to no scenario that begins now.
        started.server.read_log();
        lock(&started.log.books).push(Arc::downgrade(book));
        lock(&slot.users).running.push(Arc::clone(&job.label));
        Ok((Arc::clone(&started.server), Usage { slot: Arc::clone(&slot), label: Arc::clone(&job.label) }))
    }

    async fn start(&self, subject: &Subject, settings: ServerSettings) -> Result<StartedServer, Arc<SubjectError>> {
        let log = Arc::new(LogFanOut::default());
        let sink = self.log_sink(&log);
        if let Subject::Subprocess(spec) = subject
            && !spec.config.build.is_empty()
        {
            let kind = EventKind::Building { command: spec.config.build.join(" ") };
            (self.events)(Event { scenario: None, at: self.run_began.elapsed(), kind });
        }
        let subject = subject.clone();
        // On the run's own runtime, which outlives this scenario's.
        let server = self.runtime.spawn(async move { subject.start(&settings, sink).await }).await;
        match server {
            Ok(Ok(server)) => Ok(StartedServer { server: Arc::new(server), log }),
            Ok(Err(error)) => Err(Arc::new(error)),
            Err(panic) => {
                Err(Arc::new(SubjectError::Settings { server: "shared".to_owned(), problem: panic.to_string() }))
            }
        }
    }

    /// Where a shared server's log lines go: to the scenarios on it, and into the events where they hold details.
    fn log_sink(&self, log: &Arc<LogFanOut>) -> LogSink {
        let (log, events, detail, began) = (Arc::clone(log), Arc::clone(&self.events), self.detail, self.run_began);
        Arc::new(move |line: LogLine| {
            log.push(&line);
            if detail {
                events(Event { scenario: None, at: began.elapsed(), kind: EventKind::ServerLog { line: line.text } });
            }
        })
    }
}
