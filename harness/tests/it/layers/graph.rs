//! Arrows between files, or between the parts of folders, and the circles that they make.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::ties::Tie;

/// From each part to those that it uses, with the ties.
pub(super) type Arrows<'a> = BTreeMap<String, BTreeMap<String, Vec<&'a Tie>>>;

/// The arrows between the parts that files belong to; a file that is of no part is left out.
pub(super) fn arrows<'a>(ties: impl IntoIterator<Item = &'a Tie>, part: impl Fn(&str) -> Option<String>) -> Arrows<'a> {
    let mut arrows = Arrows::new();
    for tie in ties {
        if let (Some(from), Some(to)) = (part(&tie.from), part(&tie.to))
            && from != to
        {
            arrows.entry(from).or_default().entry(to).or_default().push(tie);
        }
    }
    arrows
}

/// The largest sets within which every part leads to every other.
pub(super) fn circles(arrows: &Arrows<'_>) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = arrows.keys().map(|part| (part, reach(arrows, part))).collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (part, others) in &reached {
        if others.contains(part) && !circles.iter().any(|circle| circle.contains(*part)) {
            let back = |other: &&&String| reached.get(**other).is_some_and(|reached| reached.contains(part));
            circles.push(others.iter().filter(back).map(|&other| other.clone()).collect());
        }
    }
    circles
}

fn reach<'a>(arrows: &'a Arrows<'_>, from: &'a String) -> BTreeSet<&'a String> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(part) = next.pop() {
        next.extend(arrows.get(part).into_iter().flat_map(BTreeMap::keys).filter(|to| reached.insert(*to)));
    }
    reached
}

/// A circle with its arrows, those that few lines tie first.
pub(super) fn told(arrows: &Arrows<'_>, circle: &BTreeSet<String>) -> String {
    let mut within = Vec::new();
    for from in circle {
        within.extend(arrows[from].iter().filter(|(to, _)| circle.contains(*to)).map(|(to, ties)| (from, to, ties)));
    }
    within.sort_by_key(|(.., ties)| ties.len());
    let mut text = format!("circle of {}: {}", circle.len(), circle.iter().cloned().collect::<Vec<_>>().join(", "));
    for (from, to, ties) in within {
        let _ = write!(text, "\n  {from} -> {to}: {}", ties.len());
        for tie in ties {
            let _ = write!(text, "\n    {tie}");
        }
    }
    text
}
