//! What was decided, and carrying it out. A snapshot is accepted when every change in it is; one rejected change
//! keeps the stored snapshot as it is, because a text with only some of the changes is one that no run ever gave.

use std::collections::BTreeMap;

use super::gather::Review;
use super::group::ChangeGroup;
use crate::snapshot::store::{self, StoreError};
use crate::text::expression::of_escaped;

/// What the reviewer decided of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeDecision {
    /// It is right.
    Accept,
    /// It is wrong.
    Reject,
}

/// What the decisions mean for a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotDecision {
    /// The new text is stored.
    Accept,
    /// The stored text stays.
    Reject,
    /// Some of its changes are not decided.
    Open,
}

/// Decisions by snapshot and group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decisions {
    made: BTreeMap<(usize, usize), ChangeDecision>,
}

impl Decisions {
    /// What was decided of a group in a snapshot.
    pub fn of(&self, file: usize, group: usize) -> Option<ChangeDecision> {
        self.made.get(&(file, group)).copied()
    }

    /// Decides, or takes a decision back.
    pub fn set(&mut self, file: usize, group: usize, decision: Option<ChangeDecision>) {
        match decision {
            Some(decision) => drop(self.made.insert((file, group), decision)),
            None => drop(self.made.remove(&(file, group))),
        }
    }

    /// Decides a group in all its snapshots.
    pub fn set_all(&mut self, review: &Review, group: usize, decision: Option<ChangeDecision>) {
        for member in review.groups.get(group).iter().flat_map(|group| &group.members) {
            self.set(member.file, group, decision);
        }
    }

    /// Whether a group is decided in all its snapshots.
    pub fn decided(&self, review: &Review, group: usize) -> bool {
        let members = review.groups.get(group).map(|group| group.members.as_slice()).unwrap_or_default();
        members.iter().all(|member| self.of(member.file, group).is_some())
    }

    /// What becomes of a snapshot.
    pub fn verdict(&self, review: &Review, file: usize) -> SnapshotDecision {
        let of_file = review.groups.iter().enumerate();
        let of_file = of_file.filter(|(_, group)| group.members.iter().any(|member| member.file == file));
        let decisions: Vec<Option<ChangeDecision>> = of_file.map(|(group, _)| self.of(file, group)).collect();
        if decisions.contains(&Some(ChangeDecision::Reject)) {
            SnapshotDecision::Reject
        } else if decisions.contains(&None) || decisions.is_empty() {
            SnapshotDecision::Open
        } else {
            SnapshotDecision::Accept
        }
    }

    /// Decides everything that a pattern names: a group by its id or fingerprint (an outlier is accepted by these as a
    /// whole alone, so that no pattern takes it along with what it differs from), or a snapshot by its label or path, with `*`
    /// and `?` standing for anything, or as a part of the text where the pattern has neither. Gives what matched, in
    /// words; empty where nothing did.
    pub fn matching(&mut self, review: &Review, pattern: &str, decision: ChangeDecision) -> Vec<String> {
        let matches = matcher(pattern);
        let mut matched = Vec::new();
        for (place, group) in review.groups.iter().enumerate() {
            if names(group, pattern, &matches, decision) {
                matched.push(format!("{} {} ({})", group.id, group.meaning, group.count()));
                self.set_all(review, place, Some(decision));
            }
        }
        for (file, pending) in review.pending.iter().enumerate() {
            if matches(&pending.label) || matches(&pending.shown) {
                matched.push(pending.shown.clone());
                for (group, of_file) in review.groups.iter().enumerate() {
                    if of_file.members.iter().any(|member| member.file == file) {
                        self.set(file, group, Some(decision));
                    }
                }
            }
        }
        matched
    }
}

/// Whether a pattern names a group.
fn names(group: &ChangeGroup, pattern: &str, matches: &dyn Fn(&str) -> bool, decision: ChangeDecision) -> bool {
    let fingerprint = group.fingerprint.to_string();
    let exactly = group.id == pattern || fingerprint == pattern;
    exactly || (matches(&fingerprint) && (group.unlike == 0 || decision == ChangeDecision::Reject))
}

/// The outliers that a pattern would have named, and that are not accepted with it.
pub fn passed_over<'r>(review: &'r Review, pattern: &str) -> Vec<&'r ChangeGroup> {
    let matches = matcher(pattern);
    let all = review.groups.iter().filter(|group| group.unlike > 0);
    let over = |group: &&ChangeGroup| {
        matches(&group.fingerprint.to_string()) && !names(group, pattern, &matches, ChangeDecision::Accept)
    };
    all.filter(over).collect()
}

fn matcher(pattern: &str) -> impl Fn(&str) -> bool {
    let glob = pattern.contains(['*', '?']);
    let escaped = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
    let regex = of_escaped(&format!("^{escaped}$"));
    let part = pattern.to_lowercase();
    move |text| if glob { regex.is_match(text) } else { text.to_lowercase().contains(&part) }
}

/// What was done with the snapshots; indices refer to the pending ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CarriedOut {
    /// The new text is stored.
    pub accepted: Vec<usize>,
    /// The stored text stayed.
    pub rejected: Vec<usize>,
    /// The rejected snapshots in which another change was accepted.
    pub mixed: Vec<usize>,
    /// Unchanged: some change is not decided.
    pub open: Vec<usize>,
    /// Unchanged: the stored text is not the one that they were compared with.
    pub stale: Vec<usize>,
}

/// Stores what was accepted and removes the pending files of what was rejected; `keep` leaves pending files alone, as
/// those of a run elsewhere. What was compared with another stored text is taken only with `force`, and what changed
/// on the disk since it was read never.
///
/// # Errors
/// What the file system says; files before it are done.
pub fn carry_out(review: &Review, decisions: &Decisions, keep: bool, force: bool) -> Result<CarriedOut, StoreError> {
    let mut done = CarriedOut::default();
    for (file, pending) in review.pending.iter().enumerate() {
        match decisions.verdict(review, file) {
            SnapshotDecision::Open => done.open.push(file),
            SnapshotDecision::Accept => {
                let unchanged = store::read(&pending.stored).map_or(pending.old.is_none(), |now| now == pending.old);
                if !unchanged || (pending.stale && !force) {
                    done.stale.push(file);
                    continue;
                }
                store::accept(&pending.stored, &pending.new, &pending.front_matter)?;
                done.accepted.push(file);
            }
            SnapshotDecision::Reject => {
                if !keep {
                    store::clear_pending(&pending.file)?;
                }
                done.rejected.push(file);
                let accepted =
                    (0..review.groups.len()).any(|group| decisions.of(file, group) == Some(ChangeDecision::Accept));
                if accepted {
                    done.mixed.push(file);
                }
            }
        }
    }
    Ok(done)
}
