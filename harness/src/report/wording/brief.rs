//! A result in a few words: its suite, its label, its line, its headline.

use std::path::Path;

use crate::event::{Failure, Outcome, ScenarioResult};

/// The suite of a label: the folders before its last part; empty for a scenario that lies in none.
pub fn suite_of(label: &str) -> &str {
    label.rsplit_once('/').map_or("", |(suite, _)| suite)
}

/// A label with the repetition behind it, from the second on.
pub fn label_with_repetition(label: &str, repetition: usize) -> String {
    if repetition > 1 { format!("{label} #{repetition}") } else { label.to_owned() }
}

/// The line of its file at which a scenario failed, or its first.
pub fn failing_line(result: &ScenarioResult) -> (&Path, usize) {
    let before = result.earlier.last().map(|attempt| attempt.failures.as_slice()).unwrap_or_default();
    result
        .failures()
        .iter()
        .chain(before)
        .filter_map(|failure| failure.place.as_ref())
        .find(|place| place.file == result.file)
        .map_or((&result.file, 1), |place| (&place.file, place.at.line))
}

/// One line about why a scenario ended as it did, of a flaky one why it failed before; empty where it just passed.
pub fn headline(result: &ScenarioResult) -> String {
    let (text, more) = match &result.outcome {
        Outcome::Passed => match result.earlier.last() {
            Some(attempt) => (first(&attempt.failures), attempt.failures.len().saturating_sub(1)),
            None => return String::new(),
        },
        Outcome::Failed { failures } => (first(failures), failures.len().saturating_sub(1)),
        Outcome::FailedAsExpected { reason }
        | Outcome::Skipped { reason }
        | Outcome::NoServer { reason, .. }
        | Outcome::NotRun { reason, .. } => (reason.as_str(), 0),
        Outcome::Interrupted { .. } => ("the run ended before it did", 0),
    };
    let line = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    if more > 0 { format!("{line} (and {more} more)") } else { line }
}

fn first(failures: &[Failure]) -> &str {
    failures.first().map(|failure| failure.headline.as_str()).unwrap_or_default()
}
