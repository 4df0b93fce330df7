//! What didn't hold in a scenario, with everything that helps to find the cause.

use std::fmt::Write as _;
use std::path::Path;

use super::result_line::status_word;
use super::row::push_row;
use super::server_log::{ShownLine, push_excerpt};
use crate::event::{Attempt, Class, Failure, LoggedLine, Outcome, Place, ScenarioResult};
use crate::text::diff::DiffKind;
use crate::text::paint::{Paint, Style};
use crate::text::{millis, visible};

/// Lines of a diff that a failure shows; the rest is counted.
const DIFF_LINES: usize = 60;

/// A scenario's failures with the server's log; empty for a scenario that has none, and for an attempt that is retried.
/// `trace` is the page that shows them.
pub fn failures_with_log(result: &ScenarioResult, trace: Option<&Path>, paint: Paint) -> String {
    let mut text = heading_and_failures(result, true, paint);
    if text.is_empty() {
        return text;
    }
    fn all(lines: &[LoggedLine]) -> Vec<ShownLine<'_>> {
        lines.iter().map(|line| ShownLine { at: Some(line.at), text: &line.text }).collect()
    }
    let (lines, page, id) = match (&result.outcome, result.earlier.last()) {
        (Outcome::Failed { .. }, _) => (all(&result.log), trace, &result.trace),
        (Outcome::NoServer { log, .. }, _) => {
            (log.iter().map(|text| ShownLine { at: None, text }).collect(), None, &None)
        }
        (_, Some(last)) => (all(&last.log), trace, &last.trace),
        _ => return text,
    };
    push_excerpt(&mut text, &lines, paint);
    push_traces(&mut text, page, id.as_deref(), paint);
    text
}

/// The same without the server's log and the traces, for reports that keep those elsewhere.
pub fn failures_without_log(result: &ScenarioResult, paint: Paint) -> String {
    heading_and_failures(result, false, paint)
}

/// Why a scenario ended as it did, without the server's log: what didn't hold, or, where the run was interrupted, who
/// waited for what.
pub fn explanation(result: &ScenarioResult) -> String {
    match &result.outcome {
        Outcome::Interrupted { waiting } => waiting.iter().map(|waiting| format!("{waiting}\n")).collect(),
        _ => failures_without_log(result, Paint::new(false)),
    }
}

/// Heading and failures; with `numbered`, the repetition stands behind the label (some reports have it elsewhere).
fn heading_and_failures(result: &ScenarioResult, numbered: bool, paint: Paint) -> String {
    let mut text = String::new();
    if result.will_retry {
        return text;
    }
    match &result.outcome {
        Outcome::Failed { failures } => {
            push_heading(&mut text, result, numbered, paint);
            push_earlier_attempts(&mut text, &result.earlier, failures, paint);
            text.push_str(&failure_texts(failures, paint));
        }
        Outcome::NoServer { reason, .. } => {
            push_heading(&mut text, result, numbered, paint);
            let _ = writeln!(text, "  {} {}", paint.text(Style::Bad, "✗"), visible(reason));
        }
        _ => {
            if let (true, Some((last, before))) = (result.is_flaky(), result.earlier.split_last()) {
                push_heading(&mut text, result, numbered, paint);
                push_earlier_attempts(&mut text, before, &last.failures, paint);
                text.push_str(&failure_texts(&last.failures, paint));
            }
        }
    }
    text
}

/// The failures alone, without a heading.
pub(crate) fn failure_texts(failures: &[Failure], paint: Paint) -> String {
    let mut text = String::new();
    let mut failures = failures.iter().peekable();
    while let Some(failure) = failures.next() {
        // What several failures of one step have in common stands below the last of them.
        let next_is_same_step = failures.peek().is_some_and(|next| {
            next.place == failure.place && next.inside == failure.inside && next.details == failure.details
        });
        push_failure(&mut text, failure, next_is_same_step, paint);
    }
    text
}

/// Appends where to look next: the trace's page, and the trace id by which the server's own traces are found.
fn push_traces(text: &mut String, page: Option<&Path>, id: Option<&str>, paint: Paint) {
    if let Some(page) = page {
        push_row(text, "trace", &page.display().to_string(), paint);
    }
    if let Some(id) = id {
        push_row(text, "trace id", &paint.text(Style::Dim, id), paint);
    }
}

/// Appends what earlier attempts failed with, a line each.
fn push_earlier_attempts(text: &mut String, before: &[Attempt], last: &[Failure], paint: Paint) {
    let headline = |failures: &[Failure]| failures.first().map(|failure| failure.headline.clone()).unwrap_or_default();
    let last = headline(last);
    for (number, attempt) in before.iter().enumerate() {
        let first = headline(&attempt.failures);
        let first = if first == last { "the same" } else { &*visible(&first) };
        push_row(text, if number == 0 { "before" } else { "" }, &format!("attempt {}: {first}", number + 1), paint);
    }
}

/// The first line about a scenario that failed; with `numbered`, the repetition stands behind its label.
pub(crate) fn heading_line(result: &ScenarioResult, numbered: bool, paint: Paint) -> String {
    let (word, style) = status_word(result);
    let class = match result.class() {
        Some(class) if class != Class::Product && word != "NOSRV" => format!(" [{}]", class.name()),
        _ => String::new(),
    };
    let (word, label) = (paint.text(style, &format!("{word}{class}")), paint.text(Style::Strong, &result.label));
    let repetition = if numbered && result.repetition > 1 { format!(" #{}", result.repetition) } else { String::new() };
    format!("{word} {label}{repetition}: {}\n", visible(&result.title))
}

fn push_heading(text: &mut String, result: &ScenarioResult, numbered: bool, paint: Paint) {
    text.push_str(&heading_line(result, numbered, paint));
    let mut about = Vec::new();
    if let Some(owner) = &result.owner {
        about.push(format!("owner: {owner}"));
    }
    if let Some(quarantine) = &result.quarantine {
        let end = if quarantine.expired { "its quarantine expired on" } else { "quarantined until" };
        about.push(format!("{end} {}: {}", quarantine.until, quarantine.issue));
    }
    if !about.is_empty() {
        let _ = writeln!(text, "  {}", paint.text(Style::Dim, &about.join("; ")));
    }
}

/// Appends a failure. Where the next failure is of the same step with the same details, those stand below that one alone.
fn push_failure(text: &mut String, failure: &Failure, next_is_same_step: bool, paint: Paint) {
    let headline = visible(&failure.headline);
    let _ = writeln!(text, "  {} {}", paint.text(Style::Bad, "✗"), paint.text(Style::Strong, &headline));
    let bare = failure.expected.is_none() && failure.nearest.is_none() && failure.came.is_empty();
    if next_is_same_step && bare && failure.late.is_none() && failure.diff.is_empty() {
        return;
    }
    for (number, place) in failure.place.iter().chain(&failure.inside).enumerate() {
        push_place(text, place, number, paint);
    }
    if let Some(expected) = failure.expected.as_ref().filter(|expected| !failure.headline.contains(expected.as_str())) {
        push_row(text, "expected", &visible(expected), paint);
    }
    if let Some(nearest) = &failure.nearest {
        push_row(text, "nearest", &visible(&nearest.what), paint);
        for difference in &nearest.differences {
            push_row(text, "", &format!("  {}", paint.text(Style::Note, &visible(difference))), paint);
        }
    }
    if let Some(late) = &failure.late {
        push_row(text, "late", &visible(late), paint);
    }
    // A frame that a detail shows already isn't shown twice.
    let shown = |frame: &str| failure.details.iter().any(|detail| detail.contains(frame));
    for (number, frame) in failure.came.iter().filter(|came| !shown(&came.frame)).enumerate() {
        let taken = frame
            .taken_by
            .map(|line| format!(" {}", paint.text(Style::Dim, &format!("(taken by line {line})"))))
            .unwrap_or_default();
        let head = if number == 0 { "came" } else { "" };
        push_row(text, head, &format!("{:>12} {}{taken}", millis(frame.at), visible(&frame.frame)), paint);
    }
    if failure.came.is_empty() && failure.late.is_some() && failure.expected.is_some() {
        push_row(text, "came", "nothing", paint);
    }
    for (number, detail) in failure.details.iter().enumerate() {
        push_row(text, if number == 0 { "detail" } else { "" }, &visible(detail), paint);
    }
    for line in failure.diff.iter().take(DIFF_LINES) {
        let style = match line.kind {
            DiffKind::Shape => Style::Note,
            DiffKind::Hunk | DiffKind::Context => Style::Dim,
            DiffKind::Removed => Style::Bad,
            DiffKind::Added => Style::Good,
        };
        let _ = writeln!(text, "    {}", paint.text(style, &visible(&line.without_colour())));
    }
    if failure.diff.len() > DIFF_LINES {
        let _ = writeln!(
            text,
            "    {}",
            paint.text(Style::Dim, &format!("… {} more lines", failure.diff.len() - DIFF_LINES))
        );
    }
}

fn push_place(text: &mut String, place: &Place, depth: usize, paint: Paint) {
    let at = format!("{}:{}:{}", place.file.display(), place.at.line, place.at.column);
    let head = if depth == 0 { "at" } else { "in" };
    push_row(text, head, &at, paint);
    push_row(
        text,
        "",
        &format!("{} {}", paint.text(Style::Dim, &format!("{:>4} |", place.at.line)), visible(&place.text)),
        paint,
    );
}
