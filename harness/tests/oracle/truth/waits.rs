//! Steps that wait for frames and take them.

use super::Must;
use super::seen::{InTime, Place, SeenLink};
use super::steps::{Walk, matches};
use crate::case::Pattern;

/// The earliest frame that matches is taken, whenever it comes.
pub(super) fn receive(walk: &mut Walk<'_, '_>, step: usize, link: &SeenLink, pattern: &Pattern) -> Must {
    let found = walk.untaken(link).into_iter().find(|(_, frame)| matches(pattern, frame)).map(|(place, _)| place);
    taken(walk, step, link, found.map(|place| vec![place]))
}

/// The very next frame that no step took must match.
pub(super) fn next(walk: &mut Walk<'_, '_>, step: usize, link: &SeenLink, pattern: &Pattern) -> Must {
    if link.own_ping.is_some_and(|ping| ping < walk.seen.window(step).end) {
        return Must::Either("the answer to a ping of its own may be the next".to_owned());
    }
    match walk.untaken(link).first() {
        Some((_, frame)) if !matches(pattern, frame) => Must::Fail(format!("the next frame is {frame}")),
        first => {
            let first = first.map(|(place, _)| vec![*place]);
            taken(walk, step, link, first)
        }
    }
}

/// A frame for each pattern, one behind the other.
pub(super) fn in_order(walk: &mut Walk<'_, '_>, step: usize, link: &SeenLink, patterns: &[Pattern]) -> Must {
    let mut frames = walk.untaken(link).into_iter();
    let found: Option<Vec<Place>> = patterns
        .iter()
        .map(|pattern| frames.find(|(_, frame)| matches(pattern, frame)).map(|(place, _)| place))
        .collect();
    taken(walk, step, link, found)
}

/// A frame for each pattern, in any order. No two patterns of a case match the same frame.
pub(super) fn all(walk: &mut Walk<'_, '_>, step: usize, link: &SeenLink, patterns: &[Pattern]) -> Must {
    let frames = walk.untaken(link);
    let found: Option<Vec<Place>> = patterns
        .iter()
        .map(|pattern| frames.iter().find(|(_, frame)| matches(pattern, frame)).map(|(place, _)| *place))
        .collect();
    taken(walk, step, link, found)
}

fn taken(walk: &mut Walk<'_, '_>, step: usize, link: &SeenLink, found: Option<Vec<Place>>) -> Must {
    let Some(places) = found else { return Must::Fail("it was never written".to_owned()) };
    let last = places.iter().copied().max().unwrap_or_default();
    if last > walk.seen.window(step).end {
        return Must::Fail("it was written only after the step was over".to_owned());
    }
    let certain = places.iter().all(|place| walk.seen.arrived(link, *place));
    walk.taken.extend(places);
    match walk.seen.in_time(step, last) {
        _ if !certain => Must::Either("a reset may have destroyed what was written before it".to_owned()),
        InTime::Yes => Must::Pass,
        InTime::Unsure => Must::Either("it was written near the deadline".to_owned()),
    }
}
