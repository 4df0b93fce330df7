//! Servers that many scenarios share: started once for each distinct configuration, and given up when they go away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::OnceCell;

use super::Shared;
use crate::config::ServerSettings;
use crate::event::{Class, Event, EventKind};
use crate::plan::Job;
use crate::run::{LogBook, lock};
use crate::subject::{LogLine, LogSink, Server, Subject, SubjectError};

/// The shared servers of a run, by what was asked of them.
#[derive(Default)]
pub(super) struct Servers {
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
}

/// One shared server.
#[derive(Default)]
pub(super) struct Slot {
    cell: OnceCell<Result<Started, Arc<SubjectError>>>,
    /// Where it can't be started: whether a scenario has told why.
    told: std::sync::atomic::AtomicBool,
    users: Mutex<Users>,
}

struct Started {
    server: Arc<Server>,
    hub: Arc<Hub>,
}

/// Who is on a shared server, and since when nobody is any more.
#[derive(Default)]
struct Users {
    under_way: Vec<Arc<str>>,
    last: Option<Arc<str>>,
    gone: Option<Gone>,
}

/// Why scenarios aren't begun any more.
#[derive(Debug, Clone)]
pub(super) struct Gone {
    pub(super) reason: String,
    pub(super) class: Class,
}

/// Why a scenario has no shared server.
pub(super) enum NoServer {
    /// It couldn't be started; this scenario tells why.
    Failed(Arc<SubjectError>),
    /// It was there and went away, or another scenario has told why it couldn't be started.
    Gone(Gone),
}

/// A scenario's use of a shared server; ends when it is dropped.
pub(super) struct Use {
    slot: Arc<Slot>,
    label: Arc<str>,
}

impl Drop for Use {
    fn drop(&mut self) {
        let mut users = lock(&self.slot.users);
        if let Some(place) = users.under_way.iter().position(|label| *label == self.label) {
            users.under_way.remove(place);
        }
        users.last = Some(Arc::clone(&self.label));
    }
}

impl Use {
    /// Looks whether the server has gone away under this scenario; the scenarios behind it are then not begun.
    /// `doubted` asks a server behind a URL whether it is still there.
    pub(super) async fn check(&self, doubted: bool) {
        if let Some(Ok(started)) = self.slot.cell.get() {
            self.slot.look(&started.server, doubted).await;
        }
    }

    /// Whether the server has gone away.
    pub(super) fn is_gone(&self) -> bool {
        lock(&self.slot.users).gone.is_some()
    }
}

impl Slot {
    /// Whether the server has gone away, and how.
    async fn look(&self, server: &Server, doubted: bool) -> Option<Gone> {
        if let Some(gone) = &lock(&self.users).gone {
            return Some(gone.clone());
        }
        let (how, class) = match server.died() {
            Some(death) => (format!("the server died{{while}}: it {death}"), Class::ServerDied),
            None if doubted => match server.is_reachable().await {
                Err(why) => (format!("{} stopped answering{{while}}: {why}", server.url()), Class::Environment),
                Ok(()) => return None,
            },
            None => return None,
        };
        let mut users = lock(&self.users);
        let names: Vec<&str> = users.under_way.iter().map(|label| &**label).collect();
        let during = match (&names[..], &users.last) {
            ([], None) => String::new(),
            ([], Some(last)) => format!(" behind {last}"),
            ([one], _) => format!(" while {one} ran"),
            (many, _) => format!(" while {} ran", many.join(", ")),
        };
        let gone = Gone { reason: how.replace("{while}", &during), class };
        users.gone.get_or_insert(gone).clone().into()
    }
}

/// Hands the lines of a shared server to every scenario that is under way on it.
#[derive(Default)]
struct Hub {
    books: Mutex<Vec<Weak<LogBook>>>,
}

impl Hub {
    fn push(&self, line: &LogLine) {
        let mut books = lock(&self.books);
        books.retain(|book| book.strong_count() > 0);
        let alone = books.len() == 1;
        for book in books.iter().filter_map(Weak::upgrade) {
            book.push(line.text.clone(), alone);
        }
    }
}

impl Servers {
    /// All that were started.
    pub(super) fn started(&self) -> Vec<Arc<Server>> {
        let slots = lock(&self.slots);
        let started = slots.values().filter_map(|slot| slot.cell.get()?.as_ref().ok());
        started.map(|started| Arc::clone(&started.server)).collect()
    }

    /// The server for a job, started where nobody has started it yet.
    pub(super) async fn get(
        &self,
        run: &Shared,
        job: &Job,
        subject: &Subject,
        settings: ServerSettings,
        book: &Arc<LogBook>,
    ) -> Result<(Arc<Server>, Use), NoServer> {
        let key = format!("{} {settings:?}", subject.name());
        let slot = Arc::clone(lock(&self.slots).entry(key).or_default());
        let started = slot.cell.get_or_init(|| start(run, subject, settings)).await;
        let started = match started {
            Ok(started) => started,
            Err(error) if !slot.told.swap(true, std::sync::atomic::Ordering::Relaxed) => {
                return Err(NoServer::Failed(Arc::clone(error)));
            }
            Err(_) => {
                let reason = format!("the server `{}` could not be started or reached", subject.name());
                return Err(NoServer::Gone(Gone { reason, class: Class::Environment }));
            }
        };
        if let Some(gone) = slot.look(&started.server, false).await {
            return Err(NoServer::Gone(gone));
        }
        lock(&started.hub.books).push(Arc::downgrade(book));
        lock(&slot.users).under_way.push(Arc::clone(&job.label));
        Ok((Arc::clone(&started.server), Use { slot: Arc::clone(&slot), label: Arc::clone(&job.label) }))
    }
}

async fn start(run: &Shared, subject: &Subject, settings: ServerSettings) -> Result<Started, Arc<SubjectError>> {
    let hub = Arc::new(Hub::default());
    let lines = Arc::clone(&hub);
    let (events, detail, began) = (Arc::clone(&run.session.sink), run.session.settings.detail, run.began);
    let sink: LogSink = Arc::new(move |line: LogLine| {
        lines.push(&line);
        if !detail {
            return;
        }
        events(Event { scenario: None, at: began.elapsed(), kind: EventKind::ServerLog { line: line.text } });
    });
    if let Subject::Subprocess(spec) = subject
        && !spec.config.build.is_empty()
    {
        let kind = EventKind::Building { command: spec.config.build.join(" ") };
        (run.session.sink)(Event { scenario: None, at: run.began.elapsed(), kind });
    }
    let subject = subject.clone();
    // On the run's own runtime, which lives longer than this scenario's.
    let server = run.home.spawn(async move { subject.start(&settings, sink).await }).await;
    match server {
        Ok(Ok(server)) => Ok(Started { server: Arc::new(server), hub }),
        Ok(Err(error)) => Err(Arc::new(error)),
        Err(panic) => Err(Arc::new(SubjectError::Settings { server: "shared".to_owned(), problem: panic.to_string() })),
    }
}
