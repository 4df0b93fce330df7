//! Narrows a selection: to scenarios that a change concerns, to those that failed, to a shard.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::cli::NarrowArgs;
use crate::config::Config;
use crate::plan::label;
use crate::select::last_run::{self, FILE_NAME, LastRun};
use crate::select::{Selected, changed};
use crate::text::counted;

/// A selection after narrowing.
pub(crate) struct Narrowed {
    /// The labels that are left.
    pub(crate) labels: BTreeSet<Arc<str>>,
    /// Whether that is the whole selection.
    pub(crate) whole: bool,
    /// What was done, for people, a line each.
    pub(crate) lines: Vec<String>,
}

impl Narrowed {
    /// Leaves out the scenarios of these labels.
    pub(crate) fn leave_out(&mut self, labels: &BTreeSet<String>) {
        if !labels.is_empty() {
            self.labels.retain(|label| !labels.contains(&**label));
            self.whole = false;
        }
    }
}

/// The labels of every row of every selected scenario.
pub(crate) fn labels(selected: &Selected) -> BTreeSet<Arc<str>> {
    let rows = selected.scenarios.iter().flat_map(|one| one.rows.iter().map(|row| label(one, &row.name)));
    rows.collect()
}

/// Narrows a selection: first by change, then by failure, then by shard.
pub(crate) fn narrow(
    config: &Config,
    args: &NarrowArgs,
    output: &Path,
    selected: &Selected,
) -> Result<Narrowed, String> {
    let mut narrowed = Narrowed { labels: labels(selected), whole: true, lines: Vec::new() };
    if let Some(revision) = &args.changed_since {
        let files = changed::files(&config.dir, revision)?;
        let kept = changed::narrow(config, &selected.scenarios, &files, revision)?;
        narrowed.lines.push(kept.why);
        narrowed.labels = labels(&Selected { scenarios: kept.scenarios, ..Selected::default() });
        narrowed.whole = false;
    }
    if args.last_failed {
        last_failed(&mut narrowed, output);
    }
    if let Some(shard) = args.shard {
        let durations = last_run::durations(&args.durations)?;
        let all = narrowed.labels.len();
        let known = narrowed.labels.iter().filter(|label| durations.contains_key(&***label)).count();
        narrowed.labels = shard.pick(&narrowed.labels, &durations);
        narrowed.whole &= shard.of == 1;
        let balanced = match known {
            0 => "balanced by their number".to_owned(),
            known => format!("balanced by the durations of {known}"),
        };
        let all = counted(all, "scenario", "scenarios");
        narrowed.lines.push(format!("shard {shard}: {} of {all}, {balanced}", narrowed.labels.len()));
    }
    Ok(narrowed)
}

fn last_failed(narrowed: &mut Narrowed, output: &Path) {
    let place = crate::source::shown_path(&output.join(FILE_NAME));
    let Some(last) = LastRun::read(output) else {
        narrowed.lines.push(format!("no run has left {}: all selected scenarios are played", place.display()));
        return;
    };
    let failed: BTreeSet<Arc<str>> = narrowed.labels.iter().filter(|label| last.failed(label)).cloned().collect();
    if failed.is_empty() {
        let all = "all selected scenarios are played".to_owned();
        narrowed.lines.push(format!("none of the selected scenarios failed when it was last run: {all}"));
        return;
    }
    let of = counted(narrowed.labels.len(), "scenario", "scenarios");
    narrowed.lines.push(format!("{} of {of} failed or were not run before", failed.len()));
    narrowed.labels = failed;
    narrowed.whole = false;
}
