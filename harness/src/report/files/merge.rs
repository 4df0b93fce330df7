//! Event files read again, as one run: the parts of a sharded run, or one file alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::event::{Event, EventKind, Instance, Summary};
use crate::report::files::event_file::{EventFileReader, ReadError};
use crate::text::counted;

/// Several event files, read as one run.
#[derive(Debug)]
pub struct MergedRun {
    /// The run's beginning, of all files together; none where there are no files.
    pub head: Option<Event>,
    /// Its end: as the file says, or computed where there are several files or the run did not end.
    pub summary: Summary,
    /// What is worth knowing of the files, a line each: a scenario is in two parts. What is missing of the run says its
    /// summary.
    pub remarks: Vec<String>,
    parts: Vec<RunPart>,
    /// Which file's events are used for a scenario that is in several.
    chosen: BTreeMap<ScenarioKey, usize>,
}

/// A scenario's label and repetition; its attempts belong together.
type ScenarioKey = (Arc<str>, usize);

fn key(instance: &Instance) -> ScenarioKey {
    (Arc::clone(&instance.label), instance.repetition)
}

#[derive(Debug)]
struct RunPart {
    file: PathBuf,
    head: RunHead,
    finished: Option<Summary>,
    results: usize,
    under_way: BTreeSet<Instance>,
    last: Duration,
}

#[derive(Debug, Clone)]
struct RunHead {
    event: Event,
    started: String,
    scenarios: usize,
    shard: Option<(usize, usize)>,
}

impl RunPart {
    /// What is missing of the file.
    fn gap(&self) -> Option<String> {
        let file = self.file.display();
        let Some(told) = &self.finished else {
            let names: Vec<&str> = self.under_way.iter().map(|instance| &*instance.label).collect();
            let under_way = match names.len() {
                0 => String::new(),
                _ => format!("; under way were {}", names.join(", ")),
            };
            let results = counted(self.results, "scenario that did", "scenarios that did");
            return Some(format!("{file}: the run didn't end, the numbers are those of {results}{under_way}"));
        };
        let ended = told.passed + told.failed + told.skipped + told.quarantined + told.no_server + told.not_run;
        (ended > self.results).then(|| {
            let there = counted(self.results, "scenario's result is", "scenarios' results are");
            format!("{file}: its last line tells of {ended}, but {there} in it: lines are missing")
        })
    }
}

impl MergedRun {
    /// Reads all files once, to count their results.
    ///
    /// # Errors
    /// If a file can't be read or is no event file.
    pub fn read(files: &[PathBuf]) -> Result<Self, ReadError> {
        let mut parts = Vec::new();
        let mut counted_in: BTreeMap<ScenarioKey, (usize, bool, Summary)> = BTreeMap::new();
        let mut twice = BTreeMap::new();
        for (number, file) in files.iter().enumerate() {
            let part = read_part(file, |instance, is_good, counts| match counted_in.get(&instance) {
                // What failed in one file must not be lost because it passed in another.
                Some((first, was_good, _)) => {
                    twice.insert(instance.0.clone(), (*first, number));
                    if *was_good && !is_good {
                        counted_in.insert(instance, (number, is_good, counts));
                    }
                }
                None => {
                    counted_in.insert(instance, (number, is_good, counts));
                }
            })?;
            parts.push(part);
        }
        let mut remarks = Vec::new();
        let mut missing: Vec<String> = missing_shards(&parts).into_iter().collect();
        if let Some((label, (first, second))) = twice.iter().next() {
            remarks.push(format!(
                "{} in more than one file ({} in {} and {}): the result that failed counts",
                counted(twice.len(), "scenario stands", "scenarios stand"),
                label,
                files[*first].display(),
                files[*second].display(),
            ));
        }
        missing.extend(parts.iter().filter_map(RunPart::gap));
        let counts = counted_in.values().map(|(_, _, counts)| counts);
        let mut summary = match &parts[..] {
            [RunPart { finished: Some(summary), .. }] => summary.clone(),
            _ => sum(counts, &parts),
        };
        summary.missing.append(&mut missing);
        let chosen = counted_in.into_iter().map(|(instance, (number, ..))| (instance, number)).collect();
        Ok(Self { head: head_of(&parts), summary, remarks, parts, chosen })
    }

    /// Reads the files again: passes on all events between the run's beginning and its end, each scenario's once.
    ///
    /// # Errors
    /// If a file can no longer be read.
    pub fn tell(&self, mut tell: impl FnMut(Event)) -> Result<(), ReadError> {
        self.head.iter().cloned().for_each(&mut tell);
        for (number, part) in self.parts.iter().enumerate() {
            for event in EventFileReader::open(&part.file)? {
                let event = event?;
                let elsewhere =
                    |instance: &Instance| self.chosen.get(&key(instance)).is_some_and(|other| *other != number);
                match &event.kind {
                    EventKind::RunStarted { .. } | EventKind::RunFinished(_) => {}
                    _ if event.scenario.as_deref().is_some_and(elsewhere) => {}
                    _ => tell(event),
                }
            }
        }
        Ok(())
    }
}

/// Reads one file; passes on what each result adds to the summary.
fn read_part(file: &Path, mut result: impl FnMut(ScenarioKey, bool, Summary)) -> Result<RunPart, ReadError> {
    let mut events = EventFileReader::open(file)?;
    let headless = || ReadError::Headless { file: file.to_path_buf() };
    let event = events.next().ok_or_else(headless)??;
    let EventKind::RunStarted { scenarios, started, shard, .. } = &event.kind else { return Err(headless()) };
    let shard = shard.as_ref().and_then(|shard| {
        let (number, of) = shard.split_once('/')?;
        let (number, of): (usize, usize) = (number.parse().ok()?, of.parse().ok()?);
        (1..=of).contains(&number).then_some((number, of))
    });
    let head = RunHead { scenarios: *scenarios, started: started.clone(), shard, event };
    let mut part = RunPart {
        file: file.to_path_buf(),
        head,
        finished: None,
        results: 0,
        under_way: BTreeSet::new(),
        last: Duration::ZERO,
    };
    for event in events {
        let event = event?;
        match event.kind {
            EventKind::ScenarioStarted { .. } => {
                part.under_way.extend(event.scenario.as_deref().cloned());
            }
            EventKind::ScenarioFinished(finished) => {
                part.under_way.remove(&finished.instance());
                if finished.will_retry {
                    continue;
                }
                part.results += 1;
                part.last = part.last.max(event.at);
                let mut counts = Summary::default();
                counts.add(&finished);
                result(key(&finished.instance()), finished.is_good(), counts);
            }
            EventKind::RunFinished(summary) => part.finished = Some(summary),
            _ => {}
        }
    }
    Ok(part)
}

/// The numbers of a run of several parts, or of one that didn't end.
fn sum<'a>(counts: impl Iterator<Item = &'a Summary>, parts: &[RunPart]) -> Summary {
    let mut all = Summary::default();
    for counts in counts {
        all.passed += counts.passed;
        all.failed += counts.failed;
        all.skipped += counts.skipped;
        all.no_server += counts.no_server;
        all.not_run += counts.not_run;
        all.unreachable |= counts.unreachable;
        all.flaky += counts.flaky;
        all.quarantined += counts.quarantined;
        for (class, number) in &counts.classes {
            *all.classes.entry(*class).or_default() += number;
        }
        all.unproven += counts.unproven;
        all.unknown += counts.unknown;
        all.invariants.add_all(counts.invariants);
        all.updated += counts.updated;
        all.interrupted |= counts.interrupted;
    }
    for part in parts {
        match &part.finished {
            Some(told) => {
                all.not_begun += told.not_begun;
                all.interrupted |= told.interrupted;
                all.missing.extend(told.missing.iter().cloned());
                all.flaky_fails |= told.flaky_fails;
                all.pass_with_no_tests |= told.pass_with_no_tests;
                all.limit = all.limit.or(told.limit);
                all.orphans.extend(told.orphans.iter().cloned());
                // Shards run in parallel.
                all.took = all.took.max(told.took);
            }
            None => {
                all.not_begun += part.head.scenarios.saturating_sub(part.results + part.under_way.len());
                all.took = all.took.max(part.last);
            }
        }
    }
    all
}

/// Which shards are missing, if any are.
fn missing_shards(parts: &[RunPart]) -> Option<String> {
    let shards: Vec<(usize, usize)> = parts.iter().filter_map(|part| part.head.shard).collect();
    let &(_, of) = shards.first()?;
    if let Some((_, other)) = shards.iter().find(|(_, other)| *other != of) {
        return Some(format!("these are parts of different runs: some are of {of}, some of {other}"));
    }
    let there: BTreeSet<usize> = shards.iter().map(|(number, _)| *number).collect();
    let missing = of.saturating_sub(there.len());
    if missing == 0 {
        return None;
    }
    let names = (1..=of).filter(|number| !there.contains(number)).take(20).map(|number| format!("{number}/{of}"));
    Some(format!(
        "{} missing: {}{}",
        if missing == 1 { "a part is" } else { "parts are" },
        names.collect::<Vec<_>>().join(", "),
        if missing > 20 { ", …" } else { "" },
    ))
}

/// The beginning of all parts together: that of the earliest, with the sum of scenarios. The arguments for playing a
/// scenario again are kept only where all parts have the same.
fn head_of(parts: &[RunPart]) -> Option<Event> {
    let first = parts.iter().min_by(|a, b| a.head.started.cmp(&b.head.started))?;
    let mut event = first.head.event.clone();
    let same = parts.iter().all(|part| again_of(&part.head.event) == again_of(&first.head.event));
    if let EventKind::RunStarted { scenarios, shard, again, .. } = &mut event.kind {
        if parts.len() > 1 {
            *shard = None;
        }
        if !same {
            again.clear();
        }
        *scenarios = parts.iter().map(|part| part.head.scenarios).sum();
    }
    Some(event)
}

fn again_of(event: &Event) -> &[String] {
    match &event.kind {
        EventKind::RunStarted { again, .. } => again,
        _ => &[],
    }
}
