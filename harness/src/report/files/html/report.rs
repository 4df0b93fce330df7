//! The report: the page, and the traces beside it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::earlier_runs::EarlierRuns;
use super::scenario::PageScenario;
use crate::event::{Event, EventKind, Instance, ScenarioResult};
use crate::report::files::details::KeepDetails;
use crate::report::files::reporter::{ReportOptions, Reporter};
use crate::report::files::template::{fill, inert_json};
use crate::report::files::trace::trace_path;
use crate::report::files::trace::traces::TraceWriter;
use crate::scratch;
use crate::text::url_encoded;

const TEMPLATE: &str = include_str!("../../../../assets/report/page.html");
const STYLE: &str = include_str!("../../../../assets/report/page.css");
/// The scripts in order: each uses declarations of the ones before.
const SCRIPTS: &[&str] = &[
    include_str!("../../../../assets/report/elements.js"),
    include_str!("../../../../assets/report/failure.js"),
    include_str!("../../../../assets/report/overview.js"),
    include_str!("../../../../assets/report/page.js"),
];

/// Writes `index.html`, and the traces beside it.
pub struct HtmlReport {
    folder: PathBuf,
    /// Whether traces are written, here or by the run itself.
    linked: bool,
    traces: Option<TraceWriter>,
    history: EarlierRuns,
    run: Value,
    summary: Option<Value>,
    /// Why this is not the whole run, once it has ended.
    gaps: Option<Vec<String>>,
    begun: BTreeMap<String, Begun>,
    /// Each scenario as the page wants it, in JSON, by label and repetition.
    scenarios: BTreeMap<(String, usize), String>,
    /// The traces of attempts that are retried.
    earlier_traces: BTreeMap<(String, usize), Vec<Option<String>>>,
    changed: bool,
}

/// What a scenario's beginning says of it.
#[derive(Default)]
struct Begun {
    tags: Vec<String>,
    participants: Vec<String>,
}

impl HtmlReport {
    /// Starts a page without scenarios.
    ///
    /// # Errors
    /// Where it can't be written, or an earlier event file can't be read.
    pub fn create(folder: &Path, options: &ReportOptions) -> io::Result<Self> {
        let mut html = Self {
            folder: folder.to_path_buf(),
            linked: options.traces.is_some(),
            // In the output folder, traces are already where the page links to them.
            traces: options.needs_own_traces(folder).then(|| TraceWriter::new(folder, KeepDetails::On, true)),
            history: EarlierRuns::read(&options.history)?,
            run: Value::Null,
            summary: None,
            gaps: None,
            begun: BTreeMap::new(),
            scenarios: BTreeMap::new(),
            earlier_traces: BTreeMap::new(),
            changed: true,
        };
        html.flush()?;
        Ok(html)
    }

    fn ended(&mut self, result: &ScenarioResult, detailed: bool) -> io::Result<()> {
        let trace = detailed.then(|| self.link(&result.instance())).flatten();
        let key = (result.label.to_string(), result.repetition);
        if result.will_retry {
            // The last attempt's result holds those before it, without their traces.
            self.earlier_traces.entry(key).or_default().push(trace);
            return Ok(());
        }
        let earlier_traces = self.earlier_traces.remove(&key).unwrap_or_default();
        let none = Begun::default();
        let begun = self.begun.get(&*result.label).unwrap_or(&none);
        let scenario = PageScenario::of(result, &begun.tags, &begun.participants, trace, &earlier_traces)?;
        self.scenarios.insert(key, inert_json(&serde_json::to_string(&scenario)?));
        self.changed = true;
        Ok(())
    }

    /// The address of a trace, relative to the page.
    fn link(&self, instance: &Instance) -> Option<String> {
        if !self.linked {
            return None;
        }
        let path = trace_path(Path::new(""), instance);
        let parts: Vec<String> = path.iter().map(|part| url_encoded(&part.to_string_lossy())).collect();
        Some(parts.join("/"))
    }
}

impl Reporter for HtmlReport {
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
                    self.gaps = Some(summary.gaps());
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

    fn flush(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.changed) {
            return Ok(());
        }
        let gaps = self.gaps.clone().unwrap_or_else(|| {
            let of = self.run.get("scenarios").map_or_else(|| "?".to_owned(), Value::to_string);
            let ended = self.scenarios.len();
            vec![format!("the run had not ended when this page was written: {ended} of {of} scenarios are here")]
        });
        let head = json!({
            "run": self.run, "summary": self.summary, "gaps": gaps, "history": self.history.to_json(),
        });
        let head = inert_json(&head.to_string());
        let mut scenarios: Vec<&[u8]> = Vec::new();
        for (number, scenario) in self.scenarios.values().enumerate() {
            scenarios.extend([if number == 0 { b"\n".as_slice() } else { b",\n" }, scenario.as_bytes()]);
        }
        let parts = fill(
            TEMPLATE,
            vec![
                ("{style}", vec![STYLE.as_bytes()]),
                ("{head}", vec![head.as_bytes()]),
                ("{cases}", scenarios),
                ("{script}", SCRIPTS.iter().map(|script| script.as_bytes()).collect()),
            ],
        );
        scratch::write(&self.folder.join("index.html"), &parts)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.flush()
    }
}
