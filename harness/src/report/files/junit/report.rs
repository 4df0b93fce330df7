//! The report: suites and their test cases, rewritten whenever the report is flushed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::test_case::test_case;
use super::xml::{Counts, clean, one_line, start_tag};
use crate::event::{Event, EventKind, ScenarioResult};
use crate::report::files::reporter::{ReportOptions, Reporter};
use crate::report::files::trace::trace_path;
use crate::report::wording::brief;
use crate::scratch;

/// Rewrites the file whenever it is flushed.
#[derive(Debug)]
pub struct JunitReport {
    path: PathBuf,
    /// The suites by name.
    suites: BTreeMap<String, TestSuite>,
    /// The tags of scenarios that are under way or ended, by label.
    tags: BTreeMap<String, Vec<String>>,
    started: String,
    took: Duration,
    traces: Option<PathBuf>,
    /// The traces of attempts that are retried.
    traced: BTreeMap<(String, usize), Vec<PathBuf>>,
    /// Why this is not the whole run, once it has ended.
    gaps: Option<Vec<String>>,
    changed: bool,
}

/// The suite, and its test case, of the run as a whole. It is there as long as the run is not complete, so that the report
/// of a run that was killed says so.
const WHOLE_RUN: (&str, &str) = ("roundtable", "the whole run");

#[derive(Debug, Default)]
struct TestSuite {
    /// By label and repetition.
    cases: BTreeMap<(String, usize), TestCase>,
}

/// A test case as it is written.
#[derive(Debug, Default)]
struct TestCase {
    xml: Vec<u8>,
    counts: Counts,
}

impl JunitReport {
    /// Starts a file without suites.
    ///
    /// # Errors
    /// What the file system says, where it can't be written.
    pub fn create(path: &Path, options: &ReportOptions) -> io::Result<Self> {
        let mut junit = Self {
            path: path.to_path_buf(),
            suites: BTreeMap::new(),
            tags: BTreeMap::new(),
            started: String::new(),
            took: Duration::ZERO,
            traces: options.traces.clone(),
            traced: BTreeMap::new(),
            gaps: None,
            changed: true,
        };
        junit.flush()?;
        Ok(junit)
    }

    /// The test case of a run that is not complete, and the beginning of its suite.
    fn whole_run(&self) -> io::Result<Option<(Vec<u8>, TestCase)>> {
        let gaps = match &self.gaps {
            None => vec!["the run has not ended".to_owned()],
            Some(gaps) if gaps.is_empty() => return Ok(None),
            Some(gaps) => gaps.clone(),
        };
        let mut writer = Writer::new(Vec::new());
        let message = clean(&one_line(&gaps.join("; ")));
        writer
            .create_element("testcase")
            .with_attribute(("name", WHOLE_RUN.1))
            .with_attribute(("classname", WHOLE_RUN.0))
            .with_attribute(("time", "0.000"))
            .write_inner_content(|writer| {
                let error = writer.create_element("error").with_attribute(("type", "incomplete"));
                error
                    .with_attribute(("message", message.as_str()))
                    .write_text_content(BytesText::new(&clean(&gaps.join("\n"))))?;
                Ok(())
            })?;
        let counts = Counts { tests: 1, errors: 1, ..Counts::default() };
        let head = start_tag("testsuite", WHOLE_RUN.0, counts, &self.started)?;
        Ok(Some((head, TestCase { xml: writer.into_inner(), counts })))
    }

    fn ended(&mut self, result: &ScenarioResult, detailed: bool) -> io::Result<()> {
        // A scenario without details has no trace.
        let trace = self.traces.as_ref().filter(|_| detailed).map(|folder| trace_path(folder, &result.instance()));
        let tags = self.tags.get(&*result.label).cloned().unwrap_or_default();
        let key = (result.label.to_string(), result.repetition);
        if result.will_retry {
            // The last attempt's result holds those before it, without their traces.
            self.traced.entry(key).or_default().extend(trace);
            return Ok(());
        }
        let mut traces = self.traced.remove(&key).unwrap_or_default();
        traces.extend(trace);
        let mut writer = Writer::new(Vec::new());
        let counts = test_case(&mut writer, result, &tags, &traces)?;
        let suite = self.suites.entry(brief::suite_of(&result.label).to_owned()).or_default();
        suite.cases.insert(key, TestCase { xml: writer.into_inner(), counts });
        self.changed = true;
        Ok(())
    }
}

impl Reporter for JunitReport {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.events(std::slice::from_ref(event))
    }

    fn events(&mut self, events: &[Event]) -> io::Result<()> {
        // What is told while others are under way are a scenario's details, except for its end, which comes last.
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
                self.gaps = Some(summary.gaps());
                self.changed = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
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
            heads.push(start_tag(
                "testsuite",
                if name.is_empty() { "scenarios" } else { name },
                counts,
                &self.started,
            )?);
        }
        let whole_run = self.whole_run()?;
        if let Some((_, case)) = &whole_run {
            all.add(case.counts);
        }
        if self.took > Duration::ZERO {
            all.took = self.took;
        }
        let top = start_tag("testsuites", "roundtable", all, "")?;
        let mut parts: Vec<&[u8]> = vec![b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", &top, b"\n"];
        for (suite, head) in self.suites.values().zip(&heads) {
            parts.extend([head.as_slice(), b"\n"]);
            for case in suite.cases.values() {
                parts.extend([case.xml.as_slice(), b"\n"]);
            }
            parts.push(b"</testsuite>\n");
        }
        if let Some((head, case)) = &whole_run {
            parts.extend([head.as_slice(), b"\n", case.xml.as_slice(), b"\n</testsuite>\n"]);
        }
        parts.push(b"</testsuites>\n");
        scratch::write(&self.path, &parts)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.flush()
    }
}
