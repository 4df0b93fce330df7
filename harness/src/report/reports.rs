//! All reports of a run, fed from one stream of events. They are written on a thread of their own, so that a run never
//! waits for them.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::tape::{Keep, Tape};
use super::trace::traces::{self, Traces};
use super::{Reporter, Setting, Wish};
use crate::event::{Event, EventKind, ScenarioResult, Summary};

/// The thread that writes, which gives what could not be written, and the way to it.
type Writing = (Sender<Vec<Event>>, JoinHandle<Vec<String>>);

/// The reports that are asked for. One that can't be written is given up with a line on standard error; the run goes on.
#[derive(Default)]
pub struct Reports {
    writing: Option<Writing>,
    /// Details that wait for the end of their scenario.
    waiting: Vec<Event>,
    keep: Keep,
    traces: Option<PathBuf>,
}

impl Reports {
    /// Begins reports; the details of scenarios are kept, and written as traces below `output`, as `keep` says. Without
    /// an output folder traces stand in the HTML report alone. `history` is event files of earlier runs.
    ///
    /// # Errors
    /// Where one can't be begun: which, and why.
    pub fn begin(wishes: &[Wish], history: &[PathBuf], keep: Keep, output: Option<&Path>) -> Result<Self, String> {
        let mut writers: Vec<(String, Box<dyn Reporter>)> = Vec::new();
        let pages = wishes.iter().find_map(Wish::pages);
        let traces = output.or(pages).filter(|_| keep != Keep::Off).map(Path::to_path_buf);
        if let Some(output) = output.filter(|_| keep != Keep::Off) {
            writers.push(("--trace: traces".to_owned(), Box::new(Traces::new(output, keep))));
        }
        let setting = Setting { traces: traces.clone(), output: output.is_some(), history: history.to_vec() };
        for wish in wishes {
            let name = format!("--report {wish}");
            let writer = wish.begin(&setting).map_err(|error| format!("{name} can't be written: {error}"))?;
            writers.push((name, writer));
        }
        if writers.is_empty() {
            return Ok(Self::default());
        }
        let (events, incoming) = mpsc::channel();
        let writers = Writers { tape: Tape::new(keep), writers, broken: Vec::new() };
        let thread = std::thread::Builder::new()
            .name("reports".to_owned())
            .spawn(move || writers.write_all(&incoming))
            .map_err(|error| format!("--report: no thread can be begun: {error}"))?;
        Ok(Self { writing: Some((events, thread)), waiting: Vec::new(), keep, traces })
    }

    /// Where the trace of a scenario that ended so stands, or will in a moment; none where none is kept.
    pub fn trace(&self, result: &ScenarioResult) -> Option<PathBuf> {
        self.traces.as_ref().and_then(|folder| traces::path(folder, self.keep, result))
    }

    /// Whether anything is written.
    pub fn is_empty(&self) -> bool {
        self.writing.is_none()
    }

    /// Tells an event as it happened.
    pub fn tell(&mut self, event: Event) {
        let Some((events, _)) = &self.writing else { return };
        let told = !event.kind.is_detail();
        self.waiting.push(event);
        if told {
            // A thread that is gone has panicked; `finish` says so.
            let _ = events.send(std::mem::take(&mut self.waiting));
        }
    }

    /// Ends the reports; gives what could not be written, a line each.
    pub fn finish(self, summary: &Summary) -> Vec<String> {
        let Some((events, thread)) = self.writing else { return Vec::new() };
        let kind = EventKind::RunFinished(summary.clone());
        let _ = events.send(vec![Event { scenario: None, at: summary.took, kind }]);
        drop(events);
        thread.join().unwrap_or_else(|_| vec!["--report: the writer panicked; please report this".to_owned()])
    }
}

/// How much longer than it takes to settle the reports go unsettled: they cost a run at most a twentieth of a core.
const IDLE: u32 = 20;
/// And at most this long, which is what a run that is killed may lose of them; the event file loses nothing.
const STALE: Duration = Duration::from_millis(500);

struct Writers {
    tape: Tape,
    writers: Vec<(String, Box<dyn Reporter>)>,
    broken: Vec<String>,
}

impl Writers {
    /// Writes until nobody tells more. A scenario's end settles the reports as soon as nothing else waits.
    fn write_all(mut self, events: &Receiver<Vec<Event>>) -> Vec<String> {
        let mut unsettled = false;
        let mut due = Instant::now();
        loop {
            let batch = match events.try_recv() {
                Ok(batch) => batch,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) if !unsettled => match events.recv() {
                    Ok(batch) => batch,
                    Err(_) => break,
                },
                Err(TryRecvError::Empty) => {
                    let now = Instant::now();
                    match events.recv_timeout(due.saturating_duration_since(now)) {
                        Ok(batch) => batch,
                        Err(RecvTimeoutError::Disconnected) => break,
                        Err(RecvTimeoutError::Timeout) => {
                            due = self.settle();
                            unsettled = false;
                            continue;
                        }
                    }
                }
            };
            for event in batch {
                unsettled |= matches!(event.kind, EventKind::ScenarioFinished(_));
                let told = self.tape.take(event);
                if !told.is_empty() {
                    self.each(|writer| writer.events(&told));
                }
            }
            // Where events never cease to wait, they don't keep the reports from being written.
            if unsettled && Instant::now() >= due {
                due = self.settle();
                unsettled = false;
            }
        }
        self.each(|writer| writer.finish());
        self.broken
    }

    /// Brings all files up to date; gives the time from which on that may be done again.
    fn settle(&mut self) -> Instant {
        let began = Instant::now();
        self.each(|writer| writer.settle());
        Instant::now() + (began.elapsed() * IDLE).min(STALE)
    }

    fn each(&mut self, mut write: impl FnMut(&mut dyn Reporter) -> std::io::Result<()>) {
        let broken = &mut self.broken;
        self.writers.retain_mut(|(name, writer)| match write(writer.as_mut()) {
            Ok(()) => true,
            Err(error) => {
                broken.push(format!("{name} can't be written: {error}"));
                false
            }
        });
    }
}
