//! JUnit's XML, as the schema `junit-10.xsd` of Jenkins' xUnit plugin has it: a suite is a folder, a test case a label.
//!
//! That schema gives a test case neither `file` nor properties; they stand in its `system-out`, a line each, in the
//! form that many readers know: `[[PROPERTY|name=value]]`, `[[ATTACHMENT|path]]`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::BytesText;
use regex::Regex;

use super::trace::trace_path;
use super::{Reporter, Setting, case, human, whole};
use crate::event::{Attempt, Class, Event, EventKind, Outcome, ScenarioResult};
use crate::text::paint::Paint;

/// Writes the file anew whenever it settles.
#[derive(Debug)]
pub struct Junit {
    path: PathBuf,
    /// The suites by name.
    suites: BTreeMap<String, Suite>,
    /// The tags of scenarios that are under way or ended, by label.
    tags: BTreeMap<String, Vec<String>>,
    started: String,
    took: Duration,
    ansi: Regex,
    traces: Option<PathBuf>,
    /// The traces of attempts that others follow.
    traced: BTreeMap<(String, usize), Vec<PathBuf>>,
    changed: bool,
}

#[derive(Debug, Default)]
struct Suite {
    /// By label and repetition.
    cases: BTreeMap<(String, usize), Case>,
}

/// A test case as it is written.
#[derive(Debug, Default)]
struct Case {
    xml: Vec<u8>,
    counts: Counts,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    took: Duration,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.skipped += other.skipped;
        self.took += other.took;
    }
}

impl Junit {
    /// Begins the file: one without any suite.
    ///
    /// # Errors
    /// The system's, where it can't be written.
    pub fn create(path: &Path, setting: &Setting) -> io::Result<Self> {
        let mut junit = Self {
            path: path.to_path_buf(),
            suites: BTreeMap::new(),
            tags: BTreeMap::new(),
            started: String::new(),
            took: Duration::ZERO,
            ansi: Regex::new("\u{1b}\\[[0-9;?]*[ -/]*[@-~]").map_err(io::Error::other)?,
            traces: setting.traces.clone(),
            traced: BTreeMap::new(),
            changed: true,
        };
        junit.settle()?;
        Ok(junit)
    }

    fn ended(&mut self, result: &ScenarioResult, detailed: bool) -> io::Result<()> {
        // What holds no details has no trace.
        let trace = self.traces.as_ref().filter(|_| detailed).map(|folder| trace_path(folder, &result.instance()));
        let tags = self.tags.get(&*result.label).cloned().unwrap_or_default();
        let key = (result.label.to_string(), result.repetition);
        if result.will_retry {
            // The last attempt brings those before it along, but for their traces.
            self.traced.entry(key).or_default().extend(trace);
            return Ok(());
        }
        let mut traces = self.traced.remove(&key).unwrap_or_default();
        traces.extend(trace);
        let mut writer = Writer::new(Vec::new());
        let counts = test_case(&mut writer, result, &tags, &traces, &|text| cleaned(text, &self.ansi))?;
        let suite = self.suites.entry(case::suite(&result.label).to_owned()).or_default();
        suite.cases.insert(key, Case { xml: writer.into_inner(), counts });
        self.changed = true;
        Ok(())
    }
}

impl Reporter for Junit {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.events(std::slice::from_ref(event))
    }

    fn events(&mut self, events: &[Event]) -> io::Result<()> {
        // What is told beside others is a scenario's details, but for its end, which is the last.
        let Some(event) = events.last() else { return Ok(()) };
        match &event.kind {
            EventKind::RunStarted { started, .. } => {
                // Readers want seconds, and no zone: it is UTC.
                self.started = started.chars().take("2000-01-01T00:00:00".len()).collect();
            }
            EventKind::ScenarioStarted { tags, .. } => {
                if let (Some(instance), false) = (&event.scenario, tags.is_empty()) {
                    self.tags.insert(instance.label.to_string(), tags.clone());
                }
            }
            EventKind::ScenarioFinished(result) => self.ended(result, events.len() > 1)?,
            EventKind::RunFinished(summary) => {
                self.took = summary.took;
                self.changed = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn settle(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.changed) {
            return Ok(());
        }
        let mut all = Counts::default();
        let mut heads = Vec::new();
        for (name, suite) in &self.suites {
            let mut counts = Counts::default();
            for case in suite.cases.values() {
                counts.add(case.counts);
            }
            all.add(counts);
            heads.push(head("testsuite", if name.is_empty() { "scenarios" } else { name }, counts, &self.started)?);
        }
        if self.took > Duration::ZERO {
            all.took = self.took;
        }
        let top = head("testsuites", "roundtable", all, "")?;
        let mut parts: Vec<&[u8]> = vec![b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", &top, b"\n"];
        for (suite, head) in self.suites.values().zip(&heads) {
            parts.extend([head.as_slice(), b"\n"]);
            for case in suite.cases.values() {
                parts.extend([case.xml.as_slice(), b"\n"]);
            }
            parts.push(b"</testsuite>\n");
        }
        parts.push(b"</testsuites>\n");
        whole::write(&self.path, &parts)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.settle()
    }
}

/// The start tag of a suite or of all suites.
fn head(tag: &str, name: &str, counts: Counts, timestamp: &str) -> io::Result<Vec<u8>> {
    let mut start = quick_xml::events::BytesStart::new(tag);
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
    writer.write_event(quick_xml::events::Event::Start(start))?;
    Ok(writer.into_inner())
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// Writes a test case with all its attempts; gives how it counts.
fn test_case(
    writer: &mut Writer<Vec<u8>>,
    result: &ScenarioResult,
    tags: &[String],
    traces: &[PathBuf],
    clean: &dyn Fn(&str) -> String,
) -> io::Result<Counts> {
    let took = result.took + result.earlier.iter().map(|attempt| attempt.took).sum::<Duration>();
    let mut counts = Counts { tests: 1, took, ..Counts::default() };
    let name = clean(&case::name(&result.label, result.repetition));
    let path = result.label.split('@').next().unwrap_or_default();
    writer
        .create_element("testcase")
        .with_attribute(("name", name.as_str()))
        .with_attribute(("classname", clean(&path.replace('/', ".")).as_str()))
        .with_attribute(("time", seconds(took).as_str()))
        .write_inner_content(|writer| {
            verdict(writer, result, &mut counts, clean)?;
            for attempt in &result.earlier {
                earlier(writer, attempt, result.is_flaky(), clean)?;
            }
            let mut out = properties(result, tags);
            for trace in traces {
                out.push_str(&format!("[[ATTACHMENT|{}]]\n", trace.display()));
            }
            if result.is_quarantined() {
                // `skipped` takes no text.
                out.push_str(&case::explained(result));
            }
            writer.create_element("system-out").write_text_content(BytesText::new(&clean(&out)))?;
            err(writer, &log(result), clean)
        })?;
    Ok(counts)
}

/// Writes how it ended, where it didn't just pass.
fn verdict(
    writer: &mut Writer<Vec<u8>>,
    result: &ScenarioResult,
    counts: &mut Counts,
    clean: &dyn Fn(&str) -> String,
) -> io::Result<()> {
    let headline = case::headline(result);
    let skipped = match (&result.outcome, &result.quarantine) {
        (Outcome::Passed | Outcome::FailedAsExpected { .. }, _) => return Ok(()),
        (Outcome::Skipped { .. }, _) => Some(headline.clone()),
        (Outcome::NotRun { .. }, _) => Some(format!("not run: {headline}")),
        (Outcome::Failed { .. }, Some(quarantine)) if result.is_quarantined() => {
            Some(format!("in quarantine until {} ({}): {headline}", quarantine.until, quarantine.issue))
        }
        _ => None,
    };
    if let Some(why) = skipped {
        counts.skipped = 1;
        writer.create_element("skipped").with_attribute(("message", clean(&why).as_str())).write_empty()?;
        return Ok(());
    }
    let (tag, count) = match result.class() {
        Some(class) if !is_error(class) => ("failure", &mut counts.failures),
        _ => ("error", &mut counts.errors),
    };
    *count = 1;
    let text = case::explained(result);
    writer
        .create_element(tag)
        .with_attribute(("type", result.class().map_or("interrupted", case::class_word)))
        .with_attribute(("message", clean(&headline).as_str()))
        .write_text_content(BytesText::new(&clean(&text)))?;
    Ok(())
}

/// An attempt that failed, with another behind it.
fn earlier(
    writer: &mut Writer<Vec<u8>>,
    attempt: &Attempt,
    flaky: bool,
    clean: &dyn Fn(&str) -> String,
) -> io::Result<()> {
    let class = attempt.failures.first().map_or(Class::Product, |failure| failure.kind.class());
    let tag = match (flaky, is_error(class)) {
        (true, false) => "flakyFailure",
        (true, true) => "flakyError",
        (false, false) => "rerunFailure",
        (false, true) => "rerunError",
    };
    let headline = attempt.failures.first().map(|failure| one_line(&failure.headline)).unwrap_or_default();
    writer
        .create_element(tag)
        .with_attribute(("type", case::class_word(class)))
        .with_attribute(("message", clean(&headline).as_str()))
        .write_inner_content(|writer| {
            let text = clean(&human::told(&attempt.failures, Paint::new(false)));
            writer.create_element("stackTrace").write_text_content(BytesText::new(&text))?;
            err(writer, &attempt.log.iter().map(human::timed).collect::<Vec<_>>(), clean)
        })?;
    Ok(())
}

fn err(writer: &mut Writer<Vec<u8>>, lines: &[String], clean: &dyn Fn(&str) -> String) -> io::Result<()> {
    if !lines.is_empty() {
        let text = clean(&lines.join("\n"));
        writer.create_element("system-err").write_text_content(BytesText::new(&text))?;
    }
    Ok(())
}

/// Whether something else than what the scenario tests went wrong.
fn is_error(class: Class) -> bool {
    matches!(class, Class::ServerDied | Class::Environment)
}

/// What the schema has no attributes for, a line each.
fn properties(result: &ScenarioResult, tags: &[String]) -> String {
    let (file, line) = case::place(result);
    let mut properties =
        vec![("title", result.title.clone()), ("file", file.display().to_string()), ("line", line.to_string())];
    if let Some(owner) = &result.owner {
        properties.push(("owner", owner.clone()));
    }
    if !tags.is_empty() {
        properties.push(("tags", tags.join(",")));
    }
    if let Some(quarantine) = &result.quarantine {
        properties.push(("quarantine", format!("{} until {}", quarantine.issue, quarantine.until)));
    }
    if let Some(trace) = &result.trace {
        properties.push(("trace_id", trace.clone()));
    }
    if !result.earlier.is_empty() {
        properties.push(("attempts", (result.earlier.len() + 1).to_string()));
    }
    if let Outcome::FailedAsExpected { reason } = &result.outcome {
        properties.push(("expected_failure", reason.clone()));
    }
    properties.iter().map(|(name, value)| format!("[[PROPERTY|{name}={}]]\n", one_line(value))).collect()
}

fn log(result: &ScenarioResult) -> Vec<String> {
    match &result.outcome {
        Outcome::NoServer { log, .. } => log.clone(),
        _ if result.is_good() => Vec::new(),
        _ => result.log.iter().map(human::timed).collect(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without colours, and without the characters that XML 1.0 (section 2.2) has no way of writing.
fn cleaned(text: &str, ansi: &Regex) -> String {
    let text = ansi.replace_all(text, "");
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    text.chars().map(|c| if fits(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

#[cfg(test)]
#[path = "junit_tests.rs"]
mod tests;
