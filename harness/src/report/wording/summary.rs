//! The end of a run: notes, then the numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::event::{Class, Outcome, ScenarioResult, Summary};
use crate::source::shown_path;
use crate::text::counted;
use crate::text::paint::{Paint, Style};

/// The end of a run: orphaned snapshots, notes, then the numbers. The last line holds nothing but the numbers, for
/// programs that read it.
pub fn summary_text(summary: &Summary, paint: Paint) -> String {
    let mut text = String::new();
    let mut notes = Vec::new();
    let mut count = |number: usize, one: &str, many: &str| {
        if number > 0 {
            notes.push(counted(number, one, many));
        }
    };
    count(summary.flaky, "scenario is flaky", "scenarios are flaky");
    count(summary.quarantined, "failure is in quarantine", "failures are in quarantine");
    count(
        summary.unproven,
        "expectation of nothing is unproven (no barrier)",
        "expectations of nothing are unproven (no barrier)",
    );
    count(summary.unknown, "invariant is unknown", "invariants are unknown");
    let invariants = summary.invariants.text();
    count(summary.updated, "snapshot was written", "snapshots were written");
    if summary.classes.keys().any(|class| *class != Class::Product) {
        let classes: Vec<String> =
            summary.classes.iter().map(|(class, number)| format!("{number} {}", class.name())).collect();
        notes.push(format!("failures by class: {}", classes.join(", ")));
    }
    if !invariants.is_empty() {
        notes.push(format!("invariants: {invariants}"));
    }
    if summary.lacks_tests() {
        let _ = writeln!(
            text,
            "{}, which proves nothing; --pass-with-no-tests lets such a run pass",
            paint.text(Style::Bad, "nothing was played")
        );
    }
    for gap in summary.gaps() {
        let _ = writeln!(text, "{} {gap}", paint.text(Style::Bad, "incomplete"));
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

/// A sentence for each snapshot whose text differed between the repetitions of one run.
pub fn varying_snapshots(results: &[ScenarioResult]) -> Vec<String> {
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
        let path = shown_path(path);
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
