//! What an expectation waits for, and why it was missed; pure.

use std::fmt::Write as _;

use crate::event::{Failure, FailureKind, Nearest};
use crate::lock::lock;
use crate::pattern::{Pattern, describe, nearest};
use crate::run::state::frame::Frame;
use crate::run::state::inbox::Inbox;
use crate::run::state::look::{Look, LookProgress};
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
            WantedKind::Receive => inbox.first_match(&self.patterns[0], self.from, progress),
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
    let (got, expected) = (mailbox.frame_text(&frame.value, 120), shorten(&describe(pattern), 120));
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::run::state::mailbox::MailboxKind;

    fn wanted(kind: WantedKind, patterns: &[Value]) -> Wanted {
        let patterns = patterns.iter().map(|pattern| Pattern::compile(pattern).unwrap()).collect();
        Wanted { kind, patterns, from: 0 }
    }

    /// The mailbox of ann, to which these frames came, each of them a millisecond behind the one before.
    fn mailbox(frames: &[Value]) -> Mailbox {
        let mailbox = Mailbox::new("ann", "main", MailboxKind::Frames, None);
        for (place, frame) in (0_u64..).zip(frames) {
            let frame = Frame::new(Duration::from_millis(place), 0, Arc::new(frame.clone()));
            lock(&mailbox.inbox).frames.push(frame);
        }
        mailbox
    }

    #[test]
    fn each_kind_looks_for_its_frames_in_its_own_way() {
        let mailbox = mailbox(&[json!({ "n": 1 }), json!({ "n": 2 }), json!({ "n": 3 })]);
        let look = |kind, patterns: &[Value]| {
            wanted(kind, patterns).look(&mut lock(&mailbox.inbox), &mut LookProgress::default())
        };
        let n = |n: usize| json!({ "n": n });
        assert_eq!(look(WantedKind::Receive, &[n(2)]), Look::Found(vec![1]));
        assert_eq!(look(WantedKind::ReceiveNext, &[n(2)]), Look::Wrong(0));
        assert_eq!(look(WantedKind::ReceiveInOrder, &[n(1), n(3)]), Look::Found(vec![0, 2]));
        assert_eq!(look(WantedKind::ReceiveInOrder, &[n(3), n(1)]), Look::Missing { matched: 1, first: 1 });
        assert_eq!(look(WantedKind::ReceiveAll, &[n(3), n(1)]), Look::Found(vec![2, 0]));
        assert_eq!(look(WantedKind::ReceiveAll, &[n(3), n(4)]), Look::Missing { matched: 1, first: 1 });
        assert_eq!(look(WantedKind::Collect, &[n(1), n(2)]), Look::Found(vec![0, 1]));
        assert_eq!(look(WantedKind::Collect, &[n(4), n(2)]), Look::Wrong(1));
    }

    #[test]
    fn what_was_missed_is_told_with_the_nearest_frame() {
        let mailbox = mailbox(&[json!({ "type": "left" }), json!({ "type": "said", "room": "a", "text": "hi" })]);
        let pattern = json!({ "type": "said", "room": "a", "text": "ho" });
        let failure = missed(&mailbox, &wanted(WantedKind::Receive, &[pattern]), "waited 5s");
        assert_eq!(
            failure.headline,
            "ann never got {\"room\":\"a\",\"text\":\"ho\",\"type\":\"said\"}: waited 5s; \
             main 2 is near: $.text: expected \"ho\", got \"hi\""
        );
        assert_eq!(failure.nearest.unwrap().differences, ["$.text: expected \"ho\", got \"hi\""]);
        assert_eq!(failure.came.len(), 2);
    }

    #[test]
    fn a_match_that_stands_before_the_one_it_must_follow_came_too_early() {
        let mailbox = mailbox(&[json!({ "n": 2 }), json!({ "n": 1 })]);
        let wanted = wanted(WantedKind::ReceiveInOrder, &[json!({ "n": 1 }), json!({ "n": 2 })]);
        assert_eq!(
            missed(&mailbox, &wanted, "waited 5s").headline,
            "ann got {\"n\":2} (2 of 2, `receive_in_order`) too early: main 1 stands before the frame that it must follow"
        );
    }

    #[test]
    fn a_match_that_another_step_took_is_told_with_its_line() {
        let mailbox = mailbox(&[json!({ "n": 1 })]);
        lock(&mailbox.inbox).take(&[0], 9);
        let failure = missed(&mailbox, &wanted(WantedKind::Receive, &[json!({ "n": 1 })]), "waited 5s");
        assert_eq!(failure.headline, "ann never got {\"n\":1}: waited 5s");
        assert_eq!(failure.nearest.unwrap().differences, ["it matches, but line 9 took it"]);
    }

    #[test]
    fn a_frame_that_fails_names_its_reason() {
        let mailbox = mailbox(&[json!({ "type": "error" })]);
        let wanted = wanted(WantedKind::Receive, &[json!({ "type": "said" })]);
        let inbox = lock(&mailbox.inbox);
        assert_eq!(
            failing_frame(&mailbox, &wanted, &inbox, 0).headline,
            "ann got a frame that fails: {\"type\":\"error\"}"
        );
        assert_eq!(
            wrong_frame(&mailbox, &wanted, &inbox, 0).headline,
            "the next frame on ann is {\"type\":\"error\"}, expected {\"type\":\"said\"}"
        );
    }
}
