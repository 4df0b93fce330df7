//! Comparing the snapshots that a scenario took with the stored ones.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::event::{Failure, FailureKind, SnapshotChange};
use crate::plan::{self, SnapshotOptions};
use crate::run::state::lock::lock;
use crate::run::state::world::{TakenSnapshot, World};
use crate::snapshot::changes::{ChangeKind, Fingerprint, changes};
use crate::snapshot::diff_lines;
use crate::snapshot::store::{self, FrontMatter};

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
        if let Err(failure) = compare_one(&mut compared, keep, &path, taken, &meta, held) {
            compared.failures.push(*failure);
        }
    }
    compared
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
