//! The server's log: one line at a time, handed on as it comes, and the last lines kept.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::lock::lock;
use crate::text::trouble::ERROR_LEVELS;

pub use tracing::Level;

/// How many lines are kept for a failure report.
const KEPT: usize = 500;

/// The longest line that is kept, in bytes; what is behind is cut.
const LONGEST: usize = 8 * 1024;

/// One line of the server's log, without line end, colours and control characters.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// When the runner got it.
    pub at: Instant,
    /// Its level, where the line tells one.
    pub level: Option<Level>,
    /// The line as the server wrote it.
    pub text: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Gets every log line as it comes, from any thread.
pub type LogSink = Arc<dyn Fn(LogLine) + Send + Sync>;

/// Hands every line to a sink and keeps the last [`KEPT`].
#[derive(Clone)]
pub(crate) struct Logs {
    shared: Arc<Shared>,
}

struct Shared {
    last: Mutex<VecDeque<LogLine>>,
    sink: LogSink,
}

impl Logs {
    pub(crate) fn new(sink: LogSink) -> Self {
        let last = Mutex::new(VecDeque::new());
        Self { shared: Arc::new(Shared { last, sink }) }
    }

    /// A log that is only kept, not handed on.
    pub(crate) fn kept_only() -> Self {
        Self::new(Arc::new(|_| {}))
    }

    pub(crate) fn push(&self, line: LogLine) {
        {
            let mut last = lock(&self.shared.last);
            if last.len() == KEPT {
                last.pop_front();
            }
            last.push_back(line.clone());
        }
        (self.shared.sink)(line);
    }

    /// A line of the runner itself about the server.
    pub(crate) fn note(&self, level: Level, text: impl Into<String>) {
        let text = format!("roundtable: {}", text.into());
        self.push(LogLine { at: Instant::now(), level: Some(level), text });
    }

    /// The last `n` lines, oldest first.
    pub(crate) fn tail(&self, n: usize) -> Vec<LogLine> {
        let last = lock(&self.shared.last);
        last.iter().skip(last.len().saturating_sub(n)).cloned().collect()
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").finish_non_exhaustive()
    }
}

/// Cuts a stream of bytes into log lines: a last line without its end counts, invalid UTF-8
/// is replaced, a very long line is cut.
#[derive(Default)]
pub(crate) struct Lines {
    line: Vec<u8>,
    cut: usize,
}

impl Lines {
    /// Takes the next bytes and gives each line that they complete to `emit`.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut emit: impl FnMut(LogLine)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            self.take(&rest[..end]);
            emit(self.line());
            rest = &rest[end + 1..];
        }
        self.take(rest);
    }

    /// The last line, if the stream ended inside one.
    pub(crate) fn finish(&mut self) -> Option<LogLine> {
        (!self.line.is_empty()).then(|| self.line())
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.line.len()).min(bytes.len());
        self.line.extend_from_slice(&bytes[..room]);
        self.cut += bytes.len() - room;
    }

    fn line(&mut self) -> LogLine {
        let mut text = without_escapes(&String::from_utf8_lossy(&self.line));
        if self.cut > 0 {
            text.push_str(&format!(" … ({} bytes cut)", self.cut));
        }
        self.line.clear();
        self.cut = 0;
        LogLine { at: Instant::now(), level: level_of(&text), text }
    }
}

/// The text without ANSI escape sequences and control characters (tabs stay).
pub(crate) fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => match chars.next() {
                // A control sequence ends with a byte of 0x40 to 0x7e (ECMA-48, 5.4).
                Some('[') => {
                    chars.by_ref().find(|char| ('\u{40}'..='\u{7e}').contains(char));
                }
                // An operating system command ends with BEL or ESC \.
                Some(']') => {
                    let end = chars.by_ref().find(|char| matches!(char, '\u{7}' | '\u{1b}'));
                    chars.next_if(|&char| end == Some('\u{1b}') && char == '\\');
                }
                _ => {}
            },
            '\t' => plain.push('\t'),
            char if char.is_control() => {}
            char => plain.push(char),
        }
    }
    plain
}

/// The level that a log line tells: as a word near its start (`INFO`, `[warn]`, `ERROR:`), or
/// as `level=…`, or as the field `level` or `severity` of a JSON line.
fn level_of(line: &str) -> Option<Level> {
    if line.starts_with('{') {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
        let named = ["level", "severity", "lvl"].iter().find_map(|key| fields.get(*key));
        return named.and_then(|level| level_named(level.as_str()?));
    }
    line.split_whitespace().take(4).find_map(|word| {
        if let Some(name) = word.strip_prefix("level=") {
            return level_named(name.trim_matches('"'));
        }
        let open = word.trim_start_matches(['[', '(', '<', '|']);
        let end = open.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(open.len());
        let (name, behind) = open.split_at(end);
        // A bare small word is likelier a word of the message: "error while reading".
        let marked =
            open.len() < word.len() || behind.starts_with(':') || name.chars().all(|char| char.is_ascii_uppercase());
        if marked { level_named(name) } else { None }
    })
}

fn level_named(name: &str) -> Option<Level> {
    Some(match name.to_ascii_lowercase().as_str() {
        name if ERROR_LEVELS.contains(&name) => Level::ERROR,
        "warn" | "warning" => Level::WARN,
        "info" | "notice" => Level::INFO,
        "debug" => Level::DEBUG,
        "trace" => Level::TRACE,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut texts = Vec::new();
        for chunk in chunks {
            lines.feed(chunk, |line| texts.push(line.text));
        }
        texts.extend(lines.finish().map(|line| line.text));
        texts
    }

    #[test]
    fn lines_are_cut_wherever_the_chunks_end() {
        assert_eq!(lines(&[b"one\r\ntw", b"o\n\nlast"]), ["one", "two", "", "last"]);
        assert_eq!(lines(&[b"only\n"]), ["only"]);
    }

    #[test]
    fn invalid_utf8_is_replaced_and_colours_go() {
        assert_eq!(lines(&[b"a\xffb\n"]), ["a\u{fffd}b"]);
        assert_eq!(lines(&[b"\x1b[1;31mred\x1b[0m\x07 \x1b]0;title\x1b\\end\n"]), ["red end"]);
        assert_eq!(without_escapes("cut off \u{1b}[3"), "cut off ");
    }

    #[test]
    fn a_very_long_line_is_cut() {
        let long = [vec![b'x'; LONGEST + 10], b"\nnext".to_vec()].concat();
        let lines = lines(&[&long]);
        assert!(lines[0].ends_with("x … (10 bytes cut)"), "{}", lines[0]);
        assert_eq!(lines[1], "next");
    }

    #[test]
    fn levels_are_told_in_many_ways() {
        let told = |line| level_of(line);
        assert_eq!(told("2026-01-15T10:30:00Z  INFO server: up"), Some(Level::INFO));
        assert_eq!(told("[warn] slow"), Some(Level::WARN));
        assert_eq!(told("ERROR:root:failed"), Some(Level::ERROR));
        assert_eq!(told("ERROR: failed"), Some(Level::ERROR));
        assert_eq!(told("time=1 level=debug msg=x"), Some(Level::DEBUG));
        assert_eq!(told(r#"{"level":"WARN","message":"x"}"#), Some(Level::WARN));
        assert_eq!(told("an error while reading"), None);
    }

    #[test]
    fn the_last_lines_are_kept() {
        let logs = Logs::kept_only();
        for number in 0..KEPT + 3 {
            logs.note(Level::INFO, number.to_string());
        }
        let tail = logs.tail(2);
        assert_eq!(tail[0].text, format!("roundtable: {}", KEPT + 1));
        assert_eq!(logs.tail(usize::MAX).len(), KEPT);
    }
}
