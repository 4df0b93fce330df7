//! Changes with the same fingerprint, reviewed as one.

use std::collections::{BTreeMap, BTreeSet};

use super::pending::PendingSnapshot;
use crate::snapshot::changes::{Change, ChangeKind, Fingerprint, census};
use crate::text::counted;

/// The changes of one fingerprint.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeGroup {
    /// What they have in common.
    pub fingerprint: Fingerprint,
    /// Its short name, for the command line.
    pub id: String,
    /// What they mean.
    pub meaning: String,
    /// The snapshots that have such changes, each with their places among its changes.
    pub members: Vec<GroupMember>,
    /// What they mean one by one, each with how many snapshots have it; the rarest first.
    pub variants: Vec<(String, usize)>,
    /// Of an outlier how many snapshots have the same change with the value that it lacks; zero for others.
    pub unlike: usize,
}

impl ChangeGroup {
    /// `the same change in 40 other snapshots is not like this one`; none where it is no outlier.
    pub fn outlier(&self) -> Option<String> {
        let count = counted(self.unlike, "other snapshot has", "other snapshots have");
        (self.unlike > 0).then(|| format!("an outlier: {count} this change with another value"))
    }
}

/// Groups that probably have one cause in different places: a field of one name changed its shape in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeFamily {
    /// The field: the last part of the groups' places, `participants[]`.
    pub field: String,
    /// From what to what: `object → string`.
    pub types: String,
    /// The places of its groups, two at least.
    pub groups: Vec<usize>,
}

impl ShapeFamily {
    /// `…participants[] (object → string)`.
    pub fn summary(&self) -> String {
        format!("…{} ({})", self.field, self.types)
    }

    /// What `--accept` and `--reject` take for all of them.
    pub fn pattern(&self) -> String {
        format!("shape *.{} ({}*", self.field, self.types)
    }
}

/// The families among groups, those of the most groups first.
pub(crate) fn families(groups: &[ChangeGroup]) -> Vec<ShapeFamily> {
    let mut found: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (place, group) in groups.iter().enumerate() {
        let Fingerprint { kind, place: path, types, .. } = &group.fingerprint;
        if let (ChangeKind::Shape, Some((_, field)), 0) = (kind, path.rsplit_once('.'), group.unlike) {
            found.entry((field, types)).or_default().push(place);
        }
    }
    found.retain(|_, groups| groups.len() > 1);
    let family = |((field, types), groups): ((&str, &str), Vec<usize>)| ShapeFamily {
        field: field.to_owned(),
        types: types.to_owned(),
        groups,
    };
    let mut families: Vec<ShapeFamily> = found.into_iter().map(family).collect();
    families.sort_by_key(|family| std::cmp::Reverse(family.groups.len()));
    families
}

/// A snapshot in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// Its place among the pending snapshots.
    pub file: usize,
    /// The places of its changes of this fingerprint.
    pub changes: Vec<usize>,
}

impl ChangeGroup {
    /// `80 changes in 40 snapshots`.
    pub fn count(&self) -> String {
        let changes = self.members.iter().map(|member| member.changes.len()).sum();
        let snapshots = counted(self.members.len(), "snapshot", "snapshots");
        format!("{} in {snapshots}", counted(changes, "change", "changes"))
    }
}

/// All changes by fingerprint: outliers first, then the groups in the fewest snapshots first, because they hide among the others.
pub(crate) fn groups(pending: &[PendingSnapshot]) -> Vec<ChangeGroup> {
    let mut found: BTreeMap<&Fingerprint, Vec<GroupMember>> = BTreeMap::new();
    for (file, one) in pending.iter().enumerate() {
        for (place, change) in one.changes.iter().enumerate() {
            let members = found.entry(&change.fingerprint).or_default();
            match members.last_mut().filter(|member| member.file == file) {
                Some(member) => member.changes.push(place),
                None => members.push(GroupMember { file, changes: vec![place] }),
            }
        }
    }
    let mut censuses: BTreeMap<usize, BTreeMap<String, usize>> = BTreeMap::new();
    let mut groups: Vec<ChangeGroup> = found
        .into_iter()
        .map(|(fingerprint, members)| {
            let all: Vec<&Change> = members
                .iter()
                .filter_map(|member| Some((member, pending.get(member.file)?)))
                .flat_map(|(member, one)| member.changes.iter().filter_map(|place| one.changes.get(*place)))
                .collect();
            let meaning = meaning(&all, || {
                let common = all.first()?.common.as_ref()?;
                let mut count = 0;
                for member in &members {
                    let of_file = censuses
                        .entry(member.file)
                        .or_insert_with(|| pending.get(member.file).map(|one| census(&one.new)).unwrap_or_default());
                    count += of_file.get(common).copied().unwrap_or_default();
                }
                Some(count)
            });
            let variants = variants(pending, &members);
            ChangeGroup {
                fingerprint: fingerprint.clone(),
                id: fingerprint.id(),
                meaning,
                members,
                variants,
                unlike: 0,
            }
        })
        .collect();
    let sizes: Vec<usize> = groups.iter().map(|group| unlike(pending, &groups, group)).collect();
    groups.iter_mut().zip(sizes).for_each(|(group, size)| group.unlike = size);
    groups.sort_by(|one, other| {
        let size = |group: &ChangeGroup| (group.unlike == 0, group.members.len(), group.fingerprint.kind);
        size(one).cmp(&size(other)).then_with(|| one.fingerprint.cmp(&other.fingerprint))
    });
    groups
}

/// How many other snapshots have the change of an outlier with the value that most have.
fn unlike(pending: &[PendingSnapshot], groups: &[ChangeGroup], group: &ChangeGroup) -> usize {
    let first = |group: &ChangeGroup| {
        let member = group.members.first()?;
        pending.get(member.file)?.changes.get(*member.changes.first()?)
    };
    if !first(group).is_some_and(|change| change.outlier) {
        return 0;
    }
    let same = |other: &&ChangeGroup| {
        let Fingerprint { kind, place, types, .. } = &other.fingerprint;
        let of_group = &group.fingerprint;
        (kind, place, types) == (&of_group.kind, &of_group.place, &of_group.types)
            && first(other).is_some_and(|change| !change.outlier)
    };
    let others = |other: &ChangeGroup| {
        let own = |member: &&GroupMember| group.members.iter().any(|one| one.file == member.file);
        other.members.iter().filter(|member| !own(member)).count()
    };
    groups.iter().filter(same).map(others).sum()
}

/// What one means, or what all of them mean.
fn meaning(all: &[&Change], objects: impl FnOnce() -> Option<usize>) -> String {
    let Some(first) = all.first() else { return String::new() };
    if all.iter().all(|change| change.meaning == first.meaning) {
        return first.meaning.clone();
    }
    match objects() {
        Some(count) if count == all.len() => format!("{}, in every one", first.family),
        _ => first.family.clone(),
    }
}

fn variants(pending: &[PendingSnapshot], members: &[GroupMember]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for member in members {
        for change in member.changes.iter().filter_map(|place| pending.get(member.file)?.changes.get(*place)) {
            counts.entry(&change.meaning).or_default().insert(member.file);
        }
    }
    let mut variants: Vec<(String, usize)> =
        counts.into_iter().map(|(meaning, files)| (meaning.to_owned(), files.len())).collect();
    variants.sort_by(|one, other| one.1.cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
    variants
}
