//! Unexpected frames at the end of a scenario.

use crate::event::{Failure, FailureKind, Place};
use crate::lock::lock;
use crate::pattern::Pattern;
use crate::run::context::step_context::StepContext;
use crate::run::state::mailbox::Mailbox;
use crate::source::{Position, Source};
use crate::text::{brief, counted, millis};

/// Frames that fail a scenario and that no step expected; with `strict`, frames that no step took.
pub(crate) fn leftovers(context: &StepContext) -> Result<Vec<Failure>, Box<Failure>> {
    let scenario = &context.world.scenario;
    let ignore = context.patterns(&scenario.ignore)?;
    let strict = scenario.strict.then(|| strict_place(&scenario.source));
    let mailboxes = context.world.cast.everybody().flat_map(|participant| participant.all_mailboxes());
    let failures = mailboxes.filter_map(|mailbox| match failing(&mailbox) {
        Some(failure) => Some(failure),
        None => untaken(&mailbox, strict.as_ref()?.clone(), &ignore),
    });
    Ok(failures.collect())
}

/// Where the scenario says `strict`.
fn strict_place(source: &Source) -> Option<Place> {
    // A key of the file's top, which stands at the beginning of its line.
    let line = source.text.lines().position(|line| line.starts_with("strict:"))? + 1;
    Some(Place::new(source, Position { line, column: 1 }))
}

/// A frame that can't be read, or that the protocol's `fails` names, and that no step expected.
fn failing(mailbox: &Mailbox) -> Option<Failure> {
    let mut inbox = lock(&mailbox.inbox);
    let place = inbox.failing(mailbox.fails.as_ref(), &[])?;
    let frame = &inbox.frames[place];
    let shown = brief(&frame.value, 240);
    let headline = match &frame.unreadable {
        None => format!("{} got a frame that fails and that no step expected: {shown}", mailbox.owner),
        Some(why) => format!("{} got a frame that no step expected as text: {why}: {shown}", mailbox.owner),
    };
    let mut failure = Failure::new(FailureKind::Expectation, headline);
    failure.participant = Some(mailbox.owner.clone());
    failure.details.push(format!("{} at {}", mailbox.frame_name(place), millis(frame.at)));
    Some(failure)
}

/// Frames that no step took or counted, and that are not to be ignored.
fn untaken(mailbox: &Mailbox, place: Option<Place>, ignore: &[Pattern]) -> Option<Failure> {
    let headline = {
        let inbox = lock(&mailbox.inbox);
        let mut untaken = inbox.frames.iter().filter(|frame| {
            frame.taken_by.is_none() && !frame.counted && !ignore.iter().any(|pattern| pattern.matches(&frame.value))
        });
        let first = untaken.next()?;
        let (one, many) = mailbox.nouns();
        format!(
            "strict: {} got {} that no step took, the first is {}",
            mailbox.owner,
            counted(untaken.count() + 1, one, many),
            mailbox.frame_text(&first.value, usize::MAX)
        )
    };
    let mut failure = Failure::new(FailureKind::Expectation, headline);
    failure.participant = Some(mailbox.owner.clone());
    failure.place = place;
    failure.came = mailbox.came(0).into_iter().filter(|frame| frame.taken_by.is_none()).collect();
    Some(failure)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::run::state::frame::Frame;
    use crate::run::state::mailbox::MailboxKind;

    fn pattern(value: &Value) -> Pattern {
        Pattern::compile(value).unwrap()
    }

    fn mailbox(values: &[Value]) -> Mailbox {
        let mailbox = Mailbox::new("ann", "main", MailboxKind::Frames, Some(pattern(&json!({ "type": "error" }))));
        for value in values {
            lock(&mailbox.inbox).frames.push(Frame::new(Duration::ZERO, 0, Arc::new(value.clone())));
        }
        mailbox
    }

    #[test]
    fn a_failing_frame_that_no_step_took_is_told() {
        let mailbox = mailbox(&[json!({ "n": 1 }), json!({ "type": "error", "why": "x" })]);
        let failure = failing(&mailbox).unwrap();
        assert_eq!(
            failure.headline,
            r#"ann got a frame that fails and that no step expected: {"type":"error","why":"x"}"#
        );
        assert_eq!(failure.details, ["main 2 at 0.0 ms"]);
        lock(&mailbox.inbox).take(&[1], 7);
        assert!(failing(&mailbox).is_none());
    }

    #[test]
    fn strict_tells_what_no_step_took_but_what_is_ignored() {
        let mailbox = mailbox(&[json!({ "n": 1 }), json!({ "tick": 1 }), json!({ "n": 2 })]);
        lock(&mailbox.inbox).take(&[0], 7);
        let ignore = [pattern(&json!({ "tick": { "$any": true } }))];
        let failure = untaken(&mailbox, None, &ignore).unwrap();
        assert_eq!(failure.headline, r#"strict: ann got 1 frame that no step took, the first is {"n":2}"#);
        assert_eq!(failure.came.len(), 2, "all that no step took");
        lock(&mailbox.inbox).take(&[2], 8);
        assert!(untaken(&mailbox, None, &ignore).is_none());
    }
}
