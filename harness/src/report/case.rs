//! What several reports say of a scenario.

use std::path::Path;

use super::human;
use crate::event::{Class, Failure, Outcome, ScenarioResult};
use crate::text::paint::Paint;

/// The suite of a label: the folders before its last part; empty for a scenario that lies in none.
pub fn suite(label: &str) -> &str {
    label.rsplit_once('/').map_or("", |(suite, _)| suite)
}

/// A label with the repetition behind it, from the second on.
pub fn name(label: &str, repetition: usize) -> String {
    if repetition > 1 { format!("{label} #{repetition}") } else { label.to_owned() }
}

/// The line of its file at which a scenario failed, or its first.
pub fn place(result: &ScenarioResult) -> (&Path, usize) {
    let before = result.earlier.last().map(|attempt| attempt.failures.as_slice()).unwrap_or_default();
    result
        .failures()
        .iter()
        .chain(before)
        .filter_map(|failure| failure.place.as_ref())
        .find(|place| place.file == result.file)
        .map_or((&result.file, 1), |place| (&place.file, place.at.line))
}

/// The word for how a scenario ended, as in event files.
pub fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::FailedAsExpected { .. } => "failed_as_expected",
        Outcome::Failed { .. } => "failed",
        Outcome::Skipped { .. } => "skipped",
        Outcome::NoServer { .. } => "no_server",
        Outcome::NotRun { .. } => "not_run",
        Outcome::Interrupted { .. } => "interrupted",
    }
}

/// The word for a class, as in event files.
pub fn class_word(class: Class) -> &'static str {
    match class {
        Class::Product => "product",
        Class::Late => "late",
        Class::ServerDied => "server_died",
        Class::Environment => "environment",
        Class::Scenario => "scenario",
    }
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

/// Why a scenario ended as it did, in full but for the server's log: what didn't hold, or who waited for what.
pub fn explained(result: &ScenarioResult) -> String {
    match &result.outcome {
        Outcome::Interrupted { waiting } => waiting.iter().map(|waiting| format!("{waiting}\n")).collect(),
        _ => human::without_log(result, Paint::new(false)),
    }
}
