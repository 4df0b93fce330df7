//! What an expectation waits for, and why it was missed; pure.

use std::fmt::Write as _;

use crate::event::{Failure, FailureKind, Nearest};
use crate::pattern::{Pattern, describe, nearest};
use crate::run::state::frame::Frame;
use crate::run::state::inbox::{Inbox, Look, LookProgress};
use crate::run::state::lock::lock;
use crate::run::state::mailbox::Mailbox;
use crate::text::{brief, counted, millis, shorten};

/// From which share of agreement on a near miss is told in the headline.
const NEAR: f64 = 0.5;

/// How frames are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WantedKind {
    Receive,
    ReceiveNext,
    ReceiveInOrder,
    ReceiveAll,
    /// The patterns are that of the pieces and that of the end.
    Collect,
}

impl WantedKind {
    /// The word of the language.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::ReceiveNext => "receive_next",
            Self::ReceiveInOrder => "receive_in_order",
            Self::ReceiveAll => "receive_all",
            Self::Collect => "collect",
        }
    }
}

/// What is waited for.
pub(crate) struct Wanted {
    pub(crate) kind: WantedKind,
    pub(crate) patterns: Vec<Pattern>,
    /// The place in the inbox from which on frames count.
    pub(crate) from: usize,
}

impl Wanted {
    /// What an inbox has of it; a later look goes on where the last one ended.
    pub(crate) fn look(&self, inbox: &mut Inbox, progress: &mut LookProgress) -> Look {
        match self.kind {
            WantedKind::Receive => inbox.one(&self.patterns[0], self.from, progress),
            WantedKind::ReceiveNext => inbox.next(&self.patterns[0], self.from),
            WantedKind::ReceiveInOrder => inbox.in_order(&self.patterns, self.from, progress),
            WantedKind::ReceiveAll => inbox.all(&self.patterns, self.from, progress),
            WantedKind::Collect => inbox.collect(&self.patterns[0], &self.patterns[1], self.from, progress),
        }
    }

    /// Its patterns, for people.
    pub(crate) fn described(&self) -> String {
        let shown: Vec<String> = self.patterns.iter().map(describe).collect();
        match &shown[..] {
            [one] => one.clone(),
            [pattern, until] if self.kind == WantedKind::Collect => format!("{pattern}, until {until}"),
            many => format!("[{}]", many.join(", ")),
        }
    }

    /// Which of several patterns is missing, in brackets behind it.
    fn which(&self, matched: usize, first: usize) -> String {
        let many = self.patterns.len();
        match (self.kind, first) {
            (WantedKind::Collect, 0) => " (`collect`)".to_owned(),
            (WantedKind::Collect, _) => {
                format!(", the end of a stream (`collect` has {})", counted(matched, "frame", "frames"))
            }
            _ if many > 1 => format!(" ({} of {many}, `{}`)", first + 1, self.kind.word()),
            _ => String::new(),
        }
    }
}

/// This frame came where another was expected.
pub(crate) fn wrong_frame(mailbox: &Mailbox, wanted: &Wanted, inbox: &Inbox, place: usize) -> Failure {
    let frame = &inbox.frames[place];
    let pattern = &wanted.patterns[0];
    let (got, expected) = (mailbox.told(&frame.value, 120), shorten(&describe(pattern), 120));
    let headline = match wanted.kind {
        WantedKind::Collect => {
            format!("{} got the end of a stream before anything of it: {got}, expected {expected}", mailbox.who())
        }
        _ => format!("the next {} on {} is {got}, expected {expected}", mailbox.nouns().0, mailbox.who()),
    };
    let mut failure = Failure::new(FailureKind::Expectation, headline);
    failure.expected = Some(wanted.described());
    failure.nearest = Some(mailbox.nearest(pattern, place, frame));
    failure
}

/// This frame is one that the protocol's `fails` names, or that can't be read.
pub(crate) fn failing_frame(mailbox: &Mailbox, wanted: &Wanted, inbox: &Inbox, place: usize) -> Failure {
    let frame = &inbox.frames[place];
    let shown = brief(&frame.value, 200);
    let (headline, detail) = match &frame.unreadable {
        None => (
            format!("{} got a frame that fails: {shown}", mailbox.who()),
            "the protocol's `fails` names such frames; a step that expects one receives it first",
        ),
        Some(why) => (unreadable(mailbox, why, &shown), "a step that expects the text as it is receives it first"),
    };
    let mut failure = Failure::new(FailureKind::Expectation, headline);
    failure.expected = Some(wanted.described());
    failure.details.push(detail.to_owned());
    failure
}

/// Whether this frame matches can't be decided.
pub(crate) fn unreadable(mailbox: &Mailbox, why: &str, shown: &str) -> String {
    format!("{} got a {} of which nothing can be said: {why}: {shown}", mailbox.who(), mailbox.nouns().0)
}

/// What was waited for did not come; `why` says until when. The nearest frame and what took a matching one are told.
pub(crate) fn missed(mailbox: &Mailbox, wanted: &Wanted, why: &str) -> Failure {
    let mut inbox = lock(&mailbox.inbox);
    let (matched, first) = match wanted.look(&mut inbox, &mut LookProgress::default()) {
        Look::Missing { matched, first } => (matched, first),
        _ => (0, 0),
    };
    let pattern = wanted.patterns.get(first).or_else(|| wanted.patterns.last());
    let which = wanted.which(matched, first);
    let shown = pattern.map(describe).unwrap_or_default();
    let mut failure = Failure::new(
        FailureKind::Expectation,
        format!("{} never got {}{which}: {why}", mailbox.who(), shorten(&shown, 160)),
    );
    failure.expected = Some(wanted.described());
    if let Some(pattern) = pattern {
        let candidates: Vec<(usize, &Frame)> =
            inbox.frames.iter().enumerate().skip(wanted.from).filter(|(_, frame)| frame.taken_by.is_none()).collect();
        if let Some(near) = nearest(pattern, candidates.iter().map(|(_, frame)| &*frame.value))
            && !near.score.is_nothing()
        {
            let (place, frame) = candidates[near.index];
            let mut nearest = mailbox.nearest(pattern, place, frame);
            if near.differences.is_empty() {
                failure.headline = format!(
                    "{} got {}{which} too early: {} stands before the frame that it must follow",
                    mailbox.who(),
                    shorten(&shown, 160),
                    mailbox.frame_name(place)
                );
                nearest.differences.push("it matches, but stands before the frame that it must follow".to_owned());
            } else if near.score.share() >= NEAR
                && let Some(difference) = nearest.differences.first()
            {
                let _ = write!(failure.headline, "; {} is near: {difference}", mailbox.frame_name(place));
            }
            failure.nearest = Some(nearest);
            let taken = inbox.frames.iter().enumerate().skip(wanted.from).rev();
            let mut taken = taken.filter_map(|(place, frame)| Some((place, frame, frame.taken_by?)));
            if let Some((place, _, line)) = taken.find(|(_, frame, _)| pattern.matches(&frame.value)) {
                failure.details.push(format!("{} matches, but line {line} took it", mailbox.frame_name(place)));
            }
        } else if let Some((place, frame)) =
            inbox.frames.iter().enumerate().skip(wanted.from).find(|(_, frame)| pattern.matches(&frame.value))
        {
            failure.nearest = Some(Nearest {
                what: format!("{} at {}", mailbox.frame_name(place), millis(frame.at)),
                entry: Some(frame.entry),
                whole: Some(mailbox.whole(&frame.value)),
                differences: vec![format!("it matches, but line {} took it", frame.taken_by.unwrap_or_default())],
            });
        }
    }
    drop(inbox);
    failure.came = mailbox.came(wanted.from);
    failure
}
