//! Durations and outcomes of earlier runs, from their event files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

/// How many runs are kept: the newest.
const RUNS: usize = 30;

/// What earlier runs say of each scenario.
#[derive(Debug, Default)]
pub(super) struct EarlierRuns {
    /// When each run began, oldest first.
    runs: Vec<String>,
    /// By label: for each run that played it, its place in `runs`, how it ended and how long it took in microseconds.
    scenarios: BTreeMap<String, Vec<(usize, String, u64)>>,
}

/// The fields of an event that the page needs; files of other versions may be read too.
#[derive(Deserialize)]
struct EventLine {
    event: String,
    started: Option<String>,
    label: Option<String>,
    outcome: Option<EndedWith>,
    took_us: Option<u64>,
    #[serde(default)]
    will_retry: bool,
    #[serde(default)]
    earlier: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct EndedWith {
    status: String,
}

struct EarlierRun {
    started: String,
    results: Vec<(String, String, u64)>,
}

impl EarlierRuns {
    /// Reads event files, and those in folders, in the order in which their runs began.
    ///
    /// # Errors
    /// If a file can't be read. A line that is no event (cut off, or of another version) is skipped.
    pub(super) fn read(files: &[PathBuf]) -> io::Result<Self> {
        let mut runs = Vec::new();
        for file in files {
            let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
            if file.is_dir() {
                let entries = std::fs::read_dir(file).map_err(named)?;
                for path in entries.flatten().map(|entry| entry.path()) {
                    if path.extension().is_some_and(|extension| extension == "jsonl") {
                        runs.extend(read_run(&path).map_err(named)?);
                    }
                }
            } else {
                runs.extend(read_run(file).map_err(named)?);
            }
        }
        runs.sort_by(|a, b| a.started.cmp(&b.started));
        let mut earlier = Self::default();
        for run in runs.drain(runs.len().saturating_sub(RUNS)..) {
            let number = earlier.runs.len();
            earlier.runs.push(run.started);
            for (label, status, took) in run.results {
                earlier.scenarios.entry(label).or_default().push((number, status, took));
            }
        }
        Ok(earlier)
    }

    /// As the page wants it.
    pub(super) fn to_json(&self) -> Value {
        json!({ "runs": self.runs, "scenarios": self.scenarios })
    }
}

fn read_run(file: &Path) -> io::Result<Option<EarlierRun>> {
    let mut reader = BufReader::new(File::open(file)?);
    let mut text = Vec::new();
    let mut run = None;
    loop {
        text.clear();
        if reader.read_until(b'\n', &mut text)? == 0 {
            return Ok(run);
        }
        // Most of a file is frames: they are not worth reading as JSON.
        let has = |name: &[u8]| text.windows(name.len()).any(|window| window == name);
        if !has(b"\"scenario_finished\"") && !has(b"\"run_started\"") {
            continue;
        }
        let Ok(line) = serde_json::from_slice::<EventLine>(&text) else { continue };
        match (line.event.as_str(), &mut run) {
            ("run_started", None) => {
                run = line.started.map(|started| EarlierRun { started, results: Vec::new() });
            }
            ("scenario_finished", Some(run)) if !line.will_retry => {
                let (Some(label), Some(outcome)) = (line.label, line.outcome) else { continue };
                let flaky = outcome.status == "passed" && !line.earlier.is_empty();
                let status = if flaky { "flaky".to_owned() } else { outcome.status };
                run.results.push((label, status, line.took_us.unwrap_or_default()));
            }
            _ => {}
        }
    }
}
