//! The failures of a run: of similar ones the first is printed in full, each other in one line that refers to it.

use std::fmt::Write as _;
use std::path::Path;

use indexmap::IndexMap;

use crate::event::{Class, Failure, Outcome, ScenarioResult};
use crate::report::wording::failures::{failures_with_log, heading_line};
use crate::report::wording::replay::replay_rows;
use crate::report::wording::short_ids::{ShortIds, with_short_ids};
use crate::text::paint::{Paint, Style};
use crate::text::{fingerprint, in_common, visible};

/// The part of a failure by which similar failures are grouped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureSignature {
    /// The same for failures that are alike: of the same class, at the same place of the same scenario, with headlines
    /// that differ in ids and numbers at most. A server that doesn't start is the same for all scenarios.
    pub key: String,
    /// The first headline, with participants' keys in the place of their ids.
    pub headline: String,
}

impl FailureSignature {
    /// What a result failed with, a flaky one in its last attempt that failed; none where it ended otherwise.
    pub fn of(result: &ScenarioResult) -> Option<Self> {
        let of_failures = |failures: &[Failure], class: Option<Class>| {
            let first = failures.first()?;
            let headline = ShortIds::of(result).shorten(&first.headline);
            let place = first.place.as_ref().map(|place| (place.file.clone(), place.at.line, place.at.column));
            Some(Self { key: format!("{}\n{class:?} {place:?}\n{}", result.label, fingerprint(&headline)), headline })
        };
        match (&result.outcome, result.earlier.last()) {
            (Outcome::Failed { failures }, _) => of_failures(failures, result.class()),
            (Outcome::NoServer { reason, .. }, _) => Some(Self { key: fingerprint(reason), headline: reason.clone() }),
            (_, Some(last)) if result.is_flaky() => of_failures(&last.failures, None),
            _ => None,
        }
    }
}

/// The headline that failures have in common; `#` stands for what differs between them.
pub fn common_headline(signatures: &[FailureSignature]) -> String {
    in_common(&signatures.iter().map(|signature| signature.headline.as_str()).collect::<Vec<_>>())
}

/// The failures of a run as they are printed behind its scenarios' lines.
#[derive(Debug)]
pub struct FailureList {
    paint: Paint,
    /// Whether participants' ids are printed as they are.
    ids: bool,
    /// Whether each failure is printed in full.
    each: bool,
    text: String,
    /// Whether the last failure was printed in one line.
    last_was_a_line: bool,
    groups: IndexMap<String, AlikeFailures>,
}

/// Failures of one signature.
#[derive(Debug)]
struct AlikeFailures {
    /// The scenario of the first.
    label: String,
    repetition: usize,
    no_server: bool,
    /// Its signature, and those of all others.
    all: Vec<FailureSignature>,
}

impl FailureList {
    /// An empty list; `ids` leaves participants' ids as they are, `each` prints every failure in full.
    pub fn new(paint: Paint, ids: bool, each: bool) -> Self {
        Self { paint, ids, each, text: String::new(), last_was_a_line: false, groups: IndexMap::new() }
    }

    /// Adds what a scenario failed with, if it did; `trace` is the page that shows it, `arguments` are those of the run
    /// without which the scenario would be played otherwise.
    pub fn add(&mut self, result: &ScenarioResult, trace: Option<&Path>, arguments: &[String]) {
        let text = failures_with_log(result, trace, self.paint);
        if text.is_empty() {
            return;
        }
        let signature = FailureSignature::of(result);
        if let Some(first) = signature.as_ref().and_then(|signature| self.groups.get_mut(&signature.key)) {
            first.all.extend(signature);
            if !self.each {
                let line = first.line(result, self.paint);
                let gap = if self.last_was_a_line { "" } else { "\n" };
                let _ = write!(self.text, "{gap}{line}");
                self.last_was_a_line = true;
                return;
            }
        } else if let Some(signature) = signature {
            let alike = AlikeFailures {
                label: result.label.to_string(),
                repetition: result.repetition,
                no_server: matches!(result.outcome, Outcome::NoServer { .. }),
                all: vec![signature.clone()],
            };
            self.groups.insert(signature.key, alike);
        }
        let text = if self.ids { text } else { with_short_ids(result, text) };
        let _ = write!(self.text, "\n{text}{}", replay_rows(result, arguments, self.paint));
        self.last_was_a_line = false;
    }

    /// Adds to the last one, where it was told in full, in what the attempt that passed differs from it.
    pub fn add_divergence(&mut self, text: &str) {
        if self.last_was_a_line {
            return;
        }
        for line in text.lines() {
            let _ = writeln!(self.text, "{}", format!("    {line}").trim_end());
        }
    }

    /// All failures; where one came more than once, with a table of how often each came.
    pub fn into_text(mut self) -> String {
        self.groups.retain(|_, alike| !alike.no_server);
        if self.groups.values().any(|alike| alike.all.len() > 1) {
            self.groups.sort_by(|_, one, _, other| other.all.len().cmp(&one.all.len()));
            self.text.push('\n');
            for alike in self.groups.values() {
                let headline = common_headline(&alike.all);
                let _ = writeln!(self.text, "  {:>4} × {}: {}", alike.all.len(), alike.label, visible(&headline));
            }
        }
        self.text
    }
}

impl AlikeFailures {
    /// The line for a further failure that is like the first.
    fn line(&self, result: &ScenarioResult, paint: Paint) -> String {
        let above = match (*self.label == *result.label, self.repetition) {
            (true, number) => format!("#{number}"),
            (false, 1) => self.label.clone(),
            (false, number) => format!("{} #{number}", self.label),
        };
        let seed = if result.seed == 0 { String::new() } else { format!(" (--seed {})", result.seed) };
        let as_above = paint.text(Style::Dim, &format!("as {above} above{seed}"));
        format!("{}    {as_above}\n", heading_line(result, true, paint))
    }
}
