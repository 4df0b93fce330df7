//! A scenario as the page shows it.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::event::{Class, Failure, InvariantResult, LoggedLine, Outcome, Quarantined, ScenarioResult, Waiting};
use crate::report::wording::brief;

/// Lines of a log that the page keeps; those before them are counted.
const LOG_LINES: usize = 400;

/// A scenario as the page wants it.
#[derive(Serialize)]
pub(super) struct PageScenario<'a> {
    label: &'a str,
    repetition: usize,
    title: &'a str,
    file: &'a Path,
    line: usize,
    status: &'static str,
    class: Option<&'static str>,
    headline: String,
    took: u128,
    tags: &'a [String],
    participants: &'a [String],
    server: &'a str,
    unproven: usize,
    unproven_why: &'a [String],
    invariants: &'a [InvariantResult],
    unknown: &'a [String],
    failures: Vec<Value>,
    log: Vec<(u128, &'a str)>,
    earlier_lines: usize,
    trace: Option<String>,
    owner: Option<&'a str>,
    quarantine: Option<&'a Quarantined>,
    quarantined: bool,
    flaky: bool,
    earlier: Vec<Value>,
    waiting: &'a [Waiting],
}

impl<'r> PageScenario<'r> {
    /// What the page shows of a scenario. `trace` and `earlier_traces` are the addresses of the pages of this attempt and
    /// of those before it.
    pub(super) fn of(
        result: &'r ScenarioResult,
        tags: &'r [String],
        participants: &'r [String],
        trace: Option<String>,
        earlier_traces: &[Option<String>],
    ) -> Result<Self, serde_json::Error> {
        let lines: Vec<(u128, &str)> = match &result.outcome {
            Outcome::NoServer { log, .. } => log.iter().map(|text| (0, &**text)).collect(),
            _ if result.is_good() => Vec::new(),
            _ => timed_lines(&result.log),
        };
        let earlier_lines = lines.len().saturating_sub(LOG_LINES);
        let waiting = match &result.outcome {
            Outcome::Interrupted { waiting } => waiting.as_slice(),
            _ => &[],
        };
        let earlier = result.earlier.iter().enumerate().map(|(number, attempt)| {
            Ok(json!({
                "took": attempt.took.as_micros(),
                "failures": attempt.failures.iter().map(failure_json).collect::<Result<Vec<_>, _>>()?,
                "trace": earlier_traces.get(number),
            }))
        });
        Ok(Self {
            label: &result.label,
            repetition: result.repetition,
            title: &result.title,
            file: &result.file,
            line: brief::failing_line(result).1,
            status: result.outcome.key(),
            class: result.class().map(Class::key),
            headline: brief::headline(result),
            took: result.took.as_micros(),
            tags,
            participants,
            server: &result.server,
            unproven: result.unproven,
            unproven_why: &result.unproven_why,
            invariants: &result.invariants,
            unknown: &result.unknown,
            failures: result.failures().iter().map(failure_json).collect::<Result<_, _>>()?,
            log: lines.into_iter().skip(earlier_lines).collect(),
            earlier_lines,
            trace,
            owner: result.owner.as_deref(),
            quarantine: result.quarantine.as_ref(),
            quarantined: result.is_quarantined(),
            flaky: result.is_flaky(),
            earlier: earlier.collect::<Result<_, serde_json::Error>>()?,
            waiting,
        })
    }
}

/// A failure as in its event, without the texts of snapshots: the page shows their diff.
fn failure_json(failure: &Failure) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(failure)?;
    if let Some(snapshot) = value.get_mut("snapshot").and_then(Value::as_object_mut) {
        snapshot.retain(|key, _| matches!(key.as_str(), "name" | "file"));
    }
    value["class"] = failure.kind.class().key().into();
    Ok(value)
}

fn timed_lines(log: &[LoggedLine]) -> Vec<(u128, &str)> {
    log.iter().map(|LoggedLine { at, text }| (at.as_micros(), &**text)).collect()
}
