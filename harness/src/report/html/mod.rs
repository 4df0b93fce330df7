//! A page to look at: overview, failures whole, durations and their history, with a link to each trace. One file that
//! loads nothing: its data stands in it as JSON, and its script shows them as text alone, never as markup.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use super::history::History;
use super::tape::Keep;
use super::trace::trace_path;
use super::trace::traces::Traces;
use super::{Reporter, Setting, case, whole};
use crate::event::{Event, EventKind, Failure, Instance, LoggedLine, Outcome, Quarantined, ScenarioResult, Waiting};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// One script behind another: each sees what those before it declare.
const SCRIPTS: &[&str] =
    &[include_str!("elements.js"), include_str!("failure.js"), include_str!("overview.js"), include_str!("page.js")];

/// Lines of a log that the page keeps; those before them are counted.
const LOG_LINES: usize = 400;

/// Writes `index.html`, and the traces beside it.
pub struct Html {
    folder: PathBuf,
    /// Whether traces are written, by whomever.
    linked: bool,
    traces: Option<Traces>,
    history: History,
    run: Value,
    summary: Option<Value>,
    begun: BTreeMap<String, Begun>,
    /// Each scenario as the page wants it, in JSON, by label and repetition.
    cases: BTreeMap<(String, usize), String>,
    /// The traces of attempts that others follow.
    traced: BTreeMap<(String, usize), Vec<Option<String>>>,
    changed: bool,
}

/// What a scenario's beginning tells.
#[derive(Default)]
struct Begun {
    tags: Vec<String>,
    participants: Vec<String>,
}

/// A scenario as the page wants it.
#[derive(Serialize)]
struct Case<'a> {
    label: &'a str,
    repetition: usize,
    title: &'a str,
    file: &'a Path,
    line: usize,
    status: &'static str,
    class: Option<&'static str>,
    headline: String,
    took: u128,
    tags: &'a [String],
    participants: &'a [String],
    server: &'a str,
    unproven: usize,
    unknown: &'a [String],
    failures: Vec<Value>,
    log: Vec<(u128, &'a str)>,
    earlier_lines: usize,
    trace: Option<String>,
    owner: Option<&'a str>,
    quarantine: Option<&'a Quarantined>,
    quarantined: bool,
    flaky: bool,
    earlier: Vec<Value>,
    waiting: &'a [Waiting],
}

impl Html {
    /// Begins the page: one that holds no scenario yet.
    ///
    /// # Errors
    /// The system's, where it can't be written, or an earlier event file can't be read.
    pub fn create(folder: &Path, setting: &Setting) -> io::Result<Self> {
        let mut html = Self {
            folder: folder.to_path_buf(),
            linked: setting.traces.is_some(),
            // In the output folder they stand already where the page looks for them.
            traces: setting.own_traces(folder).then(|| Traces::new(folder, Keep::On)),
            history: History::read(&setting.history)?,
            run: Value::Null,
            summary: None,
            begun: BTreeMap::new(),
            cases: BTreeMap::new(),
            traced: BTreeMap::new(),
            changed: true,
        };
        html.settle()?;
        Ok(html)
    }

    fn ended(&mut self, result: &ScenarioResult, detailed: bool) -> io::Result<()> {
        let none = Begun::default();
        let begun = self.begun.get(&*result.label).unwrap_or(&none);
        let lines: Vec<(u128, &str)> = match &result.outcome {
            Outcome::NoServer { log, .. } => log.iter().map(|text| (0, &**text)).collect(),
            _ if result.is_good() => Vec::new(),
            _ => timed(&result.log),
        };
        let earlier_lines = lines.len().saturating_sub(LOG_LINES);
        let trace = detailed.then(|| self.link(&result.instance())).flatten();
        let key = (result.label.to_string(), result.repetition);
        if result.will_retry {
            // The last attempt brings those before it along, but for their traces.
            self.traced.entry(key).or_default().push(trace);
            return Ok(());
        }
        let traced = self.traced.remove(&key).unwrap_or_default();
        let waiting = match &result.outcome {
            Outcome::Interrupted { waiting } => waiting.as_slice(),
            _ => &[],
        };
        let earlier = result.earlier.iter().enumerate().map(|(number, attempt)| {
            Ok(json!({
                "took": attempt.took.as_micros(),
                "failures": attempt.failures.iter().map(failure).collect::<Result<Vec<_>, _>>()?,
                "trace": traced.get(number),
            }))
        });
        let shown = Case {
            label: &result.label,
            repetition: result.repetition,
            title: &result.title,
            file: &result.file,
            line: case::place(result).1,
            status: case::status(&result.outcome),
            class: result.class().map(case::class_word),
            headline: case::headline(result),
            took: result.took.as_micros(),
            tags: &begun.tags,
            participants: &begun.participants,
            server: &result.server,
            unproven: result.unproven,
            unknown: &result.unknown,
            failures: result.failures().iter().map(failure).collect::<Result<_, _>>()?,
            log: lines.into_iter().skip(earlier_lines).collect(),
            earlier_lines,
            trace,
            owner: result.owner.as_deref(),
            quarantine: result.quarantine.as_ref(),
            quarantined: result.is_quarantined(),
            flaky: result.is_flaky(),
            earlier: earlier.collect::<Result<_, serde_json::Error>>()?,
            waiting,
        };
        let shown = inert(&serde_json::to_string(&shown)?);
        self.cases.insert(key, shown);
        self.changed = true;
        Ok(())
    }

    /// The address of a trace, as seen from the page.
    fn link(&self, instance: &Instance) -> Option<String> {
        if !self.linked {
            return None;
        }
        let path = trace_path(Path::new(""), instance);
        let parts: Vec<String> = path.iter().map(|part| encoded(&part.to_string_lossy())).collect();
        Some(parts.join("/"))
    }
}

fn timed(log: &[LoggedLine]) -> Vec<(u128, &str)> {
    log.iter().map(|LoggedLine { at, text }| (at.as_micros(), &**text)).collect()
}

/// A failure as its event has it, without the texts of snapshots: the diff is what is shown of them.
fn failure(failure: &Failure) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(failure)?;
    if let Some(snapshot) = value.get_mut("snapshot").and_then(Value::as_object_mut) {
        snapshot.retain(|key, _| matches!(key.as_str(), "name" | "file"));
    }
    value["class"] = case::class_word(failure.kind.class()).into();
    Ok(value)
}

/// A part of a path for a relative address (RFC 3986, section 2.3).
fn encoded(part: &str) -> String {
    let mut text = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// JSON in which no HTML parser sees a tag or comment.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c")
}

impl Reporter for Html {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.events(std::slice::from_ref(event))
    }

    fn events(&mut self, events: &[Event]) -> io::Result<()> {
        for event in events {
            match &event.kind {
                EventKind::RunStarted { roundtable, started, seed, scenarios, jobs, server, shard, .. } => {
                    self.run = json!({
                        "roundtable": roundtable, "started": started, "seed": seed, "scenarios": scenarios,
                        "jobs": jobs, "server": server, "shard": shard,
                    });
                }
                EventKind::ScenarioStarted { tags, participants, .. } => {
                    if let Some(instance) = &event.scenario {
                        let begun = Begun { tags: tags.clone(), participants: participants.clone() };
                        self.begun.insert(instance.label.to_string(), begun);
                    }
                }
                EventKind::ScenarioFinished(result) => self.ended(result, events.len() > 1)?,
                EventKind::RunFinished(summary) => {
                    self.summary = Some(serde_json::to_value(summary)?);
                    self.changed = true;
                }
                _ => {}
            }
        }
        match &mut self.traces {
            Some(traces) => traces.events(events),
            None => Ok(()),
        }
    }

    fn settle(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.changed) {
            return Ok(());
        }
        let head = json!({ "run": self.run, "summary": self.summary, "history": self.history.shown() });
        let head = inert(&head.to_string());
        let mut parts: Vec<&[u8]> = Vec::new();
        let mut rest = TEMPLATE;
        // The parts are put in from the first to the last, so that nothing in a part is taken for a place.
        for place in ["{style}", "{head}", "{cases}", "{script}"] {
            let (before, after) = rest.split_once(place).unwrap_or((rest, ""));
            parts.push(before.as_bytes());
            match place {
                "{style}" => parts.push(STYLE.as_bytes()),
                "{head}" => parts.push(head.as_bytes()),
                "{cases}" => {
                    for (number, case) in self.cases.values().enumerate() {
                        parts.push(if number == 0 { b"\n" } else { b",\n" });
                        parts.push(case.as_bytes());
                    }
                }
                _ => parts.extend(SCRIPTS.iter().map(|script| script.as_bytes())),
            }
            rest = after;
        }
        parts.push(rest.as_bytes());
        whole::write(&self.folder.join("index.html"), &parts)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.settle()
    }
}

#[cfg(test)]
mod tests;
