//! A story that an honest server lets pass, but for some claims that it doesn't.

mod claims;

use fastrand::Rng;

use crate::case::{Absence, Acks, Action, Barrier, Case, Kind, Link, Pattern, Protocol, Step};

/// The steps of a case.
pub(crate) fn steps(rng: &mut Rng, case: &Case) -> Vec<Step> {
    let mut story = Story::new(rng, case);
    story.everybody_connects();
    let many = if story.errs { 3..=11 } else { 12..=40 };
    for _ in 0..story.rng.usize(many) {
        story.goes_on();
    }
    story.steps
}

/// Somebody's connection, as the story goes so far.
struct Open {
    link: Link,
    room: String,
    /// What an honest server has put there and no step took.
    untaken: Vec<Pattern>,
    /// Everything of it that can be counted.
    all: Vec<Pattern>,
    marks: Vec<String>,
    /// Whether the answer to a ping of its own may be there, which nobody can tell from others.
    pinged: bool,
}

struct Story<'r> {
    rng: &'r mut Rng,
    protocol: Protocol,
    strict: bool,
    people: Vec<String>,
    rooms: Vec<&'static str>,
    open: Vec<Open>,
    /// Who has captured a position.
    captured: Vec<String>,
    texts: usize,
    /// Whether some claims are wrong; a long story has none, so that it comes to its end.
    errs: bool,
    /// Whether something said may still be on its way, so that the order of what comes isn't known.
    loose: bool,
    steps: Vec<Step>,
}

impl<'r> Story<'r> {
    fn new(rng: &'r mut Rng, case: &Case) -> Self {
        // Positions and markers are those of one room.
        let two = rng.u8(0..100) < 25 && matches!(case.protocol.barrier, Barrier::Echo | Barrier::None);
        let rooms = if two { vec!["hall", "attic"] } else { vec!["hall"] };
        let errs = rng.u8(0..100) < 75;
        let (protocol, people) = (case.protocol.clone(), case.people.clone());
        let (open, captured, steps) = (Vec::new(), Vec::new(), Vec::new());
        Self { rng, protocol, strict: case.strict, people, rooms, open, captured, texts: 0, errs, loose: false, steps }
    }

    fn everybody_connects(&mut self) {
        for who in self.people.clone() {
            let room = self.rooms[self.rng.usize(0..self.rooms.len())];
            self.connect(&who, "main", room, false);
            if self.rng.u8(0..100) < 12 {
                self.connect(&who, "phone", room, false);
            }
        }
    }

    fn connect(&mut self, who: &str, name: &str, room: &str, resume: bool) {
        let link = Link { who: who.to_owned(), name: name.to_owned() };
        self.steps.push(Step::new(link.clone(), Action::Connect { room: room.to_owned(), resume }));
        let welcome = vec![Pattern { kind: Kind::Welcome, text: None }];
        self.open.push(Open {
            link,
            room: room.to_owned(),
            untaken: welcome.clone(),
            all: welcome,
            marks: Vec::new(),
            pinged: false,
        });
    }

    fn goes_on(&mut self) {
        if self.open.is_empty() {
            return;
        }
        // What markers and positions of several at once prove, nobody can tell apart.
        let apart = matches!(self.protocol.barrier, Barrier::Marker | Barrier::Get);
        if !apart && self.rng.u8(0..100) < 10 {
            return self.go_on_together();
        }
        let place = self.rng.usize(0..self.open.len());
        match self.rng.u8(0..100) {
            0..28 => self.say(place),
            28..33 => self.post(place),
            33..52 => self.receive(place),
            52..57 => self.next(place),
            57..61 => self.in_order(place),
            61..65 => self.all(place),
            65..76 => self.nothing(place),
            76..87 => self.count(place),
            87..90 => self.mark(place),
            90..93 if self.protocol.barrier == Barrier::Echo => self.ping(place),
            90..97 => self.ends(place, Action::Close),
            _ => self.ends(place, Action::Drop),
        }
    }

    /// Two or three at once, those who claim something first.
    fn go_on_together(&mut self) {
        let begin = self.steps.len();
        let mut places: Vec<usize> = (0..self.open.len()).collect();
        self.rng.shuffle(&mut places);
        for place in places.into_iter().take(self.rng.usize(2..=3)) {
            let behind = self.steps.len() - begin;
            match self.rng.usize(behind..6) {
                0 | 1 => self.nothing(place),
                2 => self.count(place),
                3 => self.receive(place),
                _ => self.say(place),
            }
        }
        for step in self.steps.iter_mut().skip(begin + 1) {
            step.beside = true;
        }
        self.loose = true;
    }

    fn push(&mut self, place: usize, action: Action) {
        let link = self.open[place].link.clone();
        self.steps.push(Step::new(link, action));
    }

    fn text(&mut self) -> String {
        self.texts += 1;
        format!("t{}", self.texts)
    }

    fn say(&mut self, place: usize) {
        let text = self.text();
        self.push(place, Action::Say(text.clone()));
        self.hands_out(place, &text, true);
        self.loose = true;
    }

    fn post(&mut self, place: usize) {
        // Sendings by request are not declared, so that nothing would tell where a message came from.
        if self.protocol.invariants || self.protocol.barrier == Barrier::Get {
            return;
        }
        let (text, room) = (self.text(), self.open[place].room.clone());
        self.push(place, Action::Post { room, text: text.clone() });
        self.hands_out(place, &text, false);
    }

    fn hands_out(&mut self, place: usize, text: &str, by_frame: bool) {
        let (room, acks) = (self.open[place].room.clone(), self.protocol.acks);
        for (other, open) in self.open.iter_mut().enumerate().filter(|(_, open)| open.room == room) {
            let own = other == place && by_frame;
            if !own || acks != Acks::Instead {
                open.gets(Kind::Said, text);
            }
            if own && acks != Acks::None {
                open.gets(Kind::Stored, text);
            }
        }
    }

    /// Something that is there, and now and then something that isn't.
    fn some(&mut self, place: usize) -> Option<usize> {
        let untaken = self.open[place].untaken.len();
        (untaken > 0).then(|| self.rng.usize(0..untaken))
    }

    fn receive(&mut self, place: usize) {
        let Some(which) = self.some(place) else { return };
        let mut pattern = self.open[place].untaken[which].clone();
        if self.errs && self.rng.u8(0..100) < 3 {
            pattern.text = Some("never".to_owned());
        } else {
            self.open[place].untaken.remove(which);
        }
        let capture = pattern.kind == Kind::Said;
        if capture {
            self.captured.push(self.open[place].link.who.clone());
        }
        self.push(place, Action::Receive { pattern, capture });
    }

    fn ping(&mut self, place: usize) {
        // Where everything must be taken, its answer would be left.
        if !self.strict {
            self.push(place, Action::Ping);
            self.open[place].pinged = true;
        }
    }

    fn next(&mut self, place: usize) {
        if self.open[place].pinged {
            return;
        }
        let Some(mut which) = self.some(place) else { return };
        // Mostly the one that is the next.
        if !self.errs || self.rng.u8(0..100) < 90 {
            which = 0;
        }
        if which == 0 && (!self.loose || self.open[place].untaken.len() == 1) {
            let pattern = self.open[place].untaken.remove(which);
            self.push(place, Action::Next(pattern));
        }
    }

    fn in_order(&mut self, place: usize) {
        let many = self.open[place].untaken.len();
        if many >= 2 && !self.loose {
            let (first, second) = (self.open[place].untaken.remove(0), self.open[place].untaken.remove(0));
            self.push(place, Action::InOrder(vec![first, second]));
        }
    }

    fn all(&mut self, place: usize) {
        if self.open[place].untaken.len() >= 2 {
            let (first, second) = (self.open[place].untaken.remove(0), self.open[place].untaken.remove(0));
            self.push(place, Action::All(vec![second, first]));
        }
    }

    /// A connection ends, and mostly comes back.
    fn ends(&mut self, place: usize, action: Action) {
        self.push(place, action);
        let Open { link, room, .. } = self.open.remove(place);
        let resume = self.captured.contains(&link.who) && self.rng.bool();
        // A position that was reached on an earlier connection is reached on no other.
        if self.rng.u8(0..100) < 60 && self.protocol.barrier != Barrier::Get {
            self.connect(&link.who, &link.name, &room, resume);
            if resume {
                // What is owed again isn't told here.
                self.open.last_mut().into_iter().for_each(|open| open.all.clear());
            }
        } else if self.errs && self.rng.u8(0..100) < 30 {
            // Into a connection that is gone: this must fail.
            let text = self.text();
            self.steps.push(Step::new(link, Action::Say(text)));
        } else if self.rng.bool() && self.protocol.barrier != Barrier::None {
            // Nothing more can come.
            let pattern = Pattern { kind: Kind::Secret, text: None };
            let listen = (self.rng.u8(0..100) < 30).then_some(1200);
            let action = Action::Nothing(Absence { pattern, listen, since: None });
            self.steps.push(Step::new(link, action));
        }
    }
}

impl Open {
    fn gets(&mut self, kind: Kind, text: &str) {
        let pattern = Pattern { kind, text: Some(text.to_owned()) };
        self.untaken.push(pattern.clone());
        self.all.push(pattern);
    }
}
