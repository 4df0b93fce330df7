//! What the next run reads of those before it: how each scenario ended, and how long it took.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Event, EventKind, Outcome, ScenarioResult};
use crate::report::files::event_file;

/// The file's name in the output folder.
pub const FILE_NAME: &str = "last-run.json";

/// The version of the file; a file of another version is ignored.
const VERSION: u32 = 1;

/// How scenarios ended when they were last run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    version: u32,
    scenarios: BTreeMap<String, Known>,
}

impl Default for LastRun {
    fn default() -> Self {
        Self { version: VERSION, scenarios: BTreeMap::new() }
    }
}

/// How a scenario ended when it was last run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Whether it ended well.
    outcome: LastOutcome,
    /// How long it took when it last ran to its end.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "took_us")]
    took: Option<u64>,
    /// The seed of its last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    /// The scenarios that were under way beside it then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    beside: Vec<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LastOutcome {
    Skipped,
    Passed,
    Flaky,
    NotRun,
    Failed,
}

impl LastOutcome {
    fn of(result: &ScenarioResult) -> Self {
        match result.outcome {
            Outcome::Skipped { .. } => Self::Skipped,
            Outcome::Passed | Outcome::FailedAsExpected { .. } if result.is_flaky() => Self::Flaky,
            Outcome::Passed | Outcome::FailedAsExpected { .. } => Self::Passed,
            Outcome::NotRun { .. } | Outcome::Interrupted { .. } => Self::NotRun,
            Outcome::Failed { .. } | Outcome::NoServer { .. } => Self::Failed,
        }
    }
}

/// How long scenarios took, by label.
pub type Durations = BTreeMap<String, Duration>;

impl LastRun {
    /// Reads the file of an output folder; `None` if it doesn't exist or this program can't read it.
    pub fn read(output: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(output.join(FILE_NAME)).ok()?;
        serde_json::from_str(&text).ok().filter(|last: &Self| last.version == VERSION)
    }

    /// Takes the results of a run; what is known of scenarios that it didn't play stays.
    pub fn learn<'r>(&mut self, results: impl IntoIterator<Item = &'r ScenarioResult>) {
        let mut now: BTreeMap<&str, (LastOutcome, Vec<Duration>)> = BTreeMap::new();
        let mut failures: BTreeMap<&str, (u64, &[Arc<str>])> = BTreeMap::new();
        for result in results.into_iter().filter(|result| !result.will_retry) {
            let ended = LastOutcome::of(result);
            let failed = (!result.failures().is_empty()).then_some((result.seed, &*result.beside));
            let failed = failed.or_else(|| result.earlier.last().map(|attempt| (attempt.seed, &*attempt.beside)));
            if let Some(failed) = failed.filter(|(seed, _)| *seed > 0) {
                failures.insert(&result.label, failed);
            }
            let (worst, times) = now.entry(&result.label).or_insert((ended, Vec::new()));
            *worst = ended.max(*worst);
            if matches!(ended, LastOutcome::Passed | LastOutcome::Flaky | LastOutcome::Failed) {
                times.push(result.took);
            }
        }
        for (label, (outcome, times)) in now {
            let known = self.scenarios.get(label);
            let before = known.and_then(|known| known.took);
            let (seed, beside) = match (failures.get(label), known) {
                (Some((seed, beside)), _) => (Some(*seed), beside.to_vec()),
                (None, Some(known)) => (known.seed, known.beside.clone()),
                (None, None) => (None, Vec::new()),
            };
            let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
            let took = times.iter().sum::<Duration>().checked_div(count);
            let took = took.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)).or(before);
            self.scenarios.insert(label.to_owned(), Known { outcome, took, seed, beside });
        }
    }

    /// Forgets scenarios that no longer exist.
    pub fn keep(&mut self, exists: impl Fn(&str) -> bool) {
        self.scenarios.retain(|label, _| exists(label));
    }

    /// Whether a scenario failed when it was last run, or should have been run and wasn't.
    pub fn failed(&self, label: &str) -> bool {
        self.scenarios
            .get(label)
            .is_some_and(|known| matches!(known.outcome, LastOutcome::Failed | LastOutcome::NotRun))
    }

    /// The seed of a scenario's last failure.
    pub fn seed(&self, label: &str) -> Option<u64> {
        self.scenarios.get(label)?.seed
    }

    /// The scenarios that were under way beside its last failure.
    pub fn beside(&self, label: &str) -> &[Arc<str>] {
        self.scenarios.get(label).map_or(&[], |known| &known.beside)
    }

    /// How long scenarios took.
    pub fn durations(&self) -> Durations {
        let known = self.scenarios.iter();
        known.filter_map(|(label, known)| Some((label.clone(), Duration::from_micros(known.took?)))).collect()
    }

    /// Writes the file of an output folder. Readers never see half of it.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, output: &Path) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(output)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.persist(output.join(FILE_NAME)).map_err(|error| error.error)?;
        Ok(())
    }
}

/// How long scenarios took, from event files or files of this kind, later ones first.
///
/// # Errors
/// Which file can't be read, and why.
pub fn durations(files: &[PathBuf]) -> Result<Durations, String> {
    let mut all = Durations::new();
    for file in files {
        let known = match std::fs::read_to_string(file) {
            Ok(text) => serde_json::from_str::<LastRun>(&text).ok(),
            Err(error) => return Err(format!("--durations {}: it can't be read: {error}", file.display())),
        };
        let durations = match known {
            Some(known) => known.durations(),
            None => {
                let events =
                    event_file::read(file).map_err(|error| format!("--durations {}: {error}", file.display()))?;
                let mut known = LastRun::default();
                known.learn(events.iter().filter_map(finished));
                known.durations()
            }
        };
        all.extend(durations);
    }
    Ok(all)
}

fn finished(event: &Event) -> Option<&ScenarioResult> {
    match &event.kind {
        EventKind::ScenarioFinished(result) => Some(result),
        _ => None,
    }
}

/// Makes the output folder if it doesn't exist, with a `.gitignore` for everything in it.
///
/// # Errors
/// The system's.
pub fn make_output(output: &Path) -> io::Result<()> {
    if output.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(output)?;
    std::fs::write(output.join(".gitignore"), "*\n")
}
