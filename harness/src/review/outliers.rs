//! Puts into fingerprints what holds of most new values, so that one of which it doesn't hold is a group of its own.

use std::collections::BTreeMap;

use super::pending::PendingSnapshot;
use crate::snapshot::changes::{Aspect, Change, Fingerprint};
use crate::text::shorten;

/// Changes of one fingerprint, at least: of two nobody knows which is the outlier.
const FEWEST: usize = 3;
/// Letters of an outlier's value.
const VALUE: usize = 40;

/// Gives the changes of one fingerprint the value that they have in common, and those that lack it one of their own.
pub(super) fn tell_outliers(pending: &mut [PendingSnapshot]) {
    let mut alike: BTreeMap<Fingerprint, Vec<(usize, usize)>> = BTreeMap::new();
    for (file, one) in pending.iter().enumerate() {
        for (place, change) in one.changes.iter().enumerate().filter(|(_, change)| !change.aspects.is_empty()) {
            alike.entry(change.fingerprint.clone()).or_default().push((file, place));
        }
    }
    for places in alike.into_values().filter(|places| places.len() >= FEWEST) {
        let of = |&(file, place): &(usize, usize)| pending.get(file)?.changes.get(place);
        let changes: Vec<&Change> = places.iter().filter_map(of).collect();
        let common = common_aspects(&changes);
        let told: Vec<(String, bool)> = changes.iter().map(|change| told(change, &common)).collect();
        for ((file, place), (value, outlier)) in places.into_iter().zip(told) {
            if let Some(change) = pending.get_mut(file).and_then(|one| one.changes.get_mut(place)) {
                change.fingerprint.value = value;
                change.outlier = outlier;
            }
        }
    }
}

/// What holds of at least two thirds of the changes, by the way to the scalar of which it holds: of each scalar what
/// holds most often, and of what holds as often what says more.
fn common_aspects<'c>(changes: &[&'c Change]) -> BTreeMap<&'c str, &'c Aspect> {
    let mut counts: BTreeMap<&str, BTreeMap<&Aspect, usize>> = BTreeMap::new();
    for change in changes {
        for (way, aspects) in &change.aspects {
            for aspect in aspects {
                *counts.entry(way).or_default().entry(aspect).or_default() += 1;
            }
        }
    }
    let best = |aspects: BTreeMap<&'c Aspect, usize>| {
        let (aspect, count) = aspects.into_iter().rev().max_by_key(|(_, count)| *count)?;
        (count * 3 >= changes.len() * 2).then_some(aspect)
    };
    counts.into_iter().filter_map(|(way, aspects)| Some((way, best(aspects)?))).collect()
}

/// What stands in a change's fingerprint, and whether it lacks what most have.
fn told(change: &Change, common: &BTreeMap<&str, &Aspect>) -> (String, bool) {
    let at = |way: &str, text: String| if way.is_empty() { text } else { format!("{way}: {text}") };
    let lacks =
        |(way, aspect): &(&&str, &&Aspect)| !change.aspects.get(**way).is_some_and(|of_way| of_way.contains(**aspect));
    let lacking: Vec<String> = common
        .iter()
        .filter(lacks)
        .map(|(way, aspect)| {
            let exact = change.aspects.get(*way).and_then(|of_way| {
                of_way.iter().find_map(|aspect| if let Aspect::Exact(value) = aspect { Some(value) } else { None })
            });
            let value = exact.map_or_else(|| "nothing".to_owned(), |value| shorten(value, VALUE));
            at(way, format!("{value}, not {}", words(aspect)))
        })
        .collect();
    if lacking.is_empty() {
        let all: Vec<String> = common.iter().map(|(way, aspect)| at(way, words(aspect))).collect();
        return (all.join(", "), false);
    }
    (lacking.join(", "), true)
}

fn words(aspect: &Aspect) -> String {
    match aspect {
        Aspect::Related(how) => how.clone(),
        Aspect::Exact(value) => shorten(value, VALUE),
    }
}
