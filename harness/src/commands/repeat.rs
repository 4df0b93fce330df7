//! `run --repeat-until-failure` and `run --reproduce`: plays a selection again and again to see how often it fails.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use indexmap::IndexMap;

use super::output::{complain, print};
use super::play::{Display, Play, ResultLines, play};
use crate::event::{ScenarioResult, Summary};
use crate::exit::Exit;
use crate::plan::{Job, PlaySettings, Randomness, RunLimits};
use crate::report::files::reports::Reports;
use crate::report::live::failure_list::{FailureSignature, common_headline};
use crate::report::wording::failures::failures_with_log;
use crate::report::wording::replay::replay_rows;
use crate::report::wording::short_ids::with_short_ids;
use crate::runner::RunOptions;
use crate::select::last_run::LastRun;
use crate::text::paint::Style;
use crate::text::{counted, visible};

/// At most this many jobs are made at once.
const BATCH: usize = 2000;

/// Plays a selection again until something fails, at most `most` times. `jobs_of` gives the jobs of repetitions.
pub(crate) fn until_failure(
    base: &Play<'_>,
    jobs_of: &dyn Fn(RangeInclusive<usize>) -> Vec<Job>,
    most: Option<u32>,
    reports: Reports,
) -> Exit {
    let began = Instant::now();
    let mut reports = reports;
    let limits = RunLimits { max_fail: Some(1), retries: 0, ..base.options.limits.clone() };
    let options = RunOptions { limits, ..base.options.clone() };
    let rows = jobs_of(1..=1).len().max(1);
    let most = most.unwrap_or(u32::MAX);
    let (mut done, mut size) = (0_u32, 1_u32);
    let mut summary = empty_summary(base);
    let mut failed: Vec<ScenarioResult> = Vec::new();
    while done < most && failed.is_empty() {
        let until = done.saturating_add(size).min(most);
        let batch = Play {
            jobs: jobs_of(done as usize + 1..=until as usize),
            options: &options,
            display: Display { lines: ResultLines::Bad, continues: done > 0, ..base.display },
            ..base.clone()
        };
        let finished = match play(batch, &mut reports) {
            Ok((finished, failures)) => {
                print(&failures);
                finished
            }
            Err(error) => {
                complain(&error);
                return Exit::NoServer;
            }
        };
        finished.results.iter().for_each(|result| summary.add(result));
        if finished.summary.interrupted {
            summary.interrupted = true;
            break;
        }
        failed.extend(finished.results.into_iter().filter(|result| !result.is_good()));
        if failed.is_empty() {
            done = until;
            print(&format!("{} passed {}\n", repetitions(done), seconds(began)));
        }
        // A line after 1, 3, 7, 15 … repetitions.
        size = size.saturating_mul(2).min(u32::try_from(BATCH / rows).unwrap_or(1).max(1));
    }
    end_reports(reports, &mut summary, began);
    for (place, result) in failed.iter().enumerate() {
        let before = result.repetition.saturating_sub(1);
        let line = format!(
            "{} failed in repetition {}; {before} passed before it {}",
            result.label,
            result.repetition,
            seconds(began)
        );
        let gap = if place == 0 { "\n" } else { "" };
        print(&format!("{gap}{}\n", base.display.paint.text(Style::Bad, &line)));
    }
    if failed.is_empty() && !summary.interrupted {
        print(&format!(
            "{}\n",
            base.display.paint.text(Style::Good, &format!("nothing failed in {}", repetitions(done)))
        ));
    }
    Exit::of(&summary)
}

/// What is played again to see how often it fails.
pub(crate) struct Reproduction<'a> {
    /// How often.
    pub(crate) times: u32,
    /// The seed, where one is given.
    pub(crate) seed: Option<u64>,
    /// The jobs of repetitions.
    pub(crate) jobs_of: &'a dyn Fn(RangeInclusive<usize>) -> Vec<Job>,
    /// The jobs of other labels than those of the selection, as many repetitions of each.
    pub(crate) others: &'a dyn Fn(&[Arc<str>]) -> Vec<Job>,
}

/// Plays each scenario of a selection so many times with one seed, and prints how often it fails in which way. Where it
/// doesn't fail alone and its last failure came beside others, plays it beside them again.
pub(crate) fn reproduce(base: &Play<'_>, asked: &Reproduction<'_>, output: &Path, reports: Reports) -> Exit {
    let Reproduction { times, seed, jobs_of, others } = *asked;
    let began = Instant::now();
    let mut reports = reports;
    let mut summary = empty_summary(base);
    let all = jobs_of(1..=times as usize);
    let mut labels: Vec<Arc<str>> = Vec::new();
    for job in &all {
        if !labels.contains(&job.label) {
            labels.push(Arc::clone(&job.label));
        }
    }
    let known = LastRun::read(output);
    'labels: for (place, label) in labels.iter().enumerate() {
        let (seed, why) = match (seed, known.as_ref().and_then(|known| known.seed(label))) {
            (Some(seed), _) => (seed, String::new()),
            (None, Some(seed)) => (seed, ", that of its last failure".to_owned()),
            (None, None) => (base.settings.randomness.seed, ", a new one: no failure of it is known".to_owned()),
        };
        print(&format!("{} {times} × with seed {seed}{why}\n", base.display.paint.text(Style::Strong, label)));
        let randomness = Randomness { seed, same: true, ..base.settings.randomness };
        let one = Play {
            jobs: all.iter().filter(|job| job.label == *label).cloned().collect(),
            settings: PlaySettings { randomness, ..base.settings.clone() },
            display: Display { lines: ResultLines::None, continues: place > 0, ..base.display },
            ..base.clone()
        };
        let beside = known.as_ref().map_or(&[][..], |known| known.beside(label));
        let mut rounds = vec![one.jobs.clone()];
        let mut place = 0;
        while let Some(jobs) = rounds.get(place) {
            let finished = match play(Play { jobs: jobs.clone(), ..one.clone() }, &mut reports) {
                Ok((finished, _)) => finished,
                Err(error) => {
                    complain(&error);
                    return Exit::NoServer;
                }
            };
            finished.results.iter().for_each(|result| summary.add(result));
            let of_it: Vec<ScenarioResult> =
                finished.results.into_iter().filter(|result| result.label == *label).collect();
            print(&tally(&of_it, base));
            if finished.summary.interrupted {
                break 'labels;
            }
            if place == 0 && of_it.iter().all(ScenarioResult::is_good) {
                let others = others(beside);
                if !others.is_empty() {
                    print(&format!("  its last failure came beside {}: {times} × beside them\n", names(beside)));
                    rounds.push(beside_each_other(&one.jobs, &others));
                }
            }
            place += 1;
        }
    }
    end_reports(reports, &mut summary, began);
    Exit::of(&summary)
}

/// The jobs of a scenario, each followed by those of others in the same repetition.
fn beside_each_other(jobs: &[Job], others: &[Job]) -> Vec<Job> {
    let with_others = |job: &Job| {
        let same = others.iter().filter(|other| other.repetition == job.repetition && other.label != job.label);
        std::iter::once(job.clone()).chain(same.cloned()).collect::<Vec<_>>()
    };
    jobs.iter().flat_map(with_others).collect()
}

/// A few of the labels, for people.
fn names(labels: &[Arc<str>]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = labels.iter().take(SHOWN).map(|label| &**label).collect();
    match labels.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Ends the reports of all that was played since, and says which of them could not be written.
fn end_reports(reports: Reports, summary: &mut Summary, began: Instant) {
    summary.took = began.elapsed();
    reports.finish(summary);
    for gap in &summary.missing {
        complain(gap);
    }
}

/// A summary that judges as the run's own limits say.
fn empty_summary(base: &Play<'_>) -> Summary {
    let RunLimits { flaky_fails, pass_with_no_tests, .. } = base.options.limits;
    Summary { flaky_fails, pass_with_no_tests, ..Summary::default() }
}

/// How often it failed in which way, and the first failure of each kind in full.
fn tally(results: &[ScenarioResult], base: &Play<'_>) -> String {
    let paint = base.display.paint;
    let mut kinds: IndexMap<String, (Vec<FailureSignature>, &ScenarioResult)> = IndexMap::new();
    for result in results.iter().filter(|result| !result.is_good()) {
        if let Some(kind) = FailureSignature::of(result) {
            kinds.entry(kind.key.clone()).or_insert_with(|| (Vec::new(), result)).0.push(kind);
        }
    }
    let failed: usize = kinds.values().map(|(all, _)| all.len()).sum();
    if failed == 0 {
        return paint.text(Style::Good, &format!("failed 0 of {}", results.len())) + "\n";
    }
    kinds.sort_by(|_, one, _, other| other.0.len().cmp(&one.0.len()));
    let mut text = paint.text(Style::Bad, &format!("failed {failed} of {}", results.len())) + "\n";
    for (all, _) in kinds.values() {
        text.push_str(&format!("  {:>4} × {}\n", all.len(), visible(&common_headline(all))));
    }
    for (_, first) in kinds.values() {
        text.push_str(&format!("\n{}", with_short_ids(first, failures_with_log(first, None, paint))));
        text.push_str(&replay_rows(first, &base.options.replay_options, paint));
    }
    text
}

fn repetitions(number: u32) -> String {
    counted(number as usize, "repetition", "repetitions")
}

fn seconds(began: Instant) -> String {
    format!("(ran in {:.3}s)", began.elapsed().as_secs_f64())
}
