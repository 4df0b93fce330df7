//! Comparing the snapshots that a scenario took with the stored ones.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::event::{Failure, FailureKind, SnapshotChange};
use crate::lock::lock;
use crate::plan::{self, SnapshotOptions};
use crate::run::state::world::{CapturedValue, TakenSnapshot, World};
use crate::snapshot::changes::{ChangeKind, Fingerprint, changes};
use crate::snapshot::diff_lines;
use crate::snapshot::store::{self, FrontMatter};
use crate::text::diff::{DiffKind, DiffLine};

/// Shortest captured text that is looked for in snapshots: shorter ones stand everywhere.
const TOLD: usize = 3;

/// What comparing a scenario's snapshots gave.
#[derive(Default)]
pub(crate) struct Compared {
    pub(crate) failures: Vec<Failure>,
    pub(crate) touched: Vec<PathBuf>,
    pub(crate) updated: usize,
    pub(crate) idle_redactions: Vec<String>,
}

/// Compares the snapshots of a scenario with the stored ones, or stores them. Where something else didn't hold, nothing
/// is written: what a broken scenario shows is not what anybody should accept.
pub(crate) fn compare(world: &World, keep: Option<&SnapshotOptions>, held: bool) -> Compared {
    let mut compared = Compared::default();
    let Some(keep) = keep else { return compared };
    let scenario = &world.scenario;
    let stem = scenario.id.rsplit('/').next().unwrap_or(&scenario.id);
    let row = Some(world.row.name.as_str()).filter(|name| !name.is_empty());
    let taken = lock(&world.findings.snapshots);
    let captured = lock(&world.findings.captured);
    // One that did something in any snapshot of the scenario has a purpose there.
    if let Some((first, others)) = taken.split_first() {
        compared.idle_redactions.clone_from(&first.idle_redactions);
        compared.idle_redactions.retain(|idle| others.iter().all(|other| other.idle_redactions.contains(idle)));
    }
    for taken in taken.iter() {
        let path = store::path_of(&keep.folder, &scenario.suite, stem, &taken.name, row);
        compared.touched.push(path.clone());
        let source = std::path::absolute(&scenario.source.path).unwrap_or_else(|_| scenario.source.path.clone());
        let source = source.strip_prefix(&keep.top).unwrap_or(&scenario.source.path);
        let meta = FrontMatter {
            source: source.to_string_lossy().replace('\\', "/"),
            expression: taken.name.clone(),
            line: taken.place.as_ref().and_then(|place| u32::try_from(place.at.line).ok()),
            scenario: Some(plan::label(scenario, &world.row.name).to_string()),
        };
        if let Err(mut failure) = compare_one(&mut compared, keep, &path, taken, &meta, held) {
            let differs = captured_that_differ(&captured, &failure.diff);
            failure.details.extend(differs);
            compared.failures.push(*failure);
        }
    }
    compared
}

/// Which captured values stand only in the new snapshot, where the stored one has others.
fn captured_that_differ(captured: &[CapturedValue], diff: &[DiffLine]) -> Vec<String> {
    let stands = |kind: DiffKind, text: &str| diff.iter().any(|line| line.kind == kind && is_word_in(text, &line.text));
    if !diff.iter().any(|line| line.kind == DiffKind::Removed) {
        return Vec::new();
    }
    let mut told: Vec<String> = Vec::new();
    for CapturedValue { name, text, line } in captured {
        let differs = text.len() >= TOLD
            && stands(DiffKind::Added, text)
            && !stands(DiffKind::Removed, text)
            && !stands(DiffKind::Context, text);
        let detail = format!("`{name}`, captured in line {line}, differs between runs: add it to `ids` or `redact`");
        if differs && !told.contains(&detail) {
            told.push(detail);
        }
    }
    told
}

/// Whether a text stands in a line with no letter or digit at its ends.
fn is_word_in(text: &str, line: &str) -> bool {
    line.match_indices(text).any(|(start, _)| {
        let before = line.get(..start).and_then(|before| before.chars().next_back());
        let after = line.get(start + text.len()..).and_then(|after| after.chars().next());
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

/// What changed most, and how much more there is.
fn headline(name: &str, old: &str, new: &str) -> String {
    let found = changes(Some(old), new);
    let causes: BTreeSet<&Fingerprint> = found.iter().map(|change| &change.fingerprint).collect();
    let Some(worst) = found.iter().min_by_key(|change| change.fingerprint.kind) else {
        return format!("the snapshot `{name}` differs");
    };
    let what = if worst.fingerprint.kind == ChangeKind::Shape { "changed its shape" } else { "differs" };
    let more = match causes.len() {
        0 | 1 => String::new(),
        causes => format!(" (and {})", crate::text::counted(causes - 1, "other change", "other changes")),
    };
    format!("the snapshot `{name}` {what}: {}{more}", worst.meaning)
}

fn compare_one(
    compared: &mut Compared,
    keep: &SnapshotOptions,
    path: &std::path::Path,
    taken: &TakenSnapshot,
    meta: &FrontMatter,
    held: bool,
) -> Result<(), Box<Failure>> {
    let failed = |headline: String| {
        let mut failure = Failure::new(FailureKind::Snapshot, headline);
        failure.place.clone_from(&taken.place);
        failure
    };
    let io = |error: store::StoreError| {
        let mut failure = failed(error.to_string());
        if let store::StoreError::Io { .. } = error {
            failure.kind = FailureKind::Environment;
        }
        failure
    };
    let outcome = store::compare(path, &taken.text).map_err(io)?;
    if let store::SnapshotComparison::Same = outcome {
        if let Some(pending) = keep.pending(path) {
            store::clear_pending(&pending).map_err(io)?;
        }
        return Ok(());
    }
    if keep.update && keep.writable && held {
        store::accept(path, &taken.text, meta).map_err(io)?;
        compared.updated += 1;
        return Ok(());
    }
    if let Some(pending) = keep.pending(path).filter(|_| held) {
        let old = if let store::SnapshotComparison::Differs { old, .. } = &outcome { Some(old.as_str()) } else { None };
        store::write_pending(&pending, &taken.text, meta, old).map_err(io)?;
    }
    let shown = crate::source::shown_path(path);
    let changed = |old: Option<String>| {
        let file = path.strip_prefix(&keep.folder).unwrap_or(path).to_path_buf();
        Some(SnapshotChange { name: taken.name.clone(), file, old, new: taken.text.clone() })
    };
    let mut failure = match outcome {
        store::SnapshotComparison::Missing { .. } => {
            let mut failure = failed(format!("the snapshot `{}` is not stored yet", taken.name));
            failure.details.push(format!("it belongs in {}", shown.display()));
            failure.diff = diff_lines("", &taken.text);
            failure.snapshot = changed(None);
            failure
        }
        store::SnapshotComparison::Differs { old, new } => {
            let lines = diff_lines(&old, &new);
            let mut failure = failed(headline(&taken.name, &old, &new));
            failure.details.push(format!("stored in {}", shown.display()));
            failure.diff = lines;
            if let Some(race) = &taken.raced {
                failure.details.push(format!(
                    "the race at line {} may end in another way each time: where its outcomes have names \
                     (`as: winner`), snapshots call everybody by them",
                    race.at.line
                ));
            }
            failure.snapshot = changed(Some(old));
            failure
        }
        store::SnapshotComparison::Same => return Ok(()),
    };
    if !held {
        let why = "nothing was written for it, since something else failed: that comes first";
        failure.details.push(why.to_owned());
    } else if keep.writable {
        failure.details.push("review it with `roundtable review`, or take all with `--update-snapshots`".to_owned());
    } else if let Some(root) = keep.elsewhere.as_ref().map(|root| crate::source::shown_path(root)) {
        failure.details.push(format!("review it elsewhere with `roundtable review --from {}`", root.display()));
    } else {
        failure.details.push("nothing is written where CI is set: accept it elsewhere and commit the file".to_owned());
    }
    Err(Box::new(failure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_captured_value_that_differs_between_runs_is_told() {
        let captured: Vec<CapturedValue> =
            [("token", "abcdefghijk", 4), ("price", "19.90", 5), ("n", "7", 6), ("same", "kept", 7)]
                .into_iter()
                .map(|(name, text, line)| CapturedValue { name: name.to_owned(), text: text.to_owned(), line })
                .collect();
        let stored = "ann:\n  state:\n    all: {n: 4, price: 19.90, token: zyxwvutsrqp, word: kept}\n";
        let new = "ann:\n  state:\n    all: {n: 7, price: 19.90, token: abcdefghijk, word: kept}\n";
        assert_eq!(
            captured_that_differ(&captured, &diff_lines(stored, new)),
            ["`token`, captured in line 4, differs between runs: add it to `ids` or `redact`"]
        );
        assert!(captured_that_differ(&captured, &diff_lines(stored, stored)).is_empty());
        // Where nothing stood before, nothing differs.
        assert!(captured_that_differ(&captured, &diff_lines("", new)).is_empty());
    }
}
