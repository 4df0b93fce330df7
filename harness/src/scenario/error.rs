//! Errors and warnings in scenario and protocol files: all at once, each with its place and how to fix it.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::source::{Position, Source};
use crate::text::nearest_word;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file can't be run.
    Error,
    /// The file can be run; something in it is probably not meant so.
    Warning,
}

/// One finding in a file.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The file.
    pub source: Arc<Source>,
    /// Where in it.
    pub at: Position,
    /// What is wrong, a fragment in lower case without a full stop.
    pub message: String,
    /// How to fix it, if known.
    pub help: Option<String>,
    /// Whether it stops the run.
    pub severity: Severity,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{word}: {}", self.message)?;
        let gutter = self.at.line.to_string().len();
        let Position { line, column } = self.at;
        writeln!(f, "{:gutter$}--> {}:{line}:{column}", "", self.source.path.display())?;
        writeln!(f, "{:gutter$} |", "")?;
        let (shown, before) = around(self.source.line(line), column);
        writeln!(f, "{line} | {shown}")?;
        write!(f, "{:gutter$} | {before}^", "")?;
        if let Some(help) = &self.help {
            write!(f, "\n{:gutter$} = help: {help}", "")?;
        }
        Ok(())
    }
}

/// Puts findings in the order of files and places. What is said of one place twice stays once: several scenarios may say
/// the same of one protocol file.
pub fn sort_findings(list: &mut Vec<Diagnostic>) {
    list.sort_by(|a, b| (&a.source.path, a.at).cmp(&(&b.source.path, b.at)));
    list.dedup_by(|a, b| (&a.source.path, a.at, &a.message) == (&b.source.path, b.at, &b.message));
}

/// The most characters of a line that are shown.
const WIDEST: usize = 120;

/// A line, cut around a column where it is long, and the blanks that put a sign below the column.
fn around(line: &str, column: usize) -> (String, String) {
    let place = column.saturating_sub(1);
    let length = line.chars().count();
    let begin = if length <= WIDEST { 0 } else { place.saturating_sub(WIDEST / 2).min(length - WIDEST) };
    let part: String = line.chars().skip(begin).take(WIDEST).collect();
    // A tab stays one, so that the sign stands below it however wide a terminal shows it.
    let blanks: String = part.chars().take(place - begin).map(|sign| if sign == '\t' { '\t' } else { ' ' }).collect();
    let missing = (place - begin).saturating_sub(blanks.chars().count());
    let (left, right) = (begin > 0, begin + WIDEST < length);
    let shown = format!("{}{part}{}", if left { "… " } else { "" }, if right { " …" } else { "" });
    (shown, format!("{}{blanks}{}", if left { "  " } else { "" }, " ".repeat(missing)))
}

/// Collects the findings of one file while it is read.
#[derive(Debug)]
pub struct Findings {
    source: Arc<Source>,
    /// The findings so far, in the order in which they were made.
    pub list: Vec<Diagnostic>,
}

impl Findings {
    /// No findings yet in this file.
    pub fn new(source: Arc<Source>) -> Self {
        Self { source, list: Vec::new() }
    }

    /// The file.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Adds an error.
    pub fn error(&mut self, at: Position, message: impl Into<String>) {
        self.push(at, message.into(), None, Severity::Error);
    }

    /// Adds an error with a fix.
    pub fn error_help(&mut self, at: Position, message: impl Into<String>, help: impl Into<String>) {
        self.push(at, message.into(), Some(help.into()), Severity::Error);
    }

    /// Adds a warning with a fix.
    pub fn warning(&mut self, at: Position, message: impl Into<String>, help: impl Into<String>) {
        self.push(at, message.into(), Some(help.into()), Severity::Warning);
    }

    /// Adds a warning about a place in another file than the one that is read.
    pub fn warning_in(&mut self, source: &Arc<Source>, at: Position, message: String, help: String) {
        let own = std::mem::replace(&mut self.source, Arc::clone(source));
        self.push(at, message, Some(help), Severity::Warning);
        self.source = own;
    }

    /// A word of the language that nothing reads: it stands in the table and has no meaning. The tests try every word, so
    /// none is released like that.
    pub(crate) fn unread(&mut self, at: Position, word: &str) {
        self.error(at, format!("`{word}` is a word of the language that this version can't read"));
    }

    /// Adds an error for an unknown word, with the nearest known one as help.
    pub fn unknown<'a>(&mut self, at: Position, what: &str, word: &str, known: impl IntoIterator<Item = &'a str>) {
        let known: Vec<&str> = known.into_iter().collect();
        let help = match nearest_word(word, known.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if known.is_empty() => None,
            None => {
                let mut shown: Vec<String> = known.iter().take(12).map(|name| format!("`{name}`")).collect();
                if known.len() > shown.len() {
                    shown.push("…".to_owned());
                }
                Some(format!("known here: {}", shown.join(", ")))
            }
        };
        self.push(at, format!("unknown {what} `{word}`"), help, Severity::Error);
    }

    fn push(&mut self, at: Position, message: String, help: Option<String>, severity: Severity) {
        let new = Diagnostic { source: Arc::clone(&self.source), at, message, help, severity };
        let known = self
            .list
            .iter()
            .any(|old| old.at == new.at && old.message == new.message && old.source.path == new.source.path);
        if !known {
            self.list.push(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}here{}", "a".repeat(300), "b".repeat(300));
        let (shown, before) = around(&line, 301);
        assert_eq!(shown, format!("… {}here{} …", "a".repeat(60), "b".repeat(56)));
        assert_eq!(before.len(), 62);
        let (shown, before) = around(&line, 604);
        assert_eq!((shown, before.len()), (format!("… {}", "b".repeat(120)), 121));
        assert_eq!(around("\tab", 3), ("\tab".to_owned(), "\t ".to_owned()));
        assert_eq!(around("", 3), (String::new(), "  ".to_owned()));
    }

    #[test]
    fn a_finding_shows_file_line_and_caret() {
        let source = Source::new("a.yaml", "steps:\n  - alice: { snd: x }\n");
        let mut findings = Findings::new(source);
        findings.unknown(Position { line: 2, column: 14 }, "verb", "snd", ["send"]);
        assert_eq!(
            findings.list[0].to_string(),
            "error: unknown verb `snd`\n --> a.yaml:2:14\n  |\n2 |   - alice: { snd: x }\n  |              ^\n  = help: did you mean `send`?"
        );
    }
}
