//! Failures that are alike: the first is told in full, each other by a line that names it.

use std::fmt::Write as _;
use std::path::Path;

use indexmap::IndexMap;

use super::human;
use super::names::Names;
use crate::event::{Class, Failure, Outcome, ScenarioResult};
use crate::text::paint::{Paint, Style};
use crate::text::{fingerprint, in_common, visible};

/// What a result failed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// The same for failures that are alike: of the same class, at the same place of the same scenario, with headlines
    /// that differ in ids and numbers at most. A server that doesn't start is the same for all scenarios.
    pub key: String,
    /// The first headline, with participants' keys in the place of their ids.
    pub headline: String,
}

impl Kind {
    /// What a result failed with, a flaky one in its last attempt that failed; none where it ended otherwise.
    pub fn of(result: &ScenarioResult) -> Option<Self> {
        let of_failures = |failures: &[Failure], class: Option<Class>| {
            let first = failures.first()?;
            let headline = Names::of(result).shorten(&first.headline);
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

/// Headlines of failures that are alike as one: `#` stands for what differs between them.
pub fn headline(kinds: &[Kind]) -> String {
    in_common(&kinds.iter().map(|kind| kind.headline.as_str()).collect::<Vec<_>>())
}

/// The failures of a run as they are told behind its scenarios.
#[derive(Debug)]
pub struct Failures {
    paint: Paint,
    /// Whether ids stand as they are.
    ids: bool,
    /// Whether each is told in full.
    each: bool,
    text: String,
    /// Whether the last one was told by a line.
    short: bool,
    kinds: IndexMap<String, Specimen>,
}

#[derive(Debug)]
struct Specimen {
    label: String,
    repetition: usize,
    no_server: bool,
    all: Vec<Kind>,
}

impl Failures {
    /// None yet; `ids` leaves participants' ids as they are, `each` tells every failure in full.
    pub fn new(paint: Paint, ids: bool, each: bool) -> Self {
        Self { paint, ids, each, text: String::new(), short: false, kinds: IndexMap::new() }
    }

    /// Adds what a scenario failed with, if it did; `trace` is the page that shows it, `again` the arguments that the
    /// run had.
    pub fn add(&mut self, result: &ScenarioResult, trace: Option<&Path>, again: &[String]) {
        let text = human::failures(result, trace, self.paint);
        if text.is_empty() {
            return;
        }
        let kind = Kind::of(result);
        if let Some(first) = kind.as_ref().and_then(|kind| self.kinds.get_mut(&kind.key)) {
            first.all.extend(kind);
            if !self.each {
                let line = first.line(result, self.paint);
                let gap = if self.short { "" } else { "\n" };
                let _ = write!(self.text, "{gap}{line}");
                self.short = true;
                return;
            }
        } else if let Some(kind) = kind {
            let specimen = Specimen {
                label: result.label.to_string(),
                repetition: result.repetition,
                no_server: matches!(result.outcome, Outcome::NoServer { .. }),
                all: vec![kind.clone()],
            };
            self.kinds.insert(kind.key, specimen);
        }
        let text = if self.ids { text } else { human::named(result, text) };
        let _ = write!(self.text, "\n{text}{}", human::seed(result, again, self.paint));
        self.short = false;
    }

    /// All of them, and how often which came where one came more than once.
    pub fn text(mut self) -> String {
        self.kinds.retain(|_, specimen| !specimen.no_server);
        if self.kinds.values().any(|specimen| specimen.all.len() > 1) {
            self.kinds.sort_by(|_, one, _, other| other.all.len().cmp(&one.all.len()));
            self.text.push('\n');
            for specimen in self.kinds.values() {
                let headline = headline(&specimen.all);
                let _ = writeln!(self.text, "  {:>4} × {}: {}", specimen.all.len(), specimen.label, visible(&headline));
            }
        }
        self.text
    }
}

impl Specimen {
    /// Another that is alike.
    fn line(&self, result: &ScenarioResult, paint: Paint) -> String {
        let above = match (*self.label == *result.label, self.repetition) {
            (true, number) => format!("#{number}"),
            (false, 1) => self.label.clone(),
            (false, number) => format!("{} #{number}", self.label),
        };
        let seed = if result.seed == 0 { String::new() } else { format!(" (--seed {})", result.seed) };
        let as_above = paint.text(Style::Dim, &format!("as {above} above{seed}"));
        format!("{}    {as_above}\n", human::title(result, true, paint))
    }
}
