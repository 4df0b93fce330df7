//! What JUnit's XML is made of.

use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesStart, Event};
use regex::Regex;

/// Control sequences of terminals (ECMA-48, section 5.4).
static COLOUR_CODES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("\u{1b}\\[[0-9;?]*[ -/]*[@-~]").expect("a constant that `clean`'s test compiles"));

/// How test cases count.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) tests: usize,
    pub(super) failures: usize,
    pub(super) errors: usize,
    pub(super) skipped: usize,
    pub(super) took: Duration,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.skipped += other.skipped;
        self.took += other.took;
    }
}

/// The start tag of a suite or of all suites.
pub(super) fn start_tag(tag: &str, name: &str, counts: Counts, timestamp: &str) -> io::Result<Vec<u8>> {
    let mut start = BytesStart::new(tag);
    start.push_attribute(("name", name));
    start.push_attribute(("tests", counts.tests.to_string().as_str()));
    start.push_attribute(("failures", counts.failures.to_string().as_str()));
    start.push_attribute(("errors", counts.errors.to_string().as_str()));
    if tag == "testsuite" {
        start.push_attribute(("skipped", counts.skipped.to_string().as_str()));
    }
    start.push_attribute(("time", seconds(counts.took).as_str()));
    if !timestamp.is_empty() {
        start.push_attribute(("timestamp", timestamp));
    }
    let mut writer = Writer::new(Vec::new());
    writer.write_event(Event::Start(start))?;
    Ok(writer.into_inner())
}

pub(super) fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without colours, and without the characters that XML 1.0 (section 2.2) has no way of writing.
pub(super) fn clean(text: &str) -> String {
    let text = COLOUR_CODES.replace_all(text, "");
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    text.chars().map(|c| if fits(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_colours_and_what_xml_cannot_hold() {
        assert_eq!(clean("\u{1b}[1;31mred\u{1b}[0m\ttab\n\0\u{fffe}é"), "red\ttab\n\u{fffd}\u{fffd}é");
    }

    #[test]
    fn suites_count_what_is_skipped_and_the_whole_does_not() {
        let counts = Counts { tests: 3, failures: 1, errors: 0, skipped: 1, took: Duration::from_millis(1500) };
        let tag = |tag, timestamp| String::from_utf8(start_tag(tag, "a<b", counts, timestamp).unwrap()).unwrap();
        assert_eq!(
            tag("testsuite", "2026-01-15T10:30:00"),
            r#"<testsuite name="a&lt;b" tests="3" failures="1" errors="0" skipped="1" time="1.500" timestamp="2026-01-15T10:30:00">"#
        );
        assert_eq!(
            tag("testsuites", ""),
            r#"<testsuites name="a&lt;b" tests="3" failures="1" errors="0" time="1.500">"#
        );
    }
}
