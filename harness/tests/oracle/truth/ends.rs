//! Sending, and the beginning and the end of connections.

use super::Must;
use super::seen::{InTime, Seen, SeenLink};
use crate::case::{Action, Link};
use crate::log::{End, Event};

/// A handshake must be answered rightly (RFC 6455, section 4.1), in time.
pub(super) fn connect(seen: &Seen<'_>, step: usize, link: &Link) -> Must {
    let window = seen.window(step);
    for place in window {
        match seen.log.get(place).map(|entry| &entry.event) {
            Some(Event::Opened { link: opened, .. }) if opened == link => {
                return match seen.in_time(step, place) {
                    InTime::Yes => Must::Pass,
                    InTime::Unsure => Must::Either("the handshake was answered near the deadline".to_owned()),
                };
            }
            Some(Event::Refused { link: refused }) if refused == link => {
                return Must::Fail("the handshake was refused, or answered wrongly".to_owned());
            }
            _ => {}
        }
    }
    Must::Fail("the handshake was not answered".to_owned())
}

/// A frame can't be sent into a connection that is gone.
pub(super) fn send(seen: &Seen<'_>, step: usize, link: &SeenLink) -> Must {
    let window = seen.window(step);
    let text = seen.case.steps.get(step).and_then(|step| match &step.action {
        Action::Say(text) => Some(text),
        _ => None,
    });
    if link.said.iter().any(|(_, said)| Some(said) == text) {
        return Must::Pass;
    }
    if seen.own_end(link, step).is_some() {
        return Must::Fail("the participant has ended the connection itself".to_owned());
    }
    match link.end {
        Some((end, _)) if end < window.start => Must::Fail("the server has ended the connection".to_owned()),
        Some((end, _)) if end < window.end => Must::Either("the server ended the connection meanwhile".to_owned()),
        _ => Must::Pass,
    }
}

/// The server ends the connection, before this step or while it waits.
pub(super) fn closed(seen: &Seen<'_>, step: usize, link: &SeenLink, code: Option<u16>) -> Must {
    let Some((end, how)) = link.ended_before(seen.window(step).end) else {
        return match seen.own_end(link, step) {
            Some(_) => Must::Either("the participant ended the connection itself".to_owned()),
            None => Must::Fail("the server did not end the connection".to_owned()),
        };
    };
    let fits = match (code, how) {
        (None, _) => true,
        (Some(code), End::Closed(other)) => code == other,
        (Some(_), _) => false,
    };
    match seen.in_time(step, end) {
        _ if !fits => Must::Fail("the server ended the connection otherwise".to_owned()),
        InTime::Yes => Must::Pass,
        InTime::Unsure => Must::Either("the server ended the connection near the deadline".to_owned()),
    }
}

/// A close frame is answered by one.
pub(super) fn close(seen: &Seen<'_>, step: usize, link: &SeenLink) -> Must {
    let window = seen.window(step);
    match (link.farewell, link.ended_before(window.end)) {
        (Some(farewell), _) if farewell < window.end => match seen.in_time(step, farewell) {
            InTime::Yes => Must::Pass,
            InTime::Unsure => Must::Either("the close frame was answered near the deadline".to_owned()),
        },
        (_, Some((end, _))) if end < window.start => Must::Either("the server had ended it already".to_owned()),
        (_, Some((_, End::Closed(_)))) => Must::Either("both closed at once".to_owned()),
        _ => Must::Fail("the close frame was not answered by one".to_owned()),
    }
}

/// Whether somebody expects the end that the server made: a step that awaits it, or the protocol.
pub(super) fn is_expected(seen: &Seen<'_>, link: &SeenLink) -> bool {
    let Some((end, how)) = link.end else { return true };
    let begun = seen.begun();
    let opened = seen.step_at(link.opened);
    let awaited = seen.case.steps.iter().take(begun).skip(opened + 1);
    let mut same = awaited.take_while(|step| step.link != link.link || !matches!(step.action, Action::Connect { .. }));
    let allowed = seen.case.protocol.closes.contains(&match how {
        End::Closed(code) => Some(code),
        End::Eof | End::Reset => None,
    });
    // What the participant ended itself, the server may end as it likes: its own step judges the answer.
    let own = seen.own_end(link, seen.step_at(end) + 1).is_some();
    allowed || own || same.any(|step| step.link == link.link && matches!(step.action, Action::Closed { .. }))
}

/// Whether a step before this one awaited the end of the connection.
pub(super) fn is_awaited_before(seen: &Seen<'_>, link: &SeenLink, step: usize) -> bool {
    let opened = seen.step_at(link.opened);
    let mut steps = seen.case.steps.iter().take(step).skip(opened + 1);
    steps.any(|other| other.link == link.link && matches!(other.action, Action::Closed { .. }))
}
