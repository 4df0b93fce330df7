//! The report: annotations as scenarios fail, and the summary rewritten whenever the report is flushed.

use std::fs::OpenOptions;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::annotation::{Level, annotate};
use super::summary::{RowKind, StepSummary, SummaryRow};
use crate::event::{Event, EventKind, InvariantResult, ScenarioResult, Summary};
use crate::report::files::reporter::Reporter;
use crate::report::wording::brief;
use crate::report::wording::failures::{explanation, failures_with_log};
use crate::scratch;
use crate::text::counted;
use crate::text::paint::Paint;

/// GitHub shows ten errors and ten warnings of a step; the last two errors say how many more failed, and what is missing.
const ANNOTATIONS: usize = 8;

/// Prints annotations as scenarios fail, and rewrites the summary whenever it is flushed.
pub struct GithubReport {
    /// The summary's file.
    file: Option<PathBuf>,
    /// Bytes that others wrote into that file before.
    before: u64,
    /// From the top of the repository to the current folder.
    prefix: PathBuf,
    errors: usize,
    warnings: usize,
    /// Scenarios that failed after the last annotation.
    more: usize,
    summary: StepSummary,
    changed: bool,
}

impl GithubReport {
    /// Begins the report, with its summary in this file, or in that of `GITHUB_STEP_SUMMARY`.
    ///
    /// # Errors
    /// What the file system says, where the summary's file can't be written.
    pub fn begin(file: Option<&Path>) -> io::Result<Self> {
        let named = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|name| !name.is_empty()).map(PathBuf::from);
        let file = match file {
            // A file of our own holds nothing of others.
            Some(file) => {
                scratch::write(file, &[])?;
                Some(file.to_path_buf())
            }
            None => named,
        };
        let before = match &file {
            Some(file) => OpenOptions::new().create(true).append(true).open(file)?.metadata()?.len(),
            None => 0,
        };
        let top = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
        let here = std::env::current_dir().unwrap_or_default();
        let prefix = top.and_then(|top| here.strip_prefix(top).ok().map(Path::to_path_buf)).unwrap_or_default();
        Ok(Self {
            file,
            before,
            prefix,
            errors: 0,
            warnings: 0,
            more: 0,
            summary: StepSummary::default(),
            changed: false,
        })
    }

    fn ended(&mut self, result: &ScenarioResult) {
        if result.will_retry {
            return;
        }
        let kind = RowKind::of(result);
        let (file, line) = brief::failing_line(result);
        let file = self.prefix.join(file);
        let text = || explanation(result);
        let name = brief::label_with_repetition(&result.label, result.repetition);
        match kind {
            RowKind::Failed if self.errors < ANNOTATIONS => {
                self.errors += 1;
                annotate(Level::Error, Some((&file, line)), &format!("{name}: {}", brief::headline(result)), &text());
            }
            RowKind::Failed => self.more += 1,
            RowKind::Flaky if self.warnings < ANNOTATIONS => {
                self.warnings += 1;
                let title = format!("{name} is flaky: it passed at attempt {}", result.attempt);
                annotate(Level::Warning, Some((&file, line)), &title, &text());
            }
            _ => {}
        }
        let row = SummaryRow {
            label: name,
            kind,
            class: result.class().map_or("interrupted", |class| class.name()),
            owner: result.owner.clone().unwrap_or_default(),
            place: format!("{}:{line}", file.display()),
            headline: brief::headline(result),
            text: match (kind, failures_with_log(result, None, Paint::new(false))) {
                (RowKind::Failed, text) if text.is_empty() => explanation(result),
                (RowKind::Failed, text) => text,
                _ => String::new(),
            },
            took: result.took,
            unjudged: unjudged_lines(result),
        };
        self.summary.rows.insert((result.label.to_string(), result.repetition), row);
        self.changed = true;
    }
}

impl Reporter for GithubReport {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::RunStarted { scenarios, .. } => self.summary.scenarios = *scenarios,
            EventKind::ScenarioFinished(result) => self.ended(result),
            EventKind::RunFinished(summary) => {
                self.summary.finished = Some(summary.clone());
                self.changed = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(path) = self.file.as_ref().filter(|_| self.changed) else { return Ok(()) };
        // Behind what others wrote in the same step. A summary is one write, so that a killed run leaves a whole one.
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        let text = self.summary.markdown(self.before);
        file.seek(SeekFrom::Start(self.before))?;
        file.write_all(text.as_bytes())?;
        file.set_len(self.before + u64::try_from(text.len()).unwrap_or_default())?;
        self.changed = false;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.more > 0 {
            let title = format!("{} failed besides", counted(self.more, "scenario", "scenarios"));
            annotate(Level::Error, None, &title, "The summary of this step has them all.");
        }
        let gaps = self.summary.finished.as_ref().map(Summary::gaps).unwrap_or_default();
        if !gaps.is_empty() {
            annotate(Level::Error, None, "the run is incomplete", &gaps.join("\n"));
        }
        for (reason, count) in self.summary.not_run() {
            annotate(
                Level::Error,
                None,
                &format!("{} not run", counted(count, "scenario was", "scenarios were")),
                reason,
            );
        }
        self.flush()
    }
}

/// What of a scenario is unknown, excepted or not, and what is unproven, a line each.
pub(super) fn unjudged_lines(result: &ScenarioResult) -> Vec<String> {
    let told = |(why, excepted): (String, Option<&str>)| match excepted {
        Some(reason) => format!("unknown but excepted ({reason}): {why}"),
        None => format!("unknown: {why}"),
    };
    let unknown = result.invariants.iter().filter_map(InvariantResult::unknown).map(told);
    unknown.chain(result.unproven_why.iter().map(|why| format!("unproven: {why}"))).collect()
}
