//! Steps that claim what did not come, and what proves them: the honest answer of a barrier, or an end that a step
//! awaited.

use std::time::Duration;

use super::Must;
use super::proof::{Proof, gone, proof};
use super::seen::{Place, SeenLink};
use super::steps::{Mark, Walk, matches};
use crate::case::Absence;
use crate::log::Frame;

/// No untaken frame may match.
pub(super) fn nothing(walk: &mut Walk<'_, '_>, step: usize, link: &SeenLink, absence: &Absence) -> Must {
    let frames = walk.untaken(link);
    claim(walk, step, link, absence, &frames, |count| count == 0)
}

/// So many frames must match, taken or not.
pub(super) fn count(walk: &mut Walk<'_, '_>, step: usize, link: &SeenLink, absence: &Absence, times: usize) -> Must {
    let frames: Vec<(Place, &Frame)> = walk.inbox(link).collect();
    let must = claim(walk, step, link, absence, &frames, |count| count == times);
    let until = walk.seen.window(step).end;
    let counted = frames.iter().filter(|(place, frame)| *place < until && matches(&absence.pattern, frame));
    let counted: Vec<Place> = counted.map(|(place, _)| *place).collect();
    walk.counted.extend(counted);
    must
}

/// Notes a place behind everything that was caused before.
pub(super) fn mark(walk: &mut Walk<'_, '_>, step: usize, link: &SeenLink, name: &str, listen: Option<u64>) -> Must {
    let window = walk.seen.window(step);
    let proof = proof(walk.seen, step, link, listen);
    let from = match &proof {
        Proof::Proven(until) => (*until).max(window.start),
        _ => window.start,
    };
    walk.marks.insert(name.to_owned(), Mark { link: link.id, from, behind: window.end });
    match proof {
        Proof::Proven(_) => proven(walk, step, link),
        Proof::Unproven => Must::PassUnproven("no barrier is declared".to_owned()),
        Proof::NotProven(why) => Must::NotPlainly(why),
        Proof::Broken(why) => Must::Fail(why),
        Proof::Unclear(why) => Must::Either(why),
    }
}

/// How often the pattern was written, as far as that is certain: at least and at most.
#[derive(Debug, Clone, Copy, Default)]
struct Written {
    certain: usize,
    unsure: usize,
    /// Of what earlier steps caused, behind the barrier that should have waited for it.
    behind: usize,
}

fn claim(
    walk: &Walk<'_, '_>,
    step: usize,
    link: &SeenLink,
    absence: &Absence,
    frames: &[(Place, &Frame)],
    holds: impl Fn(usize) -> bool,
) -> Must {
    let proof = proof(walk.seen, step, link, absence.listen);
    let until = match &proof {
        Proof::Proven(until) => Some(*until),
        _ => None,
    };
    let written = written(walk, step, link, absence, frames, until);
    let sure = (0..=written.unsure).all(|more| !holds(written.certain + more));
    let open = (1..=written.unsure).any(|more| holds(written.certain + more) != holds(written.certain));
    let violated = || format!("{} came {} times", absence.pattern.kind.name(), written.certain);
    match proof {
        Proof::Broken(why) => Must::Fail(why),
        _ if sure => Must::Fail(violated()),
        _ if frames.iter().any(|(_, frame)| !frame.readable) => {
            Must::Either("a frame that nobody can read is among them".to_owned())
        }
        Proof::Unclear(why) => Must::Either(why),
        _ if open => Must::Either("more came while it was judged".to_owned()),
        Proof::NotProven(why) => Must::NotPlainly(why),
        Proof::Unproven => Must::PassUnproven("no barrier is declared".to_owned()),
        Proof::Proven(_) if written.behind > 0 && !holds(written.certain + written.behind) => {
            Must::NotPlainly("what an earlier step caused came behind the barrier".to_owned())
        }
        Proof::Proven(_) => proven(walk, step, link),
    }
}

/// What a barrier proves leaves open what somebody sent who is gone.
fn proven(walk: &Walk<'_, '_>, step: usize, link: &SeenLink) -> Must {
    match gone(walk.seen, step, link) {
        Some(who) => Must::Either(format!("{who} is gone, and no barrier showed what it had sent")),
        None => Must::Pass,
    }
}

fn written(
    walk: &Walk<'_, '_>,
    step: usize,
    link: &SeenLink,
    absence: &Absence,
    frames: &[(Place, &Frame)],
    until: Option<Place>,
) -> Written {
    let seen = walk.seen;
    let mark = absence.since.as_ref().and_then(|name| walk.marks.get(name)).filter(|mark| mark.link == link.id);
    let window = seen.window(step);
    let mut written = Written::default();
    for (place, frame) in frames.iter().filter(|(_, frame)| matches(&absence.pattern, frame)) {
        if mark.is_some_and(|mark| *place < mark.from) {
            continue;
        }
        let at_mark = mark.is_some_and(|mark| *place < mark.behind);
        let cause = seen.cause(frame);
        // What a later step caused came when nobody listened any more.
        let first = seen.case.group(step).start;
        let together = seen.case.group(step).len() > 1;
        let listens = *place > window.start && cause.is_none_or(|cause| cause < first);
        let listened = listened(absence.listen.map(|ms| seen.case.listens(ms)), seen.since_begin(step, *place))
            .filter(|_| listens);
        let caused = cause.is_some_and(|cause| cause < first) && !(together && *place < window.end);
        match listened {
            _ if at_mark || !seen.arrived(link, *place) => written.unsure += 1,
            _ if *place < until.unwrap_or(window.start) => written.certain += 1,
            Some(true) => written.certain += 1,
            Some(false) => written.unsure += 1,
            None if caused && until.is_some() => written.behind += 1,
            None if *place < window.end => written.unsure += 1,
            None => {}
        }
    }
    written
}

/// Whether something came while a step listened, beside the barrier or in its place; none where it came later.
fn listened(listen: Option<Duration>, after: Duration) -> Option<bool> {
    let listen = listen?;
    if after <= listen.mul_f64(0.7) {
        return Some(true);
    }
    (after <= listen.mul_f64(1.5) + Duration::from_millis(30)).then_some(false)
}
