//! Members of an object: those that came, went, or have another name.

use super::finder::{Around, ChangeFinder, excerpt, word};
use super::place::SnapshotPlace;
use crate::snapshot::changes::change::{ChangeKind, RenamedField};
use crate::snapshot::tree::SnapshotNode;

/// A member of an object.
pub(super) type ObjectMember = (String, SnapshotNode);

impl ChangeFinder {
    /// Which of the members that are gone a new one is under another name: one that is known to have got this name,
    /// else the only one with the same value.
    pub(super) fn former(
        &self,
        place: &SnapshotPlace,
        key: &str,
        value: &SnapshotNode,
        gone: &[&ObjectMember],
        added: &[&ObjectMember],
    ) -> Option<usize> {
        let object = place.general();
        let of_object = || self.renamed.iter().filter(|known| known.object == object);
        if let Some(known) = of_object().find(|known| known.to == key) {
            return gone.iter().position(|(former, _)| *former == known.from);
        }
        let taken = |former: &str| of_object().any(|known| known.from == former);
        let mut same = (0..gone.len()).filter(|at| gone[*at].1 == *value && !taken(&gone[*at].0));
        let (only, None) = (same.next()?, same.next()) else { return None };
        (added.iter().filter(|(_, other)| other == value).count() == 1).then_some(only)
    }

    /// A member that has another name. Gives whether its value is compared inside.
    pub(super) fn rename(
        &mut self,
        there: &SnapshotPlace,
        object: &SnapshotPlace,
        (name, before): &ObjectMember,
        (key, value): (&str, &SnapshotNode),
        old: &[ObjectMember],
    ) -> bool {
        // Objects are compared inside; another value of anything else is told with the name.
        let inside = matches!((before, value), (SnapshotNode::Map(_), SnapshotNode::Map(_)));
        let same = inside || before == value;
        let rest: Vec<ObjectMember> = old.iter().filter(|(other, _)| other != name).cloned().collect();
        let mut around = Around::member(&rest, key, Some(if inside { before } else { value }));
        around.before = Some(SnapshotNode::Map(old.to_vec()));
        let mut meaning = format!("{} was called {name}{}", there.words(true), there.whom());
        let types = format!("{name} → {key}");
        let mut family = format!("{} was called {name}", there.family());
        if !same {
            meaning.push_str(&format!(", and changed from {} to {}", excerpt(before), excerpt(value)));
            family.push_str(", and changed");
        }
        self.push(ChangeKind::Renamed, there, &types, meaning, family, around);
        if let Some(change) = self.found.last_mut() {
            change.common = Some(object.general());
            let field = RenamedField { object: object.general(), from: name.clone(), to: key.to_owned() };
            change.renamed = Some((field, same));
            // Only what kept its value elsewhere is known to have another name.
            change.outlier = !same;
            change.fingerprint.value = match (inside, same) {
                (true, _) => String::new(),
                (false, true) => "the same value".to_owned(),
                (false, false) => format!("{}, another value", excerpt(value)),
            };
        }
        inside
    }

    /// A member that came or went.
    pub(super) fn field(
        &mut self,
        kind: ChangeKind,
        there: &SnapshotPlace,
        object: &SnapshotPlace,
        value: &SnapshotNode,
        around: Around,
    ) {
        let happened = if kind == ChangeKind::FieldNew { "is a new field" } else { "is gone" };
        let meaning = match kind {
            ChangeKind::FieldNew => format!("{} {happened}{}: {}", there.words(true), there.whom(), excerpt(value)),
            _ => format!("{} {happened}{}, it was {}", there.words(true), there.whom(), excerpt(value)),
        };
        let family = format!("{} {happened}", there.family());
        self.push(kind, there, word(value), meaning, family, around);
        if let Some(change) = self.found.last_mut() {
            change.common = Some(object.general());
        }
    }
}
