//! The result line of one scenario.

use crate::event::{Outcome, ScenarioResult};
use crate::text::paint::{Paint, Style};
use crate::text::{shorten, visible};

/// One scenario's line: its status, how long it took, its label and title; below it what each participant was waiting
/// for when the run was interrupted, and what is unknown or unproven.
pub fn result_line(result: &ScenarioResult, paint: Paint) -> String {
    let (word, style) = status_word(result);
    let time = match &result.outcome {
        Outcome::Skipped { .. } | Outcome::NoServer { .. } | Outcome::NotRun { .. } | Outcome::Interrupted { .. } => {
            " ".repeat(9)
        }
        _ => format!("{:>8.3}s", result.took.as_secs_f64()),
    };
    let note = |text: String| format!("\n{}", paint.text(Style::Note, &format!("      {text}")));
    let unknown = result.unknown.iter().map(|why| note(format!("unknown: {why}")));
    let unproven = result.unproven_why.iter().map(|why| note(format!("unproven: {why}")));
    let unjudged: String = unknown.chain(unproven).collect();
    let repetition = if result.repetition > 1 { format!(" #{}", result.repetition) } else { String::new() };
    let why = match &result.outcome {
        Outcome::Skipped { reason } | Outcome::FailedAsExpected { reason } | Outcome::NotRun { reason, .. } => {
            format!(": {reason}")
        }
        Outcome::Failed { failures } if result.will_retry => {
            let first = failures.first().map(|failure| failure.headline.as_str()).unwrap_or_default();
            format!(": attempt {} failed: {}", result.attempt, shorten(first, 160))
        }
        Outcome::Interrupted { waiting } => waiting.iter().map(|waiting| format!("\n      {waiting}")).collect(),
        _ if result.is_flaky() => format!(": passed at attempt {}", result.attempt),
        _ => String::new(),
    };
    let word = paint.text(style, &format!("{word:>5}"));
    let label = paint.text(Style::Strong, &result.label);
    let text = format!("{}{}", visible(&result.title), visible(&why));
    format!("{word} [{time}] {label}{repetition}  {text}{unjudged}")
}

/// The word for how a scenario ended, in capitals, and its colour.
pub(super) fn status_word(result: &ScenarioResult) -> (&'static str, Style) {
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

/// Why scenarios were not run, a line for each reason with the number of scenarios; empty where all ran.
pub fn not_run_lines(results: &[ScenarioResult], paint: Paint) -> String {
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
