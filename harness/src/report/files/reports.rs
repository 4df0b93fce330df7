//! All reports of a run, fed from one stream of events. They are written on a thread of their own, so that a run never
//! waits for them.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::trace::traces::{self, TraceWriter};
use crate::event::{Event, EventKind, ScenarioResult, Summary};
use crate::report::files::details::{DetailBuffer, KeepDetails};
use crate::report::files::reporter::{ReportOptions, Reporter, is_same_place};
use crate::report::files::request::ReportRequest;

/// The channel to the writing thread, and the thread, which returns the reports that could not be written.
type Writing = (Sender<Vec<Event>>, JoinHandle<Vec<String>>);

/// The reports that are asked for. One that can't be written is given up; [`finish`](Self::finish) notes it.
#[derive(Default)]
pub struct Reports {
    writing: Option<Writing>,
    /// Details that wait for the end of their scenario.
    waiting: Vec<Event>,
    keep: KeepDetails,
    traces: Option<PathBuf>,
}

impl Reports {
    /// Begins reports. `keep` says of which scenarios the details are kept; with an `output` folder they are written there
    /// as traces, without one only beside an HTML report. `history` are event files of earlier runs.
    ///
    /// # Errors
    /// The report that can't be started, and why.
    pub fn begin(
        requests: &[ReportRequest],
        history: &[PathBuf],
        keep: KeepDetails,
        output: Option<&Path>,
    ) -> Result<Self, String> {
        let mut writers: Vec<(String, Box<dyn Reporter>)> = Vec::new();
        let pages = requests.iter().find_map(ReportRequest::pages);
        let traces = output.or(pages).filter(|_| keep != KeepDetails::Off).map(Path::to_path_buf);
        let report = pages.zip(output).is_some_and(|(pages, output)| is_same_place(pages, output));
        if let Some(output) = output.filter(|_| keep != KeepDetails::Off) {
            writers.push(("--trace: traces".to_owned(), Box::new(TraceWriter::new(output, keep, report))));
        }
        let options = ReportOptions { traces: traces.clone(), output: output.is_some(), history: history.to_vec() };
        for request in requests {
            let name = format!("--report {request}");
            let writer = request.begin(&options).map_err(|error| format!("{name} can't be written: {error}"))?;
            writers.push((name, writer));
        }
        if writers.is_empty() {
            return Ok(Self::default());
        }
        let (events, incoming) = mpsc::channel();
        let writers = WriterThread { buffer: DetailBuffer::new(keep), writers, broken: Vec::new() };
        let thread = std::thread::Builder::new()
            .name("reports".to_owned())
            .spawn(move || writers.write_all(&incoming))
            .map_err(|error| format!("--report: no thread can be begun: {error}"))?;
        Ok(Self { writing: Some((events, thread)), waiting: Vec::new(), keep, traces })
    }

    /// The path of a scenario's trace, which may not be written yet; `None` if no trace is kept.
    pub fn trace(&self, result: &ScenarioResult) -> Option<PathBuf> {
        self.traces.as_ref().and_then(|folder| traces::kept_trace(folder, self.keep, result))
    }

    /// Whether anything is written.
    pub fn is_empty(&self) -> bool {
        self.writing.is_none()
    }

    /// Hands an event to all reports.
    pub fn tell(&mut self, event: Event) {
        let Some((events, _)) = &self.writing else { return };
        let told = !event.kind.is_detail();
        self.waiting.push(event);
        if told {
            // A thread that is gone has panicked; `finish` says so.
            let _ = events.send(std::mem::take(&mut self.waiting));
        }
    }

    /// Ends the reports. What could not be written is missing from the summary from now on, and the other reports say so.
    pub fn finish(self, summary: &mut Summary) {
        let Some((events, thread)) = self.writing else { return };
        let kind = EventKind::RunFinished(summary.clone());
        let _ = events.send(vec![Event { scenario: None, at: summary.took, kind }]);
        drop(events);
        let panicked = |_| vec!["--report: the writer panicked; please report this".to_owned()];
        summary.missing.extend(thread.join().unwrap_or_else(panicked));
    }
}

/// After a flush the reports rest this many times as long as it took: flushing costs at most a twentieth of a core.
const IDLE: u32 = 20;
/// They rest this long at most; a killed run loses no more of them. The event file loses nothing.
const STALE: Duration = Duration::from_millis(500);

struct WriterThread {
    buffer: DetailBuffer,
    writers: Vec<(String, Box<dyn Reporter>)>,
    broken: Vec<String>,
}

impl WriterThread {
    /// Writes until no more events come. After a scenario's end the reports are flushed as soon as no events wait.
    fn write_all(mut self, events: &Receiver<Vec<Event>>) -> Vec<String> {
        let mut unflushed = false;
        let mut due = Instant::now();
        loop {
            let batch = match events.try_recv() {
                Ok(batch) => batch,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) if !unflushed => match events.recv() {
                    Ok(batch) => batch,
                    Err(_) => break,
                },
                Err(TryRecvError::Empty) => {
                    let now = Instant::now();
                    match events.recv_timeout(due.saturating_duration_since(now)) {
                        Ok(batch) => batch,
                        Err(RecvTimeoutError::Disconnected) => break,
                        Err(RecvTimeoutError::Timeout) => {
                            due = self.flush();
                            unflushed = false;
                            continue;
                        }
                    }
                }
            };
            for mut event in batch {
                if let EventKind::RunFinished(summary) = &mut event.kind {
                    // What can't be written is known before the others are told how the run ended.
                    self.flush();
                    summary.missing.extend(self.broken.iter().cloned());
                }
                unflushed |= matches!(event.kind, EventKind::ScenarioFinished(_));
                let told = self.buffer.take(event);
                if !told.is_empty() {
                    self.each(|writer| writer.events(&told));
                }
            }
            // Where events never cease to wait, they don't keep the reports from being written.
            if unflushed && Instant::now() >= due {
                due = self.flush();
                unflushed = false;
            }
        }
        self.each(|writer| writer.finish());
        self.broken
    }

    /// Flushes all reports, and returns when the next flush is due at the earliest.
    fn flush(&mut self) -> Instant {
        let began = Instant::now();
        self.each(|writer| writer.flush());
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
