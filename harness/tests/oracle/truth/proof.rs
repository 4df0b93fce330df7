//! What proves that everything caused before has arrived: proven, unproven with a reason, or broken.

use super::ends::is_awaited_before;
use super::seen::{InTime, Place, Seen, SeenLink, is_marker};
use crate::case::{Acks, Action, Barrier, Kind};
use crate::log::{End, Event};

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// Everything that was written before this place had arrived when the claim was judged.
    Proven(Place),
    /// No barrier is declared, and the step listens.
    Unproven,
    /// Nothing can prove it here: a failure, or unproven, but not proven.
    NotProven(String),
    /// A barrier was asked and did not answer as declared.
    Broken(String),
    /// A matter of moments.
    Unclear(String),
}

/// What a step has to prove what did not come on a connection.
pub(super) fn proof(seen: &Seen<'_>, step: usize, link: &SeenLink, listen: Option<u64>) -> Proof {
    let window = seen.window(step);
    match seen.own_end(link, step) {
        Some(Action::Drop) => return Proof::NotProven("the participant dropped the connection".to_owned()),
        Some(_) => {
            return match link.farewell {
                Some(farewell) => Proof::Proven(farewell),
                None => Proof::NotProven("the connection was closed without the server's close frame".to_owned()),
            };
        }
        None => {}
    }
    if let Some((end, how)) = link.ended_before(window.start) {
        return match how {
            End::Closed(_) if is_awaited_before(seen, link, step) => Proof::Proven(end),
            End::Closed(_) => Proof::Unclear("the server closed the connection, and no step has awaited it".to_owned()),
            End::Eof | End::Reset => Proof::NotProven("the connection was lost without a close frame".to_owned()),
        };
    }
    if let Some(who) = unread(seen, step) {
        return Proof::Unclear(format!("something that {who} sent was not read in time"));
    }
    let proof = match seen.case.protocol.barrier {
        Barrier::Echo => echo(seen, step, link),
        Barrier::Marker => markers(seen, step, link),
        Barrier::Get => position(seen, step, link),
        Barrier::None if listen.is_some() => Proof::Unproven,
        Barrier::None => Proof::Broken("there is no barrier, and the step doesn't listen".to_owned()),
    };
    // A step that is over has listened as long as it says; one that failed may have ended sooner.
    let listened = seen.since_begin(step, window.end);
    if let Some(ms) = listen
        && seen.is_over(step)
        && link.ended_before(window.end).is_none()
        && listened < seen.case.listens(ms).mul_f64(0.9)
    {
        return Proof::Broken("it did not listen as long as it says".to_owned());
    }
    match proof {
        Proof::Proven(answered)
            if answered > window.start && seen.in_time_behind(step, listen, answered) == InTime::Unsure =>
        {
            Proof::Unclear("a barrier was answered near the deadline".to_owned())
        }
        Proof::Proven(_) | Proof::Unproven if link.ended_before(window.end).is_some() => {
            Proof::Unclear("the server ended the connection at that time".to_owned())
        }
        // Where the close frame came first there was nothing to ask: nothing follows it.
        Proof::NotProven(_) if matches!(link.ended_before(window.end), Some((_, End::Closed(_)))) => {
            Proof::Unclear("the server closed the connection at that time".to_owned())
        }
        Proof::Proven(_) if seen.links.values().any(|other| is_ended_in(seen, step, other)) => {
            Proof::Unclear("the server ended somebody's connection at that time".to_owned())
        }
        proof => proof,
    }
}

/// Whether the server ended a connection while a step was played.
fn is_ended_in(seen: &Seen<'_>, step: usize, link: &SeenLink) -> bool {
    link.end.is_some_and(|(end, _)| seen.window(step).contains(&end))
}

/// Somebody who sent something that the server read only when a barrier may have been given up.
fn unread<'a>(seen: &'a Seen<'_>, step: usize) -> Option<&'a str> {
    let begin = seen.window(step).start;
    let sent = seen.case.steps.iter().enumerate().take(step);
    let mut late = sent.filter_map(|(number, sent)| {
        let Action::Say(text) = &sent.action else { return None };
        let link = seen.link(number, &sent.link)?;
        let read = link.said.iter().find(|(_, said)| said == text).map(|(place, _)| *place);
        let in_time = read.is_some_and(|read| read < begin || seen.in_time(step, read) == InTime::Yes);
        (!in_time && link.is_open(begin) && seen.own_end(link, step).is_none()).then_some(link.link.who.as_str())
    });
    late.next()
}

/// Somebody who sent something over a connection that ended before a barrier showed it to be through. What had an end
/// itself has nothing more to come.
pub(super) fn gone<'a>(seen: &'a Seen<'_>, step: usize, watcher: &SeenLink) -> Option<&'a str> {
    let window = seen.window(step);
    if !watcher.is_open(window.start) || seen.own_end(watcher, step).is_some() {
        return None;
    }
    let mut sent = seen.case.steps.iter().enumerate().take(step);
    let (_, sent) = sent.find(|(number, sent)| {
        let Action::Say(text) = &sent.action else { return false };
        let Some(link) = seen.link(*number, &sent.link) else { return false };
        let ended = link.ended_before(window.end).is_some() || seen.own_end(link, step) == Some(&Action::Drop);
        let read = link.said.iter().find(|(_, said)| said == text).map(|(place, _)| *place);
        let shown =
            read.is_some_and(|read| link.pings.iter().any(|(ping, n)| *ping > read && link.pongs.contains_key(n)));
        ended && !shown
    })?;
    Some(sent.link.who.as_str())
}

/// Every ping that was asked is answered on its connection, the watcher's among them.
fn echo(seen: &Seen<'_>, step: usize, watcher: &SeenLink) -> Proof {
    let window = seen.window(step);
    let group = seen.case.group(step);
    // Of several at once nobody can tell whose ping it was: the first answer proves the least.
    let together = group.len() > 1;
    let alone = seen.case.steps[group].iter().filter(|step| step.is_absence()).count() == 1;
    let mut answered: Option<Place> = None;
    for link in seen.links.values() {
        for (_, n) in link.pings.iter().filter(|(place, _)| window.contains(place)) {
            match link.pongs.get(n) {
                Some(pong) if *pong > window.end => {
                    return Proof::Broken("a ping was answered only after the step was over".to_owned());
                }
                Some(pong) if link.id == watcher.id => {
                    answered = Some(answered.filter(|_| together).unwrap_or(*pong));
                }
                Some(_) => {}
                None if !alone => return Proof::Unclear("one of several barriers at once was not answered".to_owned()),
                // Behind a failure beside it the last barrier of all was asked.
                None if together && !seen.is_over(step) => {
                    return Proof::Unclear("the last barrier was asked in the same turn".to_owned());
                }
                None => return Proof::Broken(format!("{}'s ping was not answered", link.link.who)),
            }
        }
    }
    match answered {
        Some(pong) => Proof::Proven(pong),
        None => Proof::NotProven("nobody asked on its connection".to_owned()),
    }
}

/// Every marker that the watcher is owed comes to it.
fn markers(seen: &Seen<'_>, step: usize, watcher: &SeenLink) -> Proof {
    let window = seen.window(step);
    if seen.case.group(step).len() > 1 {
        return Proof::Unclear("several at once did things".to_owned());
    }
    let has_others = |link: &SeenLink| {
        seen.links.values().any(|other| {
            let there = other.room == link.room && other.id != link.id;
            there && other.is_open(window.start) && seen.own_end(other, step).is_none()
        })
    };
    let (mut answered, mut lost) = (None, false);
    for link in seen.links.values().filter(|link| link.room == watcher.room) {
        let said = link.said.iter().filter(|(place, text)| window.contains(place) && is_marker(text));
        for (_, text) in said {
            let came = |to: &SeenLink| {
                let mut frames = to.frames.iter();
                let came = frames.find(|(_, frame)| frame.kind == Kind::Said && frame.readable && frame.text == *text);
                came.map(|(place, _)| *place).filter(|place| *place < window.end)
            };
            // The watcher's own shows that what it sent was read, wherever it is seen: somebody else's comes behind it.
            let own = link.link.who == watcher.link.who;
            match came(watcher) {
                Some(place) => answered = answered.max(Some(place)),
                None if own && seen.links.values().any(|other| other.room == link.room && came(other).is_some()) => {
                    // Where everybody gets everything, it was owed to the watcher too.
                    lost |= watcher.kept.iter().any(|(_, frame)| frame.text == *text);
                }
                // The server hands what somebody says to the others alone, and there are none.
                None if own && seen.case.protocol.acks == Acks::Instead && !has_others(link) => {}
                None => return Proof::Broken(format!("the marker of {} did not come", link.link.who)),
            }
        }
    }
    let other = seen.links.values().any(|link| {
        link.room == watcher.room
            && link.link.who != watcher.link.who
            && link.is_open(window.start)
            && seen.own_end(link, step).is_none()
    });
    match answered {
        _ if lost => Proof::Unclear("the watcher never got its own marker, which somebody else saw".to_owned()),
        Some(place) => Proof::Proven(place),
        // Somebody could have shown it.
        None if other => Proof::Proven(window.start),
        None => Proof::NotProven("nobody else is there who could show it".to_owned()),
    }
}

/// What was asked by request is the position that the watcher's frames reach.
fn position(seen: &Seen<'_>, step: usize, watcher: &SeenLink) -> Proof {
    let window = seen.window(step);
    if seen.case.group(step).len() > 1 {
        return Proof::Unclear("several at once did things".to_owned());
    }
    for link in seen.links.values().filter(|link| link.is_open(window.start) && seen.own_end(link, step).is_none()) {
        if link.kept.iter().any(|(place, frame)| *place < window.end && frame.kind == Kind::Stored) {
            return Proof::Broken(format!("something that {} sent was not answered", link.link.who));
        }
    }
    let asked = window.clone().rev().find_map(|place| match seen.log.get(place).map(|entry| &entry.event) {
        Some(Event::Position { n }) => Some((place, *n)),
        _ => None,
    });
    let Some((asked, goal)) = asked else {
        return Proof::NotProven("nobody asked for the position".to_owned());
    };
    let moves = |kind: Kind| matches!(kind, Kind::Said | Kind::Stored);
    let mut frames = watcher.frames.iter().filter(|(_, frame)| frame.readable && moves(frame.kind));
    match frames.find(|(_, frame)| frame.n >= goal).map(|(place, _)| *place) {
        _ if goal == 0 => Proof::Proven(asked),
        // The frame that reached it has come, too.
        Some(place) if place < window.end => Proof::Proven(place.max(asked) + 1),
        _ => Proof::Broken("no frame reached the position that the server told".to_owned()),
    }
}
