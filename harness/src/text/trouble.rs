//! Errors and stack traces in a server's log, in whatever language the server is written.

use std::sync::LazyLock;

use regex::Regex;

use super::expression::{alternatives, of_escaped};

/// How a line of a log tells of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A line of the level `ERROR` or above.
    Line,
    /// The first line of a stack trace or a panic.
    Trace,
    /// A further line of a stack trace or panic.
    More,
}

/// For each line of a log whether and how it tells of trouble.
pub fn troubles<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Option<Trouble>> {
    let mut within = false;
    let of_line = |line: &'a str| {
        let goes_on = within;
        within = tells_trouble(line, goes_on);
        match (within, begins(line)) {
            (true, false) => Some(Trouble::More),
            // `Unhandled` in what an exception says begins nothing.
            (true, true) if goes_on && line.starts_with([' ', '\t']) => Some(Trouble::More),
            (true, true) => Some(Trouble::Trace),
            (false, _) => is_error(line).then_some(Trouble::Line),
        }
    };
    lines.into_iter().map(of_line).collect()
}

/// Whether a line belongs to a stack trace or a panic. Such lines name nobody, and everybody wants to see them; they go
/// on while lines are indented, and end with the one that says what was raised.
pub(crate) fn tells_trouble(line: &str, before: bool) -> bool {
    let goes_on = before && (line.starts_with([' ', '\t']) || line.contains("Error") || line.contains("Exception"));
    begins(line) || goes_on
}

fn begins(line: &str) -> bool {
    const BEGINNINGS: [&str; 5] = ["Traceback (most recent", "panicked at", "goroutine ", "Unhandled", "Uncaught"];
    BEGINNINGS.iter().any(|beginning| line.contains(beginning))
}

/// What loggers call the levels that call for somebody.
pub(crate) const ERROR_LEVELS: [&str; 5] = ["error", "err", "fatal", "critical", "panic"];

/// A level that calls for somebody, as loggers write it: `ERROR`, `level=error`, `"level":"error"`.
static LEVEL: LazyLock<Regex> = LazyLock::new(|| {
    let (loud, any) = (alternatives(ERROR_LEVELS.map(str::to_uppercase)), alternatives(ERROR_LEVELS));
    of_escaped(&format!(r#"\b(?:{loud})\b|(?i:\b(?:level|lvl|severity)"?\s*[=:]\s*"?(?:{any})\b)"#))
});

fn is_error(line: &str) -> bool {
    LEVEL.is_match(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_told_from_error_lines() {
        let lines = [
            "INFO listening",
            "12:00 ERROR the store is gone",
            r#"{"level":"error","msg":"no"}"#,
            "Traceback (most recent call last):",
            "  File \"x.py\", line 3",
            "KeyError: 'a'",
            "INFO errors=0 level=info",
            "thread 'main' panicked at src/main.rs:3",
        ];
        let expected = [
            None,
            Some(Trouble::Line),
            Some(Trouble::Line),
            Some(Trouble::Trace),
            Some(Trouble::More),
            Some(Trouble::More),
            None,
            Some(Trouble::Trace),
        ];
        assert_eq!(troubles(lines), expected);
    }
}
