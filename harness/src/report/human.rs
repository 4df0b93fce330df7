//! For people: a line a scenario as it ends, then the failures, then the summary.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::names::Names;
use crate::event::{Attempt, Class, Failure, LoggedLine, Outcome, Place, ScenarioResult, Summary};
use crate::text::diff::DiffKind;
use crate::text::paint::{Paint, Style};
use crate::text::trouble::{Trouble, tells_trouble, troubles};
use crate::text::{counted, visible};

/// Lines of a diff and of a log that a failure shows; the rest is counted.
const DIFF_LINES: usize = 60;
const LOG_LINES: usize = 12;
/// Of a longer log: how many lines of trouble are told, and how many of the newest at least.
const TROUBLE_LINES: usize = 40;
const NEWEST_LINES: usize = 4;
/// Racers whose release a failure shows.
const RACERS: usize = 10;

/// One scenario's line: how it ended, how long it took, which it is; where it was interrupted, who waited for what.
pub fn line(result: &ScenarioResult, paint: Paint) -> String {
    let (word, style) = word(result);
    let time = match &result.outcome {
        Outcome::Skipped { .. } | Outcome::NoServer { .. } | Outcome::NotRun { .. } | Outcome::Interrupted { .. } => {
            " ".repeat(9)
        }
        _ => format!("{:>8.3}s", result.took.as_secs_f64()),
    };
    let unknown: String = result
        .unknown
        .iter()
        .map(|why| format!("\n{}", paint.text(Style::Note, &format!("      unknown: {why}"))))
        .collect();
    let repetition = if result.repetition > 1 { format!(" #{}", result.repetition) } else { String::new() };
    let why = match &result.outcome {
        Outcome::Skipped { reason } | Outcome::FailedAsExpected { reason } | Outcome::NotRun { reason, .. } => {
            format!(": {reason}")
        }
        Outcome::Failed { failures } if result.will_retry => {
            let first = failures.first().map(|failure| failure.headline.as_str()).unwrap_or_default();
            format!(": attempt {} failed: {}", result.attempt, crate::text::shorten(first, 160))
        }
        Outcome::Interrupted { waiting } => waiting.iter().map(|waiting| format!("\n      {waiting}")).collect(),
        _ if result.is_flaky() => format!(": passed at attempt {}", result.attempt),
        _ => String::new(),
    };
    let word = paint.text(style, &format!("{word:>5}"));
    let label = paint.text(Style::Strong, &result.label);
    let text = format!("{}{}", visible(&result.title), visible(&why));
    format!("{word} [{time}] {label}{repetition}  {text}{unknown}")
}

/// A text about a scenario with its participants' keys in the place of their ids.
pub fn named(result: &ScenarioResult, text: String) -> String {
    if matches!(result.outcome, Outcome::Passed) && !result.is_flaky() {
        return text;
    }
    Names::of(result).shorten(&text)
}

fn word(result: &ScenarioResult) -> (&'static str, Style) {
    match &result.outcome {
        Outcome::Passed | Outcome::FailedAsExpected { .. } if result.is_flaky() => ("FLAKY", Style::Note),
        Outcome::Passed => ("PASS", Style::Good),
        Outcome::FailedAsExpected { .. } => ("XFAIL", Style::Good),
        Outcome::Failed { .. } if result.will_retry => ("RETRY", Style::Note),
        Outcome::Failed { .. } if result.is_quarantined() => ("QUAR", Style::Note),
        Outcome::Failed { .. } => ("FAIL", Style::Bad),
        Outcome::Skipped { .. } => ("SKIP", Style::Note),
        Outcome::NoServer { .. } => ("NOSRV", Style::Bad),
        Outcome::NotRun { .. } => ("NORUN", Style::Note),
        Outcome::Interrupted { .. } => ("STOP", Style::Note),
    }
}

/// What keeps scenarios from being run, a line each; empty where all were.
pub fn not_run(results: &[ScenarioResult], paint: Paint) -> String {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for result in results {
        let Outcome::NotRun { reason, .. } = &result.outcome else { continue };
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((reason, 1)),
        }
    }
    let line = |(reason, count): (&str, usize)| {
        let many = if count == 1 { "1 scenario was" } else { &format!("{count} scenarios were") };
        format!("\n{} {reason}; {many} not run\n", paint.text(Style::Bad, "NORUN"))
    };
    reasons.into_iter().map(line).collect()
}

/// A scenario's failures, with everything that helps to find the cause; empty for one that has none, and for an
/// attempt that another follows. `trace` is the page that shows them.
pub fn failures(result: &ScenarioResult, trace: Option<&Path>, paint: Paint) -> String {
    let mut text = body(result, true, paint);
    if text.is_empty() {
        return text;
    }
    fn all(lines: &[LoggedLine]) -> Vec<(String, &str)> {
        lines.iter().map(|line| (timed(line), line.text.as_str())).collect()
    }
    let (lines, page, id) = match (&result.outcome, result.earlier.last()) {
        (Outcome::Failed { .. }, _) => (all(&result.log), trace, &result.trace),
        (Outcome::NoServer { log, .. }, _) => {
            (log.iter().map(|line| (line.clone(), line.as_str())).collect(), None, &None)
        }
        (_, Some(last)) => (all(&last.log), None, &last.trace),
        _ => return text,
    };
    log(&mut text, &lines, paint);
    traces(&mut text, page, id.as_deref(), paint);
    text
}

/// The same without the server's log and the traces, for reports that keep those elsewhere.
pub fn without_log(result: &ScenarioResult, paint: Paint) -> String {
    body(result, false, paint)
}

/// What didn't hold; `numbered` tells the repetition, which some reports have elsewhere.
fn body(result: &ScenarioResult, numbered: bool, paint: Paint) -> String {
    let mut text = String::new();
    if result.will_retry {
        return text;
    }
    match &result.outcome {
        Outcome::Failed { failures } => {
            heading(&mut text, result, numbered, paint);
            attempts_before(&mut text, &result.earlier, failures, paint);
            text.push_str(&told(failures, paint));
        }
        Outcome::NoServer { reason, .. } => {
            heading(&mut text, result, numbered, paint);
            let _ = writeln!(text, "  {} {}", paint.text(Style::Bad, "✗"), visible(reason));
        }
        _ => {
            if let (true, Some((last, before))) = (result.is_flaky(), result.earlier.split_last()) {
                heading(&mut text, result, numbered, paint);
                attempts_before(&mut text, before, &last.failures, paint);
                text.push_str(&told(&last.failures, paint));
            }
        }
    }
    text
}

/// What didn't hold, as [`failures`] tells it of a scenario.
pub(crate) fn told(failures: &[Failure], paint: Paint) -> String {
    let mut text = String::new();
    let mut failures = failures.iter().peekable();
    while let Some(failure) = failures.next() {
        // What several failures of one step have in common stands below the last of them.
        let again = failures.peek().is_some_and(|next| {
            next.place == failure.place && next.inside == failure.inside && next.details == failure.details
        });
        one(&mut text, failure, again, paint);
    }
    text
}

/// Milliseconds, from the microseconds that event files keep, so that a run is told again as it was told first.
fn millis(at: Duration) -> f64 {
    let micros = u32::try_from(at.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}

/// Where to look on: the page that shows everything, and by what a server's own traces are found.
fn traces(text: &mut String, page: Option<&Path>, id: Option<&str>, paint: Paint) {
    if let Some(page) = page {
        row(text, "trace", &page.display().to_string(), paint);
    }
    if let Some(id) = id {
        row(text, "trace id", &paint.text(Style::Dim, id), paint);
    }
}

/// How a scenario that failed is played again with the same generated values, and how its races were released; `again`
/// is the arguments that the run had.
pub fn seed(result: &ScenarioResult, again: &[String], paint: Paint) -> String {
    let mut text = String::new();
    if result.seed == 0 || result.failures().is_empty() {
        return text;
    }
    for (number, raced) in result.races.iter().enumerate() {
        let line = raced.place.as_ref().map(|place| format!("line {}: ", place.at.line)).unwrap_or_default();
        let order: Vec<String> = raced
            .order
            .iter()
            .map(|start| format!("{} +{:.3}", start.participant, start.after.as_secs_f64() * 1000.0))
            .collect();
        let order = if order.len() > RACERS {
            format!(
                "{}, … {} more, {}",
                order[..RACERS - 2].join(", "),
                order.len() - RACERS + 1,
                order[order.len() - 1]
            )
        } else {
            order.join(", ")
        };
        row(&mut text, if number == 0 { "released" } else { "" }, &format!("{line}{order} ms"), paint);
    }
    // A row of examples is no selector, and its scenario is.
    let scenario = result.label.split('@').next().unwrap_or_default();
    let seed = result.seed.to_string();
    let words = ["roundtable", "run", scenario, "--seed", &seed].into_iter().chain(again.iter().map(String::as_str));
    // Only what holds a null byte can't be quoted.
    let words = words.filter_map(|word| shlex::try_quote(word).ok());
    row(&mut text, "again", &words.collect::<Vec<_>>().join(" "), paint);
    text
}

/// What the attempts before the one that is told in full failed with.
fn attempts_before(text: &mut String, before: &[Attempt], last: &[Failure], paint: Paint) {
    let headline = |failures: &[Failure]| failures.first().map(|failure| failure.headline.clone()).unwrap_or_default();
    let last = headline(last);
    for (number, attempt) in before.iter().enumerate() {
        let first = headline(&attempt.failures);
        let first = if first == last { "the same" } else { &*visible(&first) };
        row(text, if number == 0 { "before" } else { "" }, &format!("attempt {}: {first}", number + 1), paint);
    }
}

/// A line of the log behind its time.
pub(crate) fn timed(line: &LoggedLine) -> String {
    format!("{:>9.1} ms {}", millis(line.at), line.text)
}

/// The line that begins what is told of a scenario that failed.
pub(super) fn title(result: &ScenarioResult, numbered: bool, paint: Paint) -> String {
    let (word, style) = word(result);
    let class = match result.class() {
        Some(class) if class != Class::Product && word != "NOSRV" => format!(" [{}]", class.name()),
        _ => String::new(),
    };
    let (word, label) = (paint.text(style, &format!("{word}{class}")), paint.text(Style::Strong, &result.label));
    let repetition = if numbered && result.repetition > 1 { format!(" #{}", result.repetition) } else { String::new() };
    format!("{word} {label}{repetition}: {}\n", visible(&result.title))
}

fn heading(text: &mut String, result: &ScenarioResult, numbered: bool, paint: Paint) {
    text.push_str(&title(result, numbered, paint));
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

/// A failure; `again` where the next one stands at the same place, with the same details.
fn one(text: &mut String, failure: &Failure, again: bool, paint: Paint) {
    let headline = visible(&failure.headline);
    let _ = writeln!(text, "  {} {}", paint.text(Style::Bad, "✗"), paint.text(Style::Strong, &headline));
    let bare = failure.expected.is_none() && failure.nearest.is_none() && failure.came.is_empty();
    if again && bare && failure.late.is_none() && failure.diff.is_empty() {
        return;
    }
    for (number, place) in failure.place.iter().chain(&failure.inside).enumerate() {
        source(text, place, number, paint);
    }
    if let Some(expected) = failure.expected.as_ref().filter(|expected| !failure.headline.contains(expected.as_str())) {
        row(text, "expected", &visible(expected), paint);
    }
    if let Some(nearest) = &failure.nearest {
        row(text, "nearest", &visible(&nearest.what), paint);
        for difference in &nearest.differences {
            row(text, "", &format!("  {}", paint.text(Style::Note, &visible(difference))), paint);
        }
    }
    if let Some(late) = &failure.late {
        row(text, "late", &visible(late), paint);
    }
    // A frame that a detail shows already isn't shown twice.
    let again = |frame: &str| failure.details.iter().any(|detail| detail.contains(frame));
    for (number, frame) in failure.came.iter().filter(|came| !again(&came.frame)).enumerate() {
        let taken = frame
            .taken_by
            .map(|line| format!(" {}", paint.text(Style::Dim, &format!("(taken by line {line})"))))
            .unwrap_or_default();
        let head = if number == 0 { "came" } else { "" };
        row(text, head, &format!("{:>9.1} ms {}{taken}", millis(frame.at), visible(&frame.frame)), paint);
    }
    if failure.came.is_empty() && failure.late.is_some() && failure.expected.is_some() {
        row(text, "came", "nothing", paint);
    }
    for (number, detail) in failure.details.iter().enumerate() {
        row(text, if number == 0 { "detail" } else { "" }, &visible(detail), paint);
    }
    for line in failure.diff.iter().take(DIFF_LINES) {
        let style = match line.kind {
            DiffKind::Shape => Style::Note,
            DiffKind::Hunk | DiffKind::Context => Style::Dim,
            DiffKind::Removed => Style::Bad,
            DiffKind::Added => Style::Good,
        };
        let _ = writeln!(text, "    {}", paint.text(style, &visible(&line.plain())));
    }
    if failure.diff.len() > DIFF_LINES {
        let _ = writeln!(
            text,
            "    {}",
            paint.text(Style::Dim, &format!("… {} more lines", failure.diff.len() - DIFF_LINES))
        );
    }
}

fn source(text: &mut String, place: &Place, depth: usize, paint: Paint) {
    let at = format!("{}:{}:{}", place.file.display(), place.at.line, place.at.column);
    let head = if depth == 0 { "at" } else { "in" };
    row(text, head, &at, paint);
    row(
        text,
        "",
        &format!("{} {}", paint.text(Style::Dim, &format!("{:>4} |", place.at.line)), visible(&place.text)),
        paint,
    );
}

fn row(text: &mut String, head: &str, body: &str, paint: Paint) {
    let _ = writeln!(text, "    {} {body}", paint.text(Style::Dim, &format!("{head:<8}")));
}

/// The server's log; of a long one the lines that tell of trouble, in the order of time, and then the newest.
fn log(text: &mut String, lines: &[(String, &str)], paint: Paint) {
    let mut head = "server";
    let mut tell = |line: &str, style| row(text, std::mem::take(&mut head), &paint.text(style, line), paint);
    if lines.len() <= LOG_LINES {
        lines.iter().for_each(|(line, _)| tell(&visible(line), Style::Dim));
        return;
    }
    let troubles = troubles(lines.iter().map(|(_, line)| *line));
    let all: Vec<usize> = (0..lines.len()).filter(|place| troubles[*place].is_some()).collect();
    // Of very many the latest, from the beginning of a trace on.
    let latest = all[all.len().saturating_sub(TROUBLE_LINES)..].iter().copied();
    let trouble: Vec<usize> = latest.skip_while(|place| troubles[*place] == Some(Trouble::More)).collect();
    let mut newest = lines.len() - LOG_LINES.saturating_sub(trouble.len()).max(NEWEST_LINES);
    // A trace stands whole, above or below.
    while newest > 0 && troubles[newest] == Some(Trouble::More) {
        newest -= 1;
    }
    let mut told = 0;
    for place in trouble.into_iter().filter(|place| *place < newest) {
        tell(&visible(&lines[place].0), Style::Note);
        told += 1;
    }
    if newest > told {
        let others = counted(newest - told, "earlier line", "earlier lines");
        let also = if told > 0 { " without errors" } else { "" };
        tell(&format!("… {others}{also} (all with --debug)"), Style::Dim);
    }
    lines[newest..].iter().for_each(|(line, _)| tell(&visible(line), Style::Dim));
}

/// What servers logged while scenarios passed, in a sentence; none where that was nothing to look at.
pub fn logged_while_passing(results: &[ScenarioResult]) -> Option<String> {
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
    let (at, text) = (crate::text::millis(line.at), crate::text::shorten(&visible(&text), 120));
    Some(format!("the server logged {kinds} during {passed} (first: {}, {at}: {text})", result.label))
}

/// The end of the report: what deserves a look, then the numbers. The last line stands alone, for programs that
/// read it.
pub fn summary(summary: &Summary, paint: Paint) -> String {
    let mut text = String::new();
    let mut notes = Vec::new();
    let mut count = |number: usize, one: &str, many: &str| {
        if number > 0 {
            notes.push(format!("{number} {}", if number == 1 { one } else { many }));
        }
    };
    count(summary.flaky, "scenario is flaky", "scenarios are flaky");
    count(summary.quarantined, "failure is in quarantine", "failures are in quarantine");
    count(summary.not_begun, "scenario was not begun", "scenarios were not begun");
    count(
        summary.unproven,
        "expectation of nothing is unproven (no barrier)",
        "expectations of nothing are unproven (no barrier)",
    );
    count(summary.unknown, "invariant is unknown", "invariants are unknown");
    count(summary.updated, "snapshot was written", "snapshots were written");
    if summary.classes.keys().any(|class| *class != Class::Product) {
        let classes: Vec<String> =
            summary.classes.iter().map(|(class, number)| format!("{number} {}", class.name())).collect();
        notes.push(format!("failures by class: {}", classes.join(", ")));
    }
    if let Some(limit) = summary.limit {
        notes.push(format!("the run reached its limit of {limit:?}"));
    }
    if summary.interrupted {
        notes.push("the run was interrupted".to_owned());
    }
    for orphan in &summary.orphans {
        let _ = writeln!(
            text,
            "{} {} is a snapshot of no scenario (`roundtable review --remove-orphans` deletes it)",
            paint.text(Style::Bad, "orphan"),
            orphan.display()
        );
    }
    let _ = writeln!(text, "{}", paint.text(Style::Dim, &"─".repeat(60)));
    let notes = if notes.is_empty() { String::new() } else { format!("; {}", notes.join("; ")) };
    let _ = writeln!(text, "{}{notes}", took(summary.took));
    let mut numbers = format!("{} passed, {} failed, {} skipped", summary.passed, summary.failed, summary.skipped);
    for (number, what) in [(summary.no_server, "without a server"), (summary.not_run, "not run")] {
        if number > 0 {
            numbers.push_str(&format!(", {number} {what}"));
        }
    }
    if !summary.orphans.is_empty() {
        let orphans = counted(summary.orphans.len(), "orphaned snapshot", "orphaned snapshots");
        numbers.push_str(&format!(", {orphans}"));
    }
    text.push_str(&paint.text(if summary.is_bad() { Style::Bad } else { Style::Good }, &numbers));
    text.push('\n');
    text
}

/// The snapshots that had different texts in the repetitions of one run, in a sentence each.
pub fn varying(results: &[ScenarioResult]) -> Vec<String> {
    let mut texts: BTreeMap<&Path, (BTreeSet<Option<&str>>, usize)> = BTreeMap::new();
    for result in results {
        let failures = if let Outcome::Failed { failures } = &result.outcome { failures.as_slice() } else { &[] };
        for path in &result.snapshots {
            let changed = failures.iter().filter_map(|failure| failure.snapshot.as_ref());
            // One that isn't among the failures was as stored.
            let new = changed.into_iter().find(|change| path.ends_with(&change.file)).map(|change| change.new.as_str());
            let (of_path, times) = texts.entry(path).or_default();
            of_path.insert(new);
            *times += 1;
        }
    }
    let varying = texts.into_iter().filter(|(_, (texts, _))| texts.len() > 1);
    let told = varying.map(|(path, (texts, times))| {
        let path = crate::source::shown_path(path);
        format!(
            "{} differs between repetitions: {} texts in {times}; what was raced, or not awaited?",
            path.display(),
            texts.len()
        )
    });
    told.collect()
}

fn took(time: Duration) -> String {
    format!("ran in {:.3}s", time.as_secs_f64())
}
