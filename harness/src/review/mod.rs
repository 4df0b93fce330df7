//! Reviewing snapshots: what changed in all pending ones, by meaning and by cause.
//!
//! [`gather`](Review::gather) reads the pending snapshots of the tree, or of what a run elsewhere left; `group` puts
//! changes of one fingerprint together, outliers first; `decide` keeps what was decided and carries it out;
//! `session` and `screen` are the terminal's state and its text, `html` is the page, `orphans` are snapshots of
//! nothing.

pub mod decide;
pub mod group;
pub mod html;
pub mod orphans;
pub mod screen;
pub mod session;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::snapshot::changes::{Change, changes, unreadable};
use crate::snapshot::store::{self, Against, MetaData, StoreError};

pub use group::{Family, Group};

/// All pending snapshots, and their changes by cause.
#[derive(Debug, Default)]
pub struct Review {
    /// The pending snapshots, by path.
    pub pending: Vec<Pending>,
    /// Their changes by fingerprint, the rarest first.
    pub groups: Vec<Group>,
    /// Groups that may well have one cause in different places.
    pub families: Vec<Family>,
    /// Pending snapshots that say what is stored already.
    pub settled: usize,
    /// Pending files that can't be read, and why.
    pub problems: Vec<String>,
}

/// A pending snapshot.
#[derive(Debug)]
pub struct Pending {
    /// The stored snapshot that it would replace.
    pub stored: PathBuf,
    /// That file below the folder of snapshots: `e2e/leave/after.snap`.
    pub shown: String,
    /// Its own file.
    pub file: PathBuf,
    /// The label of the scenario that made it; of an older file its folder.
    pub label: String,
    /// What stands in its front matter.
    pub meta: MetaData,
    /// The stored text, where there is a readable one.
    pub old: Option<String>,
    /// The new text.
    pub new: String,
    /// What changed.
    pub changes: Vec<Change>,
    /// Whether another text is stored than the one that it was compared with.
    pub stale: bool,
}

impl Review {
    /// Reads the pending snapshots below `from`, which is laid out as the folder of snapshots is: that folder itself,
    /// or what a run left elsewhere.
    ///
    /// # Errors
    /// A folder that can't be read. A file that can't be is among [`problems`](Self::problems).
    pub fn gather(snapshots: &Path, from: &Path) -> Result<Self, StoreError> {
        let mut review = Self::default();
        for file in store::files(from, ".snap.new")? {
            match one(snapshots, from, &file) {
                Ok(Some(pending)) => review.pending.push(pending),
                Ok(None) => review.settled += 1,
                Err(error) => review.problems.push(error.to_string()),
            }
        }
        review.groups = group::groups(&review.pending);
        review.families = group::families(&review.groups);
        Ok(review)
    }
}

fn one(snapshots: &Path, from: &Path, file: &Path) -> Result<Option<Pending>, StoreError> {
    let Some(read) = store::read_pending(file)? else { return Ok(None) };
    let below = file.strip_prefix(from).unwrap_or(file).with_extension("");
    let stored = snapshots.join(&below);
    let (old, changes) = match store::read(&stored) {
        Ok(old) => {
            let changes = changes(old.as_deref(), &read.text);
            (old, changes)
        }
        Err(error) => (None, vec![unreadable(&error.to_string(), &read.text)]),
    };
    if changes.is_empty() {
        return Ok(None);
    }
    let stale = read.against.is_some_and(|against| against != Against::of(old.as_deref()));
    let parts: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let shown = parts.join("/");
    let folder = shown.rsplit_once('/').map_or(shown.as_str(), |(folder, _)| folder);
    let label = read.meta.scenario.clone().unwrap_or_else(|| folder.to_owned());
    Ok(Some(Pending {
        stored,
        file: file.to_owned(),
        label,
        meta: read.meta,
        old,
        new: read.text,
        changes,
        stale,
        shown,
    }))
}
