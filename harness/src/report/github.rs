//! For GitHub Actions: annotations at the scenarios' lines, and the summary of the step.
//!
//! The forms are those of "Workflow commands for GitHub Actions": `::error file=…,line=…,title=…::message` on standard
//! output, and Markdown in the file that `GITHUB_STEP_SUMMARY` names, of which 1 MiB is shown.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Reporter, case, human};
use crate::event::{Event, EventKind, Outcome, ScenarioResult, Summary};
use crate::text::paint::Paint;
use crate::text::{counted, shorten, visible};

/// GitHub shows ten errors and ten warnings of a step; the last error of ours says how many there are besides.
const ANNOTATIONS: usize = 9;
/// Characters of an annotation's message.
const MESSAGE: usize = 4000;
/// And of its title.
const TITLE: usize = 250;
/// Bytes of a step's summaries that GitHub takes, and some to spare.
const SUMMARY: usize = 1024 * 1024 - 4096;
/// Failures that the summary shows whole, and scenarios among the slowest.
const WHOLE: usize = 20;
const SLOWEST: usize = 10;

/// Prints annotations as scenarios fail, and writes the summary anew whenever it settles.
pub struct Github {
    summary: Option<PathBuf>,
    /// What others wrote into the summary's file before.
    before: u64,
    /// From the top of the repository to the current folder.
    prefix: PathBuf,
    errors: usize,
    warnings: usize,
    more: usize,
    results: BTreeMap<(String, usize), Row>,
    scenarios: usize,
    finished: Option<Summary>,
    changed: bool,
}

/// What the summary keeps of a scenario.
struct Row {
    label: String,
    ended: Ended,
    class: &'static str,
    owner: String,
    place: String,
    headline: String,
    text: String,
    took: Duration,
}

/// How much a scenario's end matters to somebody who reads the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Bad,
    /// Its server was gone before it began.
    NotRun,
    Flaky,
    Quarantined,
    Good,
}

impl Ended {
    fn of(result: &ScenarioResult) -> Self {
        match result.outcome {
            Outcome::NotRun { .. } => Self::NotRun,
            _ if result.is_quarantined() => Self::Quarantined,
            _ if result.is_flaky() => Self::Flaky,
            _ if result.is_good() => Self::Good,
            _ => Self::Bad,
        }
    }
}

impl Github {
    /// Begins: into this file, or that of `GITHUB_STEP_SUMMARY`.
    ///
    /// # Errors
    /// The system's, where the summary's file can't be written.
    pub fn begin(file: Option<&Path>) -> io::Result<Self> {
        let named = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|name| !name.is_empty()).map(PathBuf::from);
        let summary = match file {
            // One of our own is ours from its beginning.
            Some(file) => {
                super::whole::write(file, &[])?;
                Some(file.to_path_buf())
            }
            None => named,
        };
        let before = match &summary {
            Some(file) => OpenOptions::new().create(true).append(true).open(file)?.metadata()?.len(),
            None => 0,
        };
        let top = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
        let here = std::env::current_dir().unwrap_or_default();
        let prefix = top.and_then(|top| here.strip_prefix(top).ok().map(Path::to_path_buf)).unwrap_or_default();
        Ok(Self {
            summary,
            before,
            prefix,
            errors: 0,
            warnings: 0,
            more: 0,
            results: BTreeMap::new(),
            scenarios: 0,
            finished: None,
            changed: false,
        })
    }

    fn ended(&mut self, result: &ScenarioResult) {
        if result.will_retry {
            return;
        }
        let ended = Ended::of(result);
        let (file, line) = case::place(result);
        let file = self.prefix.join(file);
        let text = || case::explained(result);
        let name = case::name(&result.label, result.repetition);
        match ended {
            Ended::Bad if self.errors < ANNOTATIONS => {
                self.errors += 1;
                annotate("error", Some((&file, line)), &format!("{name}: {}", case::headline(result)), &text());
            }
            Ended::Bad => self.more += 1,
            Ended::Flaky if self.warnings < ANNOTATIONS => {
                self.warnings += 1;
                let title = format!("{name} is flaky: it passed at attempt {}", result.attempt);
                annotate("warning", Some((&file, line)), &title, &text());
            }
            _ => {}
        }
        let row = Row {
            label: name,
            ended,
            class: result.class().map_or("interrupted", |class| class.name()),
            owner: result.owner.clone().unwrap_or_default(),
            place: format!("{}:{line}", file.display()),
            headline: case::headline(result),
            text: match (ended, human::failures(result, None, Paint::new(false))) {
                (Ended::Bad, text) if text.is_empty() => case::explained(result),
                (Ended::Bad, text) => text,
                _ => String::new(),
            },
            took: result.took,
        };
        self.results.insert((result.label.to_string(), result.repetition), row);
        self.changed = true;
    }

    /// Those that ended so.
    fn those(&self, ended: Ended) -> Vec<&Row> {
        self.results.values().filter(|row| row.ended == ended).collect()
    }

    /// Why scenarios were not run, and how many for each reason.
    fn not_run(&self) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        for row in self.those(Ended::NotRun) {
            *reasons.entry(row.headline.as_str()).or_default() += 1;
        }
        reasons
    }

    /// The summary as Markdown.
    fn markdown(&self) -> String {
        let failed = self.those(Ended::Bad);
        // Markdown wants an empty line behind what others wrote.
        let mut text = String::from(if self.before > 0 { "\n## Scenarios\n\n" } else { "## Scenarios\n\n" });
        text.push_str(&match &self.finished {
            Some(summary) => {
                let numbers = human::summary(summary, Paint::new(false));
                let last = numbers.lines().last().unwrap_or_default();
                format!("**{last}** in {:.1} s\n", summary.took.as_secs_f64())
            }
            None => format!(
                "**{} of {} played so far, {} failed**: the run has not ended\n",
                self.results.len(),
                self.scenarios,
                failed.len()
            ),
        });
        if !failed.is_empty() {
            text.push_str("\n| Failed | Class | Owner | Where | What |\n|---|---|---|---|---|\n");
            for row in &failed {
                text.push_str(&row.line(row.class));
            }
        }
        for (reason, count) in self.not_run() {
            text.push_str(&format!(
                "\n{} not run: {}\n",
                counted(count, "scenario was", "scenarios were"),
                cell(reason)
            ));
        }
        for (title, ended) in [("Flaky", Ended::Flaky), ("In quarantine", Ended::Quarantined)] {
            let rows = self.those(ended);
            if !rows.is_empty() {
                text.push_str(&format!("\n| {title} | | Owner | Where | What |\n|---|---|---|---|---|\n"));
                text.extend(rows.iter().map(|row| row.line("")));
            }
        }
        let mut slowest: Vec<&Row> = self.results.values().filter(|row| row.took > Duration::ZERO).collect();
        slowest.sort_by_key(|row| std::cmp::Reverse(row.took));
        slowest.truncate(SLOWEST);
        let mut tail = String::new();
        if !slowest.is_empty() {
            tail.push_str(&format!(
                "\n<details><summary>The slowest {}</summary>\n\n| Scenario | Time |\n|---|--:|\n",
                counted(slowest.len(), "scenario", "scenarios")
            ));
            for row in slowest {
                tail.push_str(&format!("| {} | {:.3} s |\n", code(&row.label), row.took.as_secs_f64()));
            }
            tail.push_str("\n</details>\n");
        }
        let room = SUMMARY.saturating_sub(usize::try_from(self.before).unwrap_or(usize::MAX));
        let mut left_out = failed.len().saturating_sub(WHOLE);
        for row in failed.iter().take(WHOLE) {
            let fence = fence(&row.text);
            let whole = format!(
                "\n<details><summary>{}</summary>\n\n{fence}text\n{}\n{fence}\n\n</details>\n",
                html(&row.label),
                row.text.trim_end()
            );
            if text.len() + tail.len() + whole.len() > room {
                left_out += 1;
                continue;
            }
            text.push_str(&whole);
        }
        if left_out > 0 {
            text.push_str(&format!("\n{} not shown whole here.\n", counted(left_out, "failure is", "failures are")));
        }
        text.push_str(&tail);
        cut(text, room)
    }
}

impl Row {
    /// A line of a table.
    fn line(&self, class: &str) -> String {
        let headline = cell(&shorten(&self.headline, 300));
        format!("| {} | {class} | {} | {} | {headline} |\n", code(&self.label), cell(&self.owner), code(&self.place))
    }
}

impl Reporter for Github {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::RunStarted { scenarios, .. } => self.scenarios = *scenarios,
            EventKind::ScenarioFinished(result) => self.ended(result),
            EventKind::RunFinished(summary) => {
                self.finished = Some(summary.clone());
                self.changed = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn settle(&mut self) -> io::Result<()> {
        let Some(path) = self.summary.as_ref().filter(|_| self.changed) else { return Ok(()) };
        // Behind what others wrote in the same step. A summary is one write, so that a killed run leaves a whole one.
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        let text = self.markdown();
        file.seek(SeekFrom::Start(self.before))?;
        file.write_all(text.as_bytes())?;
        file.set_len(self.before + u64::try_from(text.len()).unwrap_or_default())?;
        self.changed = false;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.more > 0 {
            let title = format!("{} failed besides", counted(self.more, "scenario", "scenarios"));
            annotate("error", None, &title, "The summary of this step has them all.");
        }
        for (reason, count) in self.not_run() {
            annotate("error", None, &format!("{} not run", counted(count, "scenario was", "scenarios were")), reason);
        }
        self.settle()
    }
}

/// Prints an annotation. A reader of standard output that went away needs none.
fn annotate(level: &str, place: Option<(&Path, usize)>, title: &str, message: &str) {
    let place = place.map_or_else(String::new, |(file, line)| {
        format!("file={},line={line},", property(&file.display().to_string()))
    });
    let (title, message) = (property(&shorten(title, TITLE)), data(&shorten(message.trim_end(), MESSAGE)));
    let line = format!("::{level} {place}title={title}::{message}\n");
    let mut out = io::stdout().lock();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    visible(&text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")).into_owned()
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text that HTML and Markdown leave as it is.
fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in html(text).chars() {
        if matches!(c, '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '@' | '#') {
            cell.push('\\');
        }
        cell.push(if c == '\n' || c == '\r' { ' ' } else { c });
    }
    cell
}

/// A text as code in a cell of a table.
fn code(text: &str) -> String {
    format!("<code>{}</code>", html(text).replace('|', "&#124;").replace(['\n', '\r'], " "))
}

/// More backticks than a text has in a row.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

/// The text, cut behind a line where it is longer than so many bytes.
fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        let line = text[..end].rfind('\n').map_or(0, |at| at + 1);
        text.truncate(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_command_stays_one_line_and_one_command() {
        assert_eq!(data("100%\r\n::error::x\u{1b}"), r"100%25%0D%0A::error::x\u001b");
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }

    #[test]
    fn markdown_is_inert_in_a_table() {
        assert_eq!(cell("a|b <img> @all `x`\ny"), "a\\|b &lt;img&gt; \\@all \\`x\\` y");
        assert_eq!(code("e2e/a|b<"), "<code>e2e/a&#124;b&lt;</code>");
        assert_eq!(fence("a ```` b"), "`````");
        assert_eq!(fence(""), "```");
    }

    #[test]
    fn a_summary_that_is_too_long_ends_behind_a_line() {
        assert_eq!(cut("one\ntwö\nthree".to_owned(), 6), "one\n");
        assert_eq!(cut("one\n".to_owned(), 6), "one\n");
    }
}
