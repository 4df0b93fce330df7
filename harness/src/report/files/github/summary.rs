//! The summary of a step, as Markdown.

use std::collections::BTreeMap;
use std::time::Duration;

use super::markdown::{code_cell, cut_at_line, escaped, fence, table_cell};
use crate::event::{Outcome, ScenarioResult, Summary};
use crate::report::wording::summary::summary_text;
use crate::text::paint::Paint;
use crate::text::{counted, shorten};

/// Bytes that GitHub takes of a step's summary, less a reserve.
const MOST_BYTES: usize = 1024 * 1024 - 4096;

/// Failures that the summary shows whole, and scenarios among the slowest.
const TOLD_WHOLE: usize = 20;

const SLOWEST: usize = 10;

/// Lines about what couldn't be judged.
const TOLD_UNJUDGED: usize = 50;

/// The contents of the summary.
#[derive(Default)]
pub(super) struct StepSummary {
    /// By label and repetition.
    pub(super) rows: BTreeMap<(String, usize), SummaryRow>,
    /// How many scenarios the run plays.
    pub(super) scenarios: usize,
    /// How the run ended, once it has.
    pub(super) finished: Option<Summary>,
}

impl StepSummary {
    /// The rows of one kind.
    fn of_kind(&self, kind: RowKind) -> Vec<&SummaryRow> {
        self.rows.values().filter(|row| row.kind == kind).collect()
    }

    /// The numbers of the invariants, and a table of what couldn't be judged.
    fn tell_unjudged(&self, text: &mut String) {
        let invariants = self.finished.as_ref().map(|summary| summary.invariants.text()).unwrap_or_default();
        if !invariants.is_empty() {
            text.push_str(&format!("\nInvariants: {invariants}\n"));
        }
        let mut lines = self.rows.values().flat_map(|row| row.unjudged.iter().map(move |why| (row, why))).peekable();
        if lines.peek().is_none() {
            return;
        }
        text.push_str("\n| Not judged | What |\n|---|---|\n");
        for (row, why) in lines.by_ref().take(TOLD_UNJUDGED) {
            text.push_str(&format!("| {} | {} |\n", code_cell(&row.label), table_cell(&shorten(why, 300))));
        }
        let more = lines.count();
        if more > 0 {
            text.push_str(&format!("\nand {more} more, which the other reports have\n"));
        }
    }

    /// Why scenarios were not run, and how many for each reason.
    pub(super) fn not_run(&self) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        for row in self.of_kind(RowKind::NotRun) {
            *reasons.entry(row.headline.as_str()).or_default() += 1;
        }
        reasons
    }

    /// The summary as Markdown, to stand behind `before` bytes of others.
    pub(super) fn markdown(&self, before: u64) -> String {
        let failed = self.of_kind(RowKind::Failed);
        // Markdown wants an empty line behind what others wrote.
        let mut text = String::from(if before > 0 { "\n## Scenarios\n\n" } else { "## Scenarios\n\n" });
        text.push_str(&match &self.finished {
            Some(summary) => {
                let numbers = summary_text(summary, Paint::new(false));
                let last = numbers.lines().last().unwrap_or_default();
                let gaps = summary
                    .gaps()
                    .iter()
                    .map(|gap| format!("\n**Incomplete**: {}\n", table_cell(gap)))
                    .collect::<String>();
                format!("**{last}** in {:.1} s\n{gaps}", summary.took.as_secs_f64())
            }
            None => format!(
                "**Incomplete**: the run has not ended; {} of {} played so far, {} failed\n",
                self.rows.len(),
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
                table_cell(reason)
            ));
        }
        for (title, kind) in [("Flaky", RowKind::Flaky), ("In quarantine", RowKind::Quarantined)] {
            let rows = self.of_kind(kind);
            if !rows.is_empty() {
                text.push_str(&format!("\n| {title} | | Owner | Where | What |\n|---|---|---|---|---|\n"));
                text.extend(rows.iter().map(|row| row.line("")));
            }
        }
        self.tell_unjudged(&mut text);
        let mut slowest: Vec<&SummaryRow> = self.rows.values().filter(|row| row.took > Duration::ZERO).collect();
        slowest.sort_by_key(|row| std::cmp::Reverse(row.took));
        slowest.truncate(SLOWEST);
        let mut tail = String::new();
        if !slowest.is_empty() {
            tail.push_str(&format!(
                "\n<details><summary>The slowest {}</summary>\n\n| Scenario | Time |\n|---|--:|\n",
                counted(slowest.len(), "scenario", "scenarios")
            ));
            for row in slowest {
                tail.push_str(&format!("| {} | {:.3} s |\n", code_cell(&row.label), row.took.as_secs_f64()));
            }
            tail.push_str("\n</details>\n");
        }
        let room = MOST_BYTES.saturating_sub(usize::try_from(before).unwrap_or(usize::MAX));
        let mut left_out = failed.len().saturating_sub(TOLD_WHOLE);
        for row in failed.iter().take(TOLD_WHOLE) {
            let fence = fence(&row.text);
            let whole = format!(
                "\n<details><summary>{}</summary>\n\n{fence}text\n{}\n{fence}\n\n</details>\n",
                escaped(&row.label),
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
        cut_at_line(text, room)
    }
}

/// A scenario as the summary shows it.
pub(super) struct SummaryRow {
    pub(super) label: String,
    pub(super) kind: RowKind,
    pub(super) class: &'static str,
    pub(super) owner: String,
    pub(super) place: String,
    pub(super) headline: String,
    pub(super) text: String,
    pub(super) took: Duration,
    /// What couldn't be judged, a line each.
    pub(super) unjudged: Vec<String>,
}

impl SummaryRow {
    /// A line of a table.
    fn line(&self, class: &str) -> String {
        let headline = table_cell(&shorten(&self.headline, 300));
        format!(
            "| {} | {class} | {} | {} | {headline} |\n",
            code_cell(&self.label),
            table_cell(&self.owner),
            code_cell(&self.place)
        )
    }
}

/// In which part of the summary a scenario stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    /// It failed, had no server or was interrupted.
    Failed,
    /// Its server was gone before it began.
    NotRun,
    /// It passed only after an attempt that failed.
    Flaky,
    /// It failed in a quarantine that holds.
    Quarantined,
    /// It ended well.
    Good,
}

impl RowKind {
    pub(super) fn of(result: &ScenarioResult) -> Self {
        match result.outcome {
            Outcome::NotRun { .. } => Self::NotRun,
            _ if result.is_quarantined() => Self::Quarantined,
            _ if result.is_flaky() => Self::Flaky,
            _ if result.is_good() => Self::Good,
            _ => Self::Failed,
        }
    }
}
