//! All pending snapshots.

use std::path::Path;

use super::group::{ChangeGroup, ShapeFamily, families, groups};
use super::outliers::tell_outliers;
use super::pending::{PendingSnapshot, know_renamed_fields, read_pending};
use crate::snapshot::store::{self, StoreError};

/// All pending snapshots, and their changes by cause.
#[derive(Debug, Default)]
pub struct Review {
    /// The pending snapshots, by path.
    pub pending: Vec<PendingSnapshot>,
    /// Their changes by fingerprint, the rarest first.
    pub groups: Vec<ChangeGroup>,
    /// Groups that probably have one cause in different places.
    pub families: Vec<ShapeFamily>,
    /// How many pending snapshots have the text that is stored already.
    pub settled: usize,
    /// Pending files that can't be read, and why.
    pub problems: Vec<String>,
}

impl Review {
    /// Reads the pending snapshots below `from`, which is laid out as the folder of snapshots is: that folder itself,
    /// or what a run left elsewhere.
    ///
    /// # Errors
    /// A folder that can't be read. A file that can't be is among [`problems`](Self::problems).
    pub fn gather(snapshots: &Path, from: &Path) -> Result<Self, StoreError> {
        let mut review = Self::default();
        for file in store::find_files(from, ".snap.new")? {
            match read_pending(snapshots, from, &file) {
                Ok(Some(pending)) => review.pending.push(pending),
                Ok(None) => review.settled += 1,
                Err(error) => review.problems.push(error.to_string()),
            }
        }
        know_renamed_fields(&mut review.pending);
        tell_outliers(&mut review.pending);
        review.groups = groups(&review.pending);
        review.families = families(&review.groups);
        Ok(review)
    }
}
