//! What is judged when the steps are over.

use super::Must;
use super::ends::is_expected;
use super::seen::{Place, Seen, SeenLink};
use super::steps::Walk;
use crate::case::{Action, Barrier, Kind};
use crate::log::{Event, Frame};

/// Ends that nobody expects, frames that fail, frames that nobody can read, frames that no step took where those count,
/// and a last barrier that breaks.
pub(super) fn judge(seen: &Seen<'_>, walk: &Walk<'_, '_>) -> Must {
    let Some((over, turn)) = seen.over() else { return Must::Either("the steps didn't come to an end".to_owned()) };
    let mut found: Vec<Must> = Vec::new();
    for link in seen.links.values() {
        let who = &link.link.who;
        // What came when the steps were over may have been too late.
        let mut tell = |certain: bool, why: String| {
            found.push(if certain { Must::Fail(why) } else { Must::Either(why) });
        };
        if let Some((end, _)) = link.end
            && !is_expected(seen, link)
        {
            tell(end < over, format!("the server ended a connection of {who}, and no step expects it"));
        }
        if let Some((place, _)) = link.frames.iter().find(|(place, frame)| walk.fails(*place, frame)) {
            tell(*place < over && seen.arrived(link, *place), format!("{who} got a frame that fails"));
        }
        if let Some((place, _)) = link.frames.iter().find(|(_, frame)| !frame.readable) {
            let certain = *place < over && seen.arrived(link, *place) && is_judged(seen, link, *place);
            tell(certain, format!("{who} got a frame that nobody can read"));
        }
        if seen.case.strict
            && let Some((place, frame)) = untaken(walk, link)
        {
            tell(place < over, format!("no step of {who} took {frame}"));
        }
        if last_barrier_breaks(seen, link, turn) {
            let protocol = &seen.case.protocol;
            // A marker that one doesn't get may be one that only another had to see.
            let judged = (protocol.invariants || protocol.fails || seen.case.strict)
                && !matches!(protocol.barrier, Barrier::Marker);
            tell(judged, format!("the last barrier of {who} was not answered"));
        }
    }
    let fails = found.iter().position(|must| matches!(must, Must::Fail(_))).unwrap_or(0);
    if found.is_empty() { Must::Pass } else { found.swap_remove(fails) }
}

/// A frame that no step took or counted, and that the runner is certain to have.
fn untaken<'l>(walk: &Walk<'_, '_>, link: &'l SeenLink) -> Option<(Place, &'l Frame)> {
    let seen = walk.seen;
    let dropped = seen.case.steps.iter().position(|step| step.link == link.link && step.action == Action::Drop);
    let certain = |place: Place| seen.arrived(link, place) && dropped != Some(seen.step_at(place));
    let mut frames = walk.untaken(link).into_iter();
    frames.find(|(place, _)| certain(*place) && !walk.counted.contains(place))
}

/// Whether what was asked when everything was over was not answered as the protocol declares.
fn last_barrier_breaks(seen: &Seen<'_>, link: &SeenLink, turn: Place) -> bool {
    let kept = |wanted: &dyn Fn(&Frame) -> bool| link.kept.iter().any(|(_, frame)| wanted(frame));
    let alive = link.is_open(turn) && seen.own_end(link, seen.begun()).is_none();
    match seen.case.protocol.barrier {
        Barrier::Echo => link.pings.iter().any(|(asked, n)| *asked > turn && !link.pongs.contains_key(n)),
        Barrier::Marker => {
            link.kept.iter().any(|(place, frame)| *place > turn && frame.kind == Kind::Said && seen.is_hidden(frame))
        }
        Barrier::Get if alive => {
            let asked = seen.log.iter().skip(turn).any(|entry| matches!(entry.event, Event::Position { .. }));
            let told = seen.log.iter().rev().find_map(|entry| match entry.event {
                Event::Position { n } => Some(n),
                _ => None,
            });
            let reached = link.frames.iter().filter(|(_, frame)| frame.readable).map(|(_, frame)| frame.n).max();
            kept(&|frame| frame.kind == Kind::Stored) || (asked && reached.unwrap_or(0) < told.unwrap_or(0))
        }
        Barrier::Get | Barrier::None => false,
    }
}

/// Whether something is judged from which an unreadable frame would be hidden.
fn is_judged(seen: &Seen<'_>, link: &SeenLink, place: Place) -> bool {
    let protocol = &seen.case.protocol;
    let counts =
        seen.case.steps.iter().take(seen.begun()).enumerate().skip(seen.step_at(place) + 1).any(|(_, step)| {
            step.link == link.link && matches!(step.action, Action::Nothing(_) | Action::Count { .. })
        });
    protocol.invariants || protocol.fails || seen.case.strict || counts
}
