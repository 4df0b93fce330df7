//! Plays cases through the whole runner, many at once, and reads what it says of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use roundtable::event::{Failure, FailureKind, InvariantVerdict, Outcome, ScenarioResult};
use roundtable::{Suite, SuiteResult};

use crate::case::Case;
use crate::files::{self, Line};
use crate::log::{Entry, Log};
use crate::server::{Cases, serve};

/// What the runner said of a case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    pub(crate) passed: bool,
    /// Why it wasn't played, where it wasn't.
    pub(crate) unplayed: Option<String>,
    /// The steps that failed; several only where they ran at once.
    pub(crate) failed: Vec<Failed>,
    /// Failures that belong to no step and to no invariant.
    pub(crate) whole: Vec<String>,
    /// What it said of each invariant, by name; nothing where none is asked.
    pub(crate) promises: BTreeMap<String, Said>,
    pub(crate) unproven: usize,
    /// Everything that it says, for people.
    pub(crate) told: Vec<String>,
}

/// What the runner said of an invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Held,
    NotAsked,
    Unknown,
    Violated,
}

/// A step that failed.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    /// Its number; none for a request that only tells the server of steps.
    pub(crate) step: Option<usize>,
    /// Whether it was told as neither the server's nor the scenario's.
    pub(crate) excused: bool,
}

/// A case with what became of it.
pub(crate) struct Playing {
    pub(crate) case: Case,
    pub(crate) log: Vec<Entry>,
    pub(crate) verdict: Verdict,
}

/// Plays cases, so many at once. Their numbers must differ, and their patience be the same.
pub(crate) fn play(cases: Vec<Case>, jobs: usize) -> Vec<Playing> {
    if cases.is_empty() {
        return Vec::new();
    }
    let played = play_folder(cases, jobs);
    if played.len() == 1 || played.iter().any(|playing| playing.verdict.unplayed.is_none()) {
        return played;
    }
    // One file that is refused refuses its whole folder, and the others are played without it.
    let mut cases: Vec<Case> = played.into_iter().map(|playing| playing.case).collect();
    let second = cases.split_off(cases.len() / 2);
    let mut played = play(cases, jobs);
    played.extend(play(second, jobs));
    played
}

fn play_folder(cases: Vec<Case>, jobs: usize) -> Vec<Playing> {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = folder.path().join("scenarios");
    std::fs::create_dir_all(scenarios.join("protocols")).unwrap();
    for case in &cases {
        std::fs::write(scenarios.join(format!("{}.yaml", label(case))), files::scenario(case)).unwrap();
        let protocol = scenarios.join("protocols").join(format!("{}.yaml", case.protocol_name()));
        std::fs::write(protocol, files::protocol(&case.protocol)).unwrap();
    }
    let by_number: Cases =
        Arc::new(cases.iter().map(|case| (case.number, (Arc::new(case.clone()), Log::new()))).collect());
    let served = Arc::clone(&by_number);
    let suite = Suite::new(&scenarios)
        .application("simulated", move |listener, stop| serve(listener, stop, Arc::clone(&served)))
        .jobs(jobs)
        .slow(cases.first().map_or(1.0, Case::slow))
        .seed(1)
        // What is unknown or unproven is compared, and fails nothing.
        .deny_unknown(false)
        .deny_unproven(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let played: SuiteResult = runtime.block_on(suite.play());
    let results: BTreeMap<&str, &ScenarioResult> =
        played.results.iter().map(|result| (result.label.as_ref(), result)).collect();
    let verdict = |case: &Case| match results.get(label(case).as_str()) {
        Some(result) => Verdict::of(case, result),
        None => Verdict { unplayed: played.not_played.clone().or(Some("no result".to_owned())), ..Verdict::default() },
    };
    cases
        .into_iter()
        .map(|case| {
            let verdict = verdict(&case);
            let log = by_number.get(&case.number).map(|(_, log)| log.entries()).unwrap_or_default();
            Playing { case, log, verdict }
        })
        .collect()
}

/// A case's name among the runner's results.
fn label(case: &Case) -> String {
    format!("case_{:06}", case.number)
}

impl Verdict {
    fn of(case: &Case, result: &ScenarioResult) -> Self {
        let mut verdict = Self { unproven: result.unproven, ..Self::default() };
        verdict.promises =
            result.invariants.iter().map(|one| (one.invariant.clone(), Said::of(&one.verdict))).collect();
        match &result.outcome {
            Outcome::Passed => verdict.passed = true,
            Outcome::Failed { failures } => {
                for failure in failures {
                    verdict.add(case, failure);
                }
            }
            other => verdict.unplayed = Some(format!("{other:?}")),
        }
        verdict.told.extend(result.unknown.iter().map(|unknown| format!("unknown: {unknown}")));
        if result.unproven > 0 {
            verdict.told.push(format!("unproven: {}", result.unproven));
        }
        verdict
    }

    fn add(&mut self, case: &Case, failure: &Failure) {
        // Of a step within `parallel` the place is that of `parallel`, and the step stands inside.
        let place = failure.inside.last().or(failure.place.as_ref()).map(|place| place.at.line);
        let line = place.map(|line| format!(" (line {line})")).unwrap_or_default();
        self.told.push(format!("{:?}: {}{line}", failure.kind, failure.headline));
        let excused = matches!(failure.kind, FailureKind::Environment | FailureKind::ServerDied);
        let step = match (failure.kind, place.map(|line| files::line(case, line))) {
            // What each invariant says stands beside the failures.
            (FailureKind::Invariant, _) => return,
            (_, None | Some(Line::Key)) => return self.whole.push(failure.headline.clone()),
            (_, Some(Line::Clock)) => None,
            (_, Some(Line::Step(step))) => Some(step),
        };
        self.failed.push(Failed { step, excused });
    }
}

impl Said {
    fn of(verdict: &InvariantVerdict) -> Self {
        match verdict {
            InvariantVerdict::Held { .. } => Self::Held,
            InvariantVerdict::NotAsked => Self::NotAsked,
            InvariantVerdict::Unknown { .. } => Self::Unknown,
            InvariantVerdict::Violated { .. } => Self::Violated,
        }
    }
}
