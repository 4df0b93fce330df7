//! Members of an object: those that came, went, or have another name.

use super::aspects::aspects_of;
use super::place::{PlaceStep, SnapshotPlace};
use super::value::{Around, ChangeFinder, shown, word};
use crate::snapshot::changes::change::{ChangeKind, RenamedField};
use crate::snapshot::tree::SnapshotNode;

type Member = (String, SnapshotNode);

impl ChangeFinder {
    /// Two objects at one place.
    pub(super) fn members(&mut self, place: &SnapshotPlace, old: &[Member], new: &[Member]) {
        let lacks = |side: &[Member], key: &str| !side.iter().any(|(other, _)| other == key);
        let mut gone: Vec<&Member> = old.iter().filter(|(key, _)| lacks(new, key)).collect();
        let added: Vec<&Member> = new.iter().filter(|(key, _)| lacks(old, key)).collect();
        for (key, value) in new {
            let there = place.with(PlaceStep::Key(key.clone()));
            if let Some((_, before)) = old.iter().find(|(other, _)| other == key) {
                self.value(&there, before, value, &|| Around::member(old, key, Some(value)));
                continue;
            }
            if let Some(at) = self.former(place, key, value, &gone, &added) {
                let former = gone.remove(at);
                self.renamed(&there, place, former, (key, value), old);
            } else {
                self.field(ChangeKind::FieldNew, &there, place, value, Around::member(old, key, Some(value)));
                let others: Vec<Member> = new.iter().filter(|(other, _)| other != key).cloned().collect();
                self.say(aspects_of(value, None, &others, there.who.as_deref()));
            }
        }
        for (key, value) in gone {
            let there = place.with(PlaceStep::Key(key.clone()));
            self.field(ChangeKind::FieldGone, &there, place, value, Around::member(old, key, None));
        }
    }

    /// Which of the members that are gone a new one is under another name: one that is known to have got this name,
    /// else the only one with the same value.
    fn former(
        &self,
        place: &SnapshotPlace,
        key: &str,
        value: &SnapshotNode,
        gone: &[&Member],
        added: &[&Member],
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

    fn renamed(
        &mut self,
        there: &SnapshotPlace,
        object: &SnapshotPlace,
        (name, before): &Member,
        (key, value): (&str, &SnapshotNode),
        old: &[Member],
    ) {
        // Objects are compared inside; another value of anything else is told with the name.
        let inside = matches!((before, value), (SnapshotNode::Map(_), SnapshotNode::Map(_)));
        let same = inside || before == value;
        let rest: Vec<Member> = old.iter().filter(|(other, _)| other != name).cloned().collect();
        let mut around = Around::member(&rest, key, Some(if inside { before } else { value }));
        around.before = Some(SnapshotNode::Map(old.to_vec()));
        let mut meaning = format!("{} was called {name}{}", there.words(true), there.whom());
        let types = format!("{name} → {key}");
        let mut family = format!("{} was called {name}", there.family());
        if !same {
            meaning.push_str(&format!(", and changed from {} to {}", shown(before), shown(value)));
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
                (false, false) => format!("{}, another value", shown(value)),
            };
        }
        if inside {
            self.value(there, before, value, &|| Around::of(before.clone(), value.clone()));
        }
    }

    fn field(
        &mut self,
        kind: ChangeKind,
        there: &SnapshotPlace,
        object: &SnapshotPlace,
        value: &SnapshotNode,
        around: Around,
    ) {
        let happened = if kind == ChangeKind::FieldNew { "is a new field" } else { "is gone" };
        let meaning = match kind {
            ChangeKind::FieldNew => format!("{} {happened}{}: {}", there.words(true), there.whom(), shown(value)),
            _ => format!("{} {happened}{}, it was {}", there.words(true), there.whom(), shown(value)),
        };
        let family = format!("{} {happened}", there.family());
        self.push(kind, there, word(value), meaning, family, around);
        if let Some(change) = self.found.last_mut() {
            change.common = Some(object.general());
        }
    }
}
