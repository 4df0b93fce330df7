//! The participants' blocks: states, streams and other frames by kind.

use std::collections::BTreeSet;

use super::finder::{Around, ChangeFinder, excerpt};
use super::place::{PlacePart, PlaceStep, SnapshotPlace, section};
use super::stream::is_stream;
use crate::snapshot::changes::change::{Change, ChangeKind, Fingerprint, RenamedField};
use crate::snapshot::shape::aligned;
use crate::snapshot::tree::SnapshotNode;
use crate::text::counted;

pub(super) const STATE: &str = "state";
const FRAMES: &str = "frames";

/// All changes from one tree to the other.
pub(crate) fn changes_between(old: &SnapshotNode, new: &SnapshotNode, renamed: &BTreeSet<RenamedField>) -> Vec<Change> {
    let people = [old, new].into_iter().flat_map(keys).map(str::to_owned).collect();
    let mut changes = ChangeFinder { people, found: Vec::new(), renamed: renamed.clone() };
    let whole = SnapshotPlace::new(None, PlacePart::Other);
    match (old, new) {
        (SnapshotNode::Map(olds), SnapshotNode::Map(news)) => {
            for (who, block) in news {
                match olds.iter().find(|(other, _)| other == who) {
                    Some((_, before)) => changes.block(who, before, block),
                    None => changes.participant(ChangeKind::ParticipantNew, who, block),
                }
            }
            for (who, block) in olds.iter().filter(|(who, _)| !news.iter().any(|(other, _)| other == who)) {
                changes.participant(ChangeKind::ParticipantGone, who, block);
            }
        }
        _ => changes.value(&whole, old, new, &|| Around::of(old.clone(), new.clone())),
    }
    changes.found
}

fn keys(node: &SnapshotNode) -> impl Iterator<Item = &str> {
    let entries = if let SnapshotNode::Map(entries) = node { entries.as_slice() } else { &[] };
    entries.iter().map(|(key, _)| key.as_str())
}

pub(super) fn entries(node: &SnapshotNode) -> Option<&[(String, SnapshotNode)]> {
    if let SnapshotNode::Map(entries) = node { Some(entries) } else { None }
}

pub(super) fn items(node: &SnapshotNode) -> Option<&[SnapshotNode]> {
    if let SnapshotNode::List(items) = node { Some(items) } else { None }
}

/// Whether a part of a block holds frames by kind.
pub(super) fn holds_kinds(heading: &str, node: &SnapshotNode) -> bool {
    section(heading) == FRAMES && entries(node).is_some_and(|kinds| kinds.iter().all(|(_, list)| items(list).is_some()))
}

impl ChangeFinder {
    fn participant(&mut self, kind: ChangeKind, who: &str, block: &SnapshotNode) {
        let (meaning, family, around) = match kind {
            ChangeKind::ParticipantGone => (
                format!("{who} is no longer in the snapshot"),
                "participants are no longer in the snapshot",
                Around { before: Some(block.clone()), after: None },
            ),
            _ => (
                format!("{who} is new in the snapshot"),
                "participants are new in the snapshot",
                Around { before: None, after: Some(block.clone()) },
            ),
        };
        let fingerprint =
            Fingerprint { kind, place: "participants".to_owned(), types: "block".to_owned(), value: String::new() };
        let around = (around.before, around.after);
        self.found.push(Change::new(fingerprint, who.to_owned(), meaning, family.to_owned(), around));
    }

    fn block(&mut self, who: &str, old: &SnapshotNode, new: &SnapshotNode) {
        let (Some(olds), Some(news)) = (entries(old), entries(new)) else {
            let place = SnapshotPlace::new(Some(who), PlacePart::Other);
            self.value(&place, old, new, &|| Around::of(old.clone(), new.clone()));
            return;
        };
        for (heading, part) in news {
            match olds.iter().find(|(other, _)| other == heading) {
                Some((_, before)) => self.part(who, heading, before, part),
                None => self.part(who, heading, &empty(part), part),
            }
        }
        for (heading, part) in olds.iter().filter(|(heading, _)| !news.iter().any(|(other, _)| other == heading)) {
            self.part(who, heading, part, &empty(part));
        }
    }

    fn part(&mut self, who: &str, heading: &str, old: &SnapshotNode, new: &SnapshotNode) {
        let before = self.found.len();
        match (old, new) {
            (SnapshotNode::Map(olds), SnapshotNode::Map(news)) if heading == STATE => self.states(who, olds, news),
            (SnapshotNode::Map(olds), SnapshotNode::Map(news))
                if holds_kinds(heading, old) && holds_kinds(heading, new) =>
            {
                self.kinds(who, heading, olds, news);
            }
            (SnapshotNode::List(olds), SnapshotNode::List(news)) if is_stream(olds) && is_stream(news) => {
                if olds.len() > 1 && news.is_empty() {
                    self.whole_stream(who, heading, old, olds.len());
                } else {
                    self.stream(who, heading, olds, news);
                }
            }
            _ => {}
        }
        if self.found.len() == before && old != new {
            let place = SnapshotPlace::new(Some(who), PlacePart::Other).with(PlaceStep::Key(heading.to_owned()));
            self.value(&place, old, new, &|| Around::of(old.clone(), new.clone()));
        }
    }

    fn whole_stream(&mut self, who: &str, heading: &str, old: &SnapshotNode, count: usize) {
        let place = SnapshotPlace::new(Some(who), PlacePart::Other).with(PlaceStep::Key(heading.to_owned()));
        let meaning =
            format!("all {} of {heading} are missing in {who}'s inbox", counted(count, "delivery", "deliveries"));
        let family = format!("all deliveries of {} are missing", section(heading));
        let around = Around { before: Some(old.clone()), after: None };
        self.push(ChangeKind::Missing, &place, "stream", meaning, family, around);
    }

    fn states(&mut self, who: &str, olds: &[(String, SnapshotNode)], news: &[(String, SnapshotNode)]) {
        for (name, answer) in news {
            let place = SnapshotPlace::new(Some(who), PlacePart::State(name.clone()));
            let Some((_, before)) = olds.iter().find(|(other, _)| other == name) else {
                let meaning = format!("the state {name} is new{}", place.whom());
                let around = Around { before: None, after: Some(answer.clone()) };
                self.push(ChangeKind::FieldNew, &place, "state", meaning, format!("the state {name} is new"), around);
                continue;
            };
            let around = || Around::of(before.clone(), answer.clone());
            match (refused(before), refused(answer)) {
                (None, Some(status)) => {
                    let meaning = format!("{name} is answered with status {status}{}", place.whom());
                    let family = format!("{name} is answered with status {status}");
                    self.push(ChangeKind::Answer, &place, &format!("good → {status}"), meaning, family, around());
                }
                (Some(status), None) => {
                    let meaning = format!("{name} is answered{}, it was refused with status {status}", place.whom());
                    let family = format!("{name} is answered, it was refused with status {status}");
                    self.push(ChangeKind::Answer, &place, &format!("{status} → good"), meaning, family, around());
                }
                _ => self.value(&place, before, answer, &around),
            }
        }
        for (name, answer) in olds.iter().filter(|(name, _)| !news.iter().any(|(other, _)| other == name)) {
            let place = SnapshotPlace::new(Some(who), PlacePart::State(name.clone()));
            let meaning = format!("the state {name} is gone{}", place.whom());
            let around = Around { before: Some(answer.clone()), after: None };
            self.push(ChangeKind::FieldGone, &place, "state", meaning, format!("the state {name} is gone"), around);
        }
    }

    fn kinds(&mut self, who: &str, heading: &str, olds: &[(String, SnapshotNode)], news: &[(String, SnapshotNode)]) {
        let all: BTreeSet<&String> = olds.iter().chain(news).map(|(kind, _)| kind).collect();
        for kind in all {
            let list = |side: &[(String, SnapshotNode)]| -> Vec<SnapshotNode> {
                let found = side.iter().find(|(other, _)| other == kind);
                found.and_then(|(_, list)| items(list)).map(<[SnapshotNode]>::to_vec).unwrap_or_default()
            };
            self.frames(who, heading, kind, &list(olds), &list(news));
        }
    }

    fn frames(&mut self, who: &str, heading: &str, kind: &str, old: &[SnapshotNode], new: &[SnapshotNode]) {
        if old == new {
            return;
        }
        let place = |number| {
            SnapshotPlace::new(
                Some(who),
                PlacePart::Frame { section: heading.to_owned(), kind: kind.to_owned(), number },
            )
        };
        let (pairs, mut gone, mut added) = aligned(old, new);
        for (before, after) in pairs {
            if let (Some(one), Some(other)) = (old.get(before), new.get(after)) {
                let there = place((new.len() > 1).then_some(after + 1));
                self.value(&there, one, other, &|| Around::of(one.clone(), other.clone()));
            }
        }
        let all = place(None);
        let around = || Around::of(SnapshotNode::List(old.to_vec()), SnapshotNode::List(new.to_vec()));
        let twins = gone.iter().filter(|before| added.iter().any(|after| old.get(**before) == new.get(*after))).count();
        if twins > 0 {
            let meaning = format!("{kind} frames came in another order{}", all.whom());
            self.push(
                ChangeKind::Moved,
                &all,
                "order",
                meaning,
                format!("{kind} frames came in another order"),
                around(),
            );
            gone.retain(|before| {
                let to = added.iter().position(|after| old.get(*before) == new.get(*after));
                to.map(|to| added.remove(to)).is_none()
            });
        }
        let on = section_connection(heading);
        if !gone.is_empty() {
            let meaning = if new.is_empty() {
                format!(
                    "{kind} is missing in {who}'s inbox{on}{}",
                    if old.len() > 1 { format!(", it came {}", times(old.len())) } else { String::new() }
                )
            } else if new.len() < old.len() {
                format!("{who} got {kind} {} instead of {}{on}", times(new.len()), times(old.len()))
            } else {
                format!(
                    "{} {kind} of {} {} missing in {who}'s inbox{on}",
                    gone.len(),
                    old.len(),
                    if gone.len() == 1 { "is" } else { "are" }
                )
            };
            self.push(ChangeKind::Missing, &all, "frame", meaning, format!("{kind} frames are missing"), around());
        }
        if !added.is_empty() {
            let again =
                !old.is_empty() && added.iter().all(|after| new.get(*after).is_some_and(|frame| old.contains(frame)));
            let (happened, types) = if again { (ChangeKind::Twice, "frame") } else { (ChangeKind::Added, "frame") };
            let meaning = match (old.len(), new.len()) {
                (0, 1) => format!("{kind} is new in {who}'s inbox{on}"),
                (0, count) => format!("{kind} is new in {who}'s inbox{on}, it came {}", times(count)),
                (1, 2) if again => format!("{who} got {kind} twice{on}"),
                (before, count) => format!("{who} got {kind} {} instead of {}{on}", times(count), times(before)),
            };
            let family =
                if again { format!("{kind} frames came more than once") } else { format!("{kind} frames are new") };
            self.push(happened, &all, types, meaning, family, around());
        }
    }
}

fn section_connection(heading: &str) -> String {
    let name = heading.split_once(" (").map(|(_, name)| name.trim_end_matches(')'));
    name.map(|name| format!(" on {name}")).unwrap_or_default()
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

/// Nothing, of the same shape.
fn empty(like: &SnapshotNode) -> SnapshotNode {
    match like {
        SnapshotNode::List(_) => SnapshotNode::List(Vec::new()),
        SnapshotNode::Map(_) => SnapshotNode::Map(Vec::new()),
        _ => SnapshotNode::Null,
    }
}

/// The status of an answer that was no good one: the snapshot shows it as `{answer, status}`.
fn refused(node: &SnapshotNode) -> Option<String> {
    let entries = entries(node)?;
    let status = entries
        .iter()
        .find(|(key, _)| key == "status")
        .filter(|(_, status)| matches!(status, SnapshotNode::Number(_)))?;
    (entries.len() == 2 && entries.iter().any(|(key, _)| key == "answer")).then(|| excerpt(&status.1))
}
