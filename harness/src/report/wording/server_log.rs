//! The server's log below a failure, and what it says of scenarios that passed.

use std::collections::BTreeSet;

use super::row::push_row;
use crate::event::{LoggedLine, Outcome, ScenarioResult};
use crate::text::paint::{Paint, Style};
use crate::text::trouble::{Trouble, tells_trouble, troubles};
use crate::text::{counted, millis, shorten, visible};

const LOG_LINES: usize = 12;

/// Of a longer log: how many lines of errors and stack traces are shown, and how many of the newest at least.
const TROUBLE_LINES: usize = 40;

const NEWEST_LINES: usize = 4;

/// Appends the server's log as (line as shown, line as logged). Of a long log only the errors and stack traces, in the
/// order of time, and then the newest lines.
pub(super) fn push_excerpt(text: &mut String, lines: &[(String, &str)], paint: Paint) {
    let mut head = "server";
    let mut tell = |line: &str, style| push_row(text, std::mem::take(&mut head), &paint.text(style, line), paint);
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
