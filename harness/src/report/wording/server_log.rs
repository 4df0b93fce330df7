//! The server's log below a failure, and what it says of scenarios that passed.

use std::time::Duration;

use std::collections::BTreeSet;

use super::row::push_row;
use crate::event::{LoggedLine, Outcome, ScenarioResult};
use crate::text::paint::{Paint, Style};
use crate::text::trouble::{Trouble, tells_trouble, troubles};
use crate::text::{counted, millis, shorten, visible};

const LOG_LINES: usize = 12;

/// Of a longer log: how many lines of errors and stack traces are shown, and how many of the newest at least.
const TROUBLE_LINES: usize = 40;

/// Lines of a stack trace that are shown at its beginning, and at its end, where what was raised stands.
const TRACE_HEAD: usize = 3;
const TRACE_TAIL: usize = 5;

/// A line of the log as it is shown.
pub(super) struct ShownLine<'l> {
    /// When it came; none where nobody knows.
    pub(super) at: Option<Duration>,
    /// As it was logged.
    pub(super) text: &'l str,
}

/// Appends the server's log: error lines and the first lines of stack traces behind a mark, traces folded, with their
/// indentation. Of a long log only the errors and stack traces, in the order of time, and then the newest lines.
pub(super) fn push_excerpt(text: &mut String, lines: &[ShownLine<'_>], paint: Paint) {
    let mut head = "server";
    let mut tell = |line: &str, style| push_row(text, std::mem::take(&mut head), &paint.text(style, line), paint);
    let troubles = troubles(lines.iter().map(|line| line.text));
    let mut entries = folded(&troubles);
    let long = entries.len() > LOG_LINES;
    let newest = entries.len() - LOG_LINES.min(entries.len());
    if long {
        // Of very many errors the latest.
        let bad: Vec<usize> = (0..newest)
            .filter(|place| matches!(entries[*place], Entry::Line(line) if troubles[line].is_some()))
            .collect();
        let latest = bad.len().saturating_sub(TROUBLE_LINES);
        let from = bad.get(latest).copied().unwrap_or(newest);
        let mut left = 0;
        let mut place = 0;
        entries.retain(|entry| {
            let trouble = match entry {
                Entry::Line(line) => troubles[*line].is_some(),
                Entry::Folded(_) => true,
            };
            let kept = place >= newest || (place >= from && trouble);
            place += 1;
            left += if kept { 0 } else { entry.lines() };
            kept
        });
        let others = counted(left, "earlier line", "earlier lines");
        let also = if bad.is_empty() { "" } else { " without errors" };
        if left > 0 {
            tell(&format!("… {others}{also} (all with --debug)"), Style::Dim);
        }
    }
    for entry in entries {
        match entry {
            Entry::Line(place) => {
                let (shown, style) = match troubles[place] {
                    Some(Trouble::Line | Trouble::Trace) => (shown_line(&lines[place], true, true), Style::Bad),
                    Some(Trouble::More) => (shown_line(&lines[place], false, false), Style::Note),
                    None => (shown_line(&lines[place], true, false), Style::Dim),
                };
                tell(&shown, style);
            }
            Entry::Folded(count) => {
                let count = counted(count, "line", "lines");
                tell(&format!("{:TIMED$}  … {count} of the trace (all with --debug)", ""), Style::Dim);
            }
        }
    }
}

/// A line of the log, or so many lines in the middle of a stack trace.
enum Entry {
    Line(usize),
    Folded(usize),
}

impl Entry {
    fn lines(&self) -> usize {
        if let Self::Folded(count) = self { *count } else { 1 }
    }
}

/// All lines, with the middle of each long stack trace folded.
fn folded(troubles: &[Option<Trouble>]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut place = 0;
    while place < troubles.len() {
        let more = troubles[place + 1..].iter().take_while(|trouble| **trouble == Some(Trouble::More)).count();
        let end = place + more + 1;
        if more + 1 > TRACE_HEAD + TRACE_TAIL + 1 {
            entries.extend((place..place + TRACE_HEAD).map(Entry::Line));
            entries.push(Entry::Folded(end - place - TRACE_HEAD - TRACE_TAIL));
            entries.extend((end - TRACE_TAIL..end).map(Entry::Line));
        } else {
            entries.extend((place..end).map(Entry::Line));
        }
        place = end;
    }
    entries
}

/// Columns of a line's time.
const TIMED: usize = 12;

/// A line with its time and, where it is one of trouble, a mark. What continues a trace has neither.
fn shown_line(line: &ShownLine<'_>, timed: bool, marked: bool) -> String {
    let time = line.at.map(|at| if timed { format!("{:>12}", millis(at)) } else { " ".repeat(TIMED) });
    let mark = if marked { "✗" } else { " " };
    format!("{}{mark} {}", time.map(|time| format!("{time} ")).unwrap_or_default(), visible(line.text))
}

/// Errors and stack traces that servers logged while scenarios passed, in a sentence; none where there were none.
pub fn errors_while_passing(results: &[ScenarioResult]) -> Option<String> {
    let mut scenarios = 0;
    let mut kinds = BTreeSet::new();
    let mut first: Option<(bool, &ScenarioResult, usize)> = None;
    for result in results.iter().filter(|result| matches!(result.outcome, Outcome::Passed)) {
        let troubles = troubles(result.log.iter().map(|line| line.text.as_str()));
        let mut any = false;
        for (place, trouble) in troubles.into_iter().enumerate() {
            let trace = match trouble {
                Some(Trouble::Trace) => true,
                Some(Trouble::Line) => false,
                Some(Trouble::More) | None => continue,
            };
            any = true;
            kinds.insert(if trace { "stack traces" } else { "errors" });
            // A trace says more than a line.
            if first.is_none_or(|(known, ..)| trace && !known) {
                first = Some((trace, result, place));
            }
        }
        scenarios += usize::from(any);
    }
    let (trace, result, place) = first?;
    let line = result.log.get(place)?;
    let kinds = kinds.into_iter().collect::<Vec<_>>().join(" and ");
    let passed = counted(scenarios, "scenario that passed", "scenarios that passed");
    // What was raised stands at the end of a trace, and says more than its beginning.
    let more = |text: &&LoggedLine| tells_trouble(&text.text, true) && !text.text.contains("Traceback");
    let raised = result.log[place + 1..].iter().take_while(more).last().filter(|_| trace);
    let text = match raised.map(|raised| raised.text.trim()) {
        Some(raised) if line.text.contains("Traceback") => format!("Traceback … {raised}"),
        _ => line.text.trim().to_owned(),
    };
    let (at, text) = (millis(line.at), shorten(&visible(&text), 120));
    Some(format!("the server logged {kinds} during {passed} (first: {}, {at}: {text})", result.label))
}

/// A line of the log, with its time before it.
pub(crate) fn timed_line(line: &LoggedLine) -> String {
    format!("{:>12} {}", millis(line.at), line.text)
}
