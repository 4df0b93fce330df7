//! The promises of a stream, over what the runner has certainly received.

use std::collections::{BTreeMap, BTreeSet};

use super::seen::{Place, Seen, SeenLink};
use crate::case::{Acks, Action, Barrier, Kind};
use crate::log::Frame;

/// The invariants that a protocol asks for here.
const INVARIANTS: [&str; 6] =
    ["same_order", "no_duplicates", "no_gaps", "reaches_all", "members_only", "acked_not_lost"];

/// What must be said of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    Holds,
    Violated,
    /// Something happened, and it can't be judged.
    Unknown,
    /// Nothing of it happened.
    NotAsked,
    /// It depends on frames of which nobody knows whether the runner had them.
    Unclear,
}

/// What the runner has received, as far as that is certain.
pub(super) struct Held<'s, 'a> {
    seen: &'s Seen<'a>,
    views: Vec<View<'s>>,
}

/// The deliveries of one connection.
struct View<'s> {
    link: &'s SeenLink,
    certain: Vec<(Place, &'s Frame)>,
    /// What came too near to the end.
    unsure: Vec<(Place, &'s Frame)>,
    /// What was written before this has arrived.
    known: Place,
}

impl<'s, 'a> Held<'s, 'a> {
    pub(super) fn new(seen: &'s Seen<'a>) -> Self {
        let views = seen.links.values().map(|link| View::new(seen, link)).collect();
        Self { seen, views }
    }

    /// What must be said of each.
    pub(super) fn promises(&self) -> BTreeMap<&'static str, Promise> {
        // What was sent and never read was sent all the same.
        let mut begun = self.seen.case.steps.iter().take(self.seen.begun());
        let happened = begun.any(|step| matches!(step.action, Action::Say(_)))
            || self.seen.links.values().any(|link| {
                !link.said.is_empty()
                    || link.frames.iter().any(|(_, frame)| matches!(frame.kind, Kind::Said | Kind::Stored))
            });
        let delivered = self.views.iter().any(|view| !view.all(true).is_empty());
        let certain = self.views.iter().any(|view| !view.all(false).is_empty());
        let promise = |name: &'static str| {
            let judged = match name {
                "same_order" => self.both(|unsure| self.disordered(unsure)),
                "no_duplicates" => self.both(|unsure| self.doubled(unsure)),
                "no_gaps" => self.both(|unsure| self.gaps(unsure)),
                "members_only" => self.members_only(),
                "acked_not_lost" => return (name, self.acked_not_lost(happened)),
                _ => return (name, self.reaches_all(happened)),
            };
            let promise = match judged {
                _ if !happened => Promise::NotAsked,
                _ if !delivered => Promise::Unclear,
                Promise::Holds if !certain => Promise::Unclear,
                judged => judged,
            };
            (name, promise)
        };
        INVARIANTS.into_iter().map(promise).collect()
    }

    /// The same with and without what isn't certain, or unclear.
    fn both(&self, violated: impl Fn(bool) -> bool) -> Promise {
        match (violated(false), violated(true)) {
            (false, false) => Promise::Holds,
            (true, true) => Promise::Violated,
            _ => Promise::Unclear,
        }
    }

    fn disordered(&self, unsure: bool) -> bool {
        self.views.iter().any(|view| {
            let mut had: BTreeSet<(&str, i64)> = BTreeSet::new();
            view.all(unsure).iter().any(|frame| {
                let behind = had.iter().any(|(room, n)| *room == frame.room && *n > frame.n);
                // What comes again is a duplicate, and no disorder.
                had.insert((&frame.room, frame.n)) && behind
            })
        })
    }

    fn doubled(&self, unsure: bool) -> bool {
        self.views.iter().any(|view| {
            let mut had = BTreeSet::new();
            !view.all(unsure).iter().all(|frame| had.insert((&frame.room, frame.n)))
        })
    }

    /// A place that is missing between two of a connection, and that its participant has nowhere; of a connection that
    /// resumed, on itself.
    fn gaps(&self, unsure: bool) -> bool {
        self.views.iter().any(|view| {
            let own = view.places(unsure);
            let (Some(first), Some(last)) = (own.first(), own.last()) else { return false };
            if let Some(after) = view.link.after {
                return *first != after + 1 || (*first..*last).any(|n| !own.contains(&n));
            }
            let whose =
                |other: &&View<'_>| other.link.link.who == view.link.link.who && other.link.room == view.link.room;
            let had: BTreeSet<i64> = self.views.iter().filter(whose).flat_map(|other| other.places(unsure)).collect();
            (*first..*last).any(|n| !had.contains(&n))
        })
    }

    /// Connections make members and say of which room, so that whoever has none there is a stranger.
    fn members_only(&self) -> Promise {
        let foreign = |who: &str, frame: &Frame| {
            !self.views.iter().any(|view| view.link.link.who == who && view.link.room == frame.room)
        };
        self.both(|unsure| {
            self.views.iter().any(|view| view.all(unsure).iter().any(|frame| foreign(&view.link.link.who, frame)))
        })
    }

    /// What was acknowledged is in the room's log.
    fn acked_not_lost(&self, happened: bool) -> Promise {
        let acks = |certain: bool| {
            self.views.iter().any(|view| {
                view.link.frames.iter().any(|(place, frame)| {
                    frame.kind == Kind::Stored && frame.readable && view.has(self.seen, *place) == certain
                })
            })
        };
        let lost = |certain: bool| {
            self.views.iter().any(|view| {
                view.link.frames.iter().any(|(place, frame)| {
                    frame.kind == Kind::Stored
                        && frame.readable
                        && self.seen.forgotten.contains(&(frame.room.clone(), frame.n))
                        && view.has(self.seen, *place) == certain
                })
            })
        };
        match (acks(true), acks(false)) {
            _ if !happened => Promise::NotAsked,
            _ if self.seen.case.protocol.acks == Acks::None => Promise::Unknown,
            _ if lost(true) => Promise::Violated,
            _ if lost(false) => Promise::Unclear,
            (true, _) => Promise::Holds,
            (false, true) => Promise::Unclear,
            (false, false) => Promise::Unknown,
        }
    }

    /// What was acknowledged before a barrier was asked is there before its answer, on each connection of each member.
    fn reaches_all(&self, happened: bool) -> Promise {
        let seen = self.seen;
        if !happened {
            return Promise::NotAsked;
        }
        let acknowledges = seen.case.protocol.acks != Acks::None;
        if seen.case.protocol.barrier != Barrier::Echo || !acknowledges {
            return Promise::Unknown;
        }
        let (mut judged, mut unclear) = (0, false);
        for sender in &self.views {
            let acks = sender.link.frames.iter().filter(|(_, frame)| frame.kind == Kind::Stored && frame.readable);
            for (acked, ack) in acks {
                for view in self.views.iter().filter(|view| view.link.room == sender.link.room) {
                    match self.reached(sender, *acked, ack, view) {
                        None => {}
                        Some(Promise::Holds) => judged += 1,
                        Some(Promise::Violated) => return Promise::Violated,
                        Some(_) => unclear = true,
                    }
                }
            }
        }
        match judged {
            _ if unclear => Promise::Unclear,
            0 if self.views.iter().all(|view| view.link.frames.iter().all(|(_, one)| one.kind != Kind::Stored)) => {
                Promise::Unknown
            }
            // Whether somebody's end left nothing to judge is nobody's fault.
            0 => Promise::Unclear,
            _ => Promise::Holds,
        }
    }

    /// Whether a message reached a connection; none where it is owed to nobody there.
    fn reached(&self, sender: &View<'_>, acked: Place, ack: &Frame, view: &View<'_>) -> Option<Promise> {
        let seen = self.seen;
        let link = view.link;
        let said_in = seen.cause(ack)?;
        let opened_in = seen.step_at(link.opened);
        let resumed = link.after.is_some_and(|after| ack.n > after);
        if opened_in > said_in && !resumed {
            return None;
        }
        let own = link.id == sender.link.id && seen.case.protocol.acks == Acks::Instead;
        let barriers = link.pings.iter().filter(|(asked, _)| *asked > acked);
        let mut answers = barriers.filter_map(|(asked, n)| Some((*asked, *link.pongs.get(n)?)));
        let (asked, answered) = answers.next()?;
        let written = link.frames.iter().find(|(_, frame)| {
            frame.readable
                && frame.room == ack.room
                && frame.n == ack.n
                && (frame.kind == Kind::Said || (own && frame.kind == Kind::Stored))
        });
        let missing = written.is_none_or(|(place, _)| *place > answered);
        // The ack must have been read before the barrier was asked, and the runner must have lived to see the answer.
        let certain = seen.step_at(acked) < seen.step_at(asked)
            && seen.arrived(sender.link, acked)
            && seen.own_end(sender.link, seen.step_at(acked) + 1).is_none();
        Some(match (missing, certain) {
            (true, true) => Promise::Violated,
            (true, false) => Promise::Unclear,
            (false, _) => Promise::Holds,
        })
    }
}

impl<'s> View<'s> {
    fn new(seen: &Seen<'_>, link: &'s SeenLink) -> Self {
        let acks = seen.case.protocol.acks;
        let is_delivery = |frame: &Frame| {
            frame.readable && (frame.kind == Kind::Said || (frame.kind == Kind::Stored && acks == Acks::Instead))
        };
        // What the participant itself ended has nothing behind it.
        let steps = seen.case.steps.iter().enumerate().skip(seen.step_at(link.opened) + 1);
        let dropped = steps.take(seen.begun()).find(|(_, step)| step.link == link.link && step.action == Action::Drop);
        let dropped = dropped.map(|(number, _)| seen.window(number).start);
        let last_answer = link.pongs.values().copied().max();
        let over = seen.over().map(|(over, _)| over);
        let known = [over, last_answer, link.farewell, link.end.map(|(end, _)| end)].into_iter().flatten().max();
        let known = dropped.or(known).unwrap_or_default();
        let deliveries =
            link.frames.iter().filter(|(_, frame)| is_delivery(frame)).map(|(place, frame)| (*place, frame));
        let (certain, unsure): (Vec<_>, Vec<_>) =
            deliveries.partition(|(place, _)| *place < known && seen.arrived(link, *place));
        Self { link, certain, unsure, known }
    }

    /// Whether the runner is certain to have what was written at a place.
    fn has(&self, seen: &Seen<'_>, place: Place) -> bool {
        place < self.known && seen.arrived(self.link, place)
    }

    fn all(&self, unsure: bool) -> Vec<&'s Frame> {
        let more = self.unsure.iter().filter(|_| unsure);
        self.certain.iter().chain(more).map(|(_, frame)| *frame).collect()
    }

    /// The places of the connection's own room.
    fn places(&self, unsure: bool) -> BTreeSet<i64> {
        self.all(unsure).iter().filter(|frame| frame.room == self.link.room).map(|frame| frame.n).collect()
    }
}
