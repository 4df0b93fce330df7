//! Expectations on an inbox: waiting for them.

use std::time::Duration;

use serde_json::Value;

use super::absence::{count, nothing};
use super::wanted::{Wanted, WantedKind, failing_frame, missed, wrong_frame};
use crate::event::{EventKind, Failure, FailureKind};
use crate::lock::lock;
use crate::run::context::captures::{capture, capture_joined};
use crate::run::context::connections::{Watched, watched};
use crate::run::context::step_context::{Pace, StepContext};
use crate::run::context::wait::{changed_before, from_now, or_death, server_died};
use crate::run::state::connection::described;
use crate::run::state::look::{Look, LookProgress};
use crate::run::state::mailbox::Mailbox;
use crate::scenario::model::{Expect, Expected};
use crate::text::shorten;

/// Plays an expectation.
pub(crate) async fn expect(context: &mut StepContext, expect: &Expect) -> Result<(), Box<Failure>> {
    let watched = watched(context, expect.via.as_ref())?;
    let mailbox = watched.mailbox();
    let since = expect.since.as_ref().or(context.call.since.as_ref());
    let from = match since {
        None => 0,
        Some(mark) => match lock(&mailbox.inbox).marks.get(mark) {
            Some(place) => *place,
            None => return Err(context.wrong(format!("connection {} has no mark `{mark}`", mailbox.name))),
        },
    };
    let (kind, patterns) = match &expect.what {
        Expected::One(pattern) => (WantedKind::Receive, vec![context.pattern(pattern)?]),
        Expected::Next(pattern) => (WantedKind::ReceiveNext, vec![context.pattern(pattern)?]),
        Expected::InOrder(list) => (WantedKind::ReceiveInOrder, context.patterns(list)?),
        Expected::All(list) => (WantedKind::ReceiveAll, context.patterns(list)?),
        Expected::Collect { pattern, until } => {
            (WantedKind::Collect, vec![context.pattern(pattern)?, context.pattern(until)?])
        }
        Expected::Nothing { pattern, listen } => {
            let pattern = context.pattern(pattern)?;
            return nothing(context, &watched, &pattern, from, *listen).await;
        }
        Expected::Counted { pattern, times, listen } => {
            let (pattern, times) = (context.pattern(pattern)?, context.pattern(times)?);
            return count(context, &watched, &pattern, &times, from, *listen).await;
        }
    };
    let wanted = Wanted { kind, patterns, from };
    let places = wait(context, mailbox, &wanted, expect.within).await?;
    let values: Vec<Value> = {
        let mut inbox = lock(&mailbox.inbox);
        inbox.take(&places, context.place.line);
        places.iter().map(|place| Value::clone(&inbox.frames[*place].value)).collect()
    };
    tell_taken(context, &watched, &places);
    let value = match kind {
        WantedKind::Collect => return capture_joined(context, &values, &expect.capture),
        WantedKind::ReceiveInOrder | WantedKind::ReceiveAll => Value::Array(values),
        WantedKind::Receive | WantedKind::ReceiveNext => values.into_iter().next().unwrap_or(Value::Null),
    };
    capture(context, &value, &expect.capture, kind.word())
}

/// Tells which frames a step has taken.
fn tell_taken(context: &StepContext, watched: &Watched, places: &[usize]) {
    if context.pace == Pace::AtOnce {
        return;
    }
    let tell = |id: usize, places: &[usize]| {
        context.world.recorder.tell(|| EventKind::Taken {
            participant: watched.mailbox().owner.clone(),
            id,
            step: context.place.number,
            numbers: places.iter().map(|place| place + 1).collect(),
        });
    };
    match watched {
        Watched::Connection(connection) => tell(connection.id.0, places),
        // Each request has a connection of its own.
        Watched::Stub(stub) => {
            for place in places {
                stub.connection_of(*place).iter().for_each(|id| tell(id.0, &[*place]));
            }
        }
    }
}

/// Waits for what is wanted; gives the places of its frames.
async fn wait(
    context: &StepContext,
    mailbox: &Mailbox,
    wanted: &Wanted,
    within: Option<Duration>,
) -> Result<Vec<usize>, Box<Failure>> {
    let mut changes = mailbox.changes();
    let patience = if context.pace == Pace::AtOnce { Duration::ZERO } else { context.patience(within) };
    let limit = from_now(patience);
    let (mut waits, mut progress) = (None, LookProgress::default());
    loop {
        if let Some(outcome) = look(mailbox, wanted, &mut progress) {
            let outcome = outcome.map_err(|failure| context.placed(failure));
            let broke = lock(&mailbox.inbox).end.as_ref().is_some_and(|end| end.code.is_none());
            return match outcome {
                Err(failure) if broke => Err(or_death(context, failure).await),
                outcome => outcome,
            };
        }
        waits.get_or_insert_with(|| context.waits(shorten(&wanted.described(), 160)));
        let more = tokio::select! {
            more = changed_before(&mut changes, limit) => more,
            death = context.world.target.server.death() => return Err(server_died(context, &death)),
        };
        if !more {
            break;
        }
    }
    // Missed. Listen on for a moment, to say whether it came late or never.
    let deadline = tokio::time::Instant::now();
    let late = context.late();
    loop {
        let found = wanted.look(&mut lock(&mailbox.inbox), &mut progress);
        if let Look::Found(_) = found {
            let shown = shorten(&wanted.described(), 160);
            let mut failure = context.failure(format!("{} got {shown} too late: waited {patience:?}", mailbox.who()));
            failure.kind = FailureKind::Late;
            failure.late = Some(format!("it came {} ms after the deadline", deadline.elapsed().as_millis()));
            failure.came = mailbox.came(wanted.from);
            return Err(failure);
        }
        if !mailbox.is_open() || !changed_before(&mut changes, deadline + late).await {
            break;
        }
    }
    let mut failure = context.placed(missed(mailbox, wanted, &format!("waited {patience:?}")));
    let end = lock(&mailbox.inbox).end.clone();
    failure.late = Some(match end {
        None => format!("it never came: the runner listened {late:?} longer"),
        Some(end) => {
            let after = deadline.elapsed().as_millis();
            format!("it never came: the connection was closed {} {after} ms after the deadline", described(&end))
        }
    });
    Err(failure)
}

/// `Some(Ok)`: matched. `Some(Err)`: can no longer match. `None`: keep waiting.
fn look(mailbox: &Mailbox, wanted: &Wanted, progress: &mut LookProgress) -> Option<Result<Vec<usize>, Failure>> {
    let mut inbox = lock(&mailbox.inbox);
    let mut failure = match wanted.look(&mut inbox, progress) {
        Look::Found(places) => return Some(Ok(places)),
        Look::Wrong(place) => wrong_frame(mailbox, wanted, &inbox, place),
        Look::Missing { .. } => {
            let failing = inbox.failing(mailbox.fails.as_ref(), &wanted.patterns);
            match (failing, &inbox.end) {
                (Some(place), _) => failing_frame(mailbox, wanted, &inbox, place),
                (None, None) => return None,
                (None, Some(end)) => {
                    let why = format!("its connection was closed {}", described(end));
                    drop(inbox);
                    return Some(Err(missed(mailbox, wanted, &why)));
                }
            }
        }
    };
    drop(inbox);
    failure.came = mailbox.came(wanted.from);
    Some(Err(failure))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::history::Closing;
    use crate::run::testing::{ECHO, action, at_step, comes, connect, impatient, patient, pongs, story};
    use crate::scenario::model::Action;
    use crate::wire::feed::FeedReceiver as _;

    /// Plays the first step as ann.
    async fn plays(top: &StepContext) -> Result<(), Box<Failure>> {
        let mut context = at_step(top, 0, "ann");
        match &*action(top, 0) {
            Action::Expect(asked) => expect(&mut context, asked).await,
            other => panic!("{other:?} expects nothing"),
        }
    }

    #[tokio::test]
    async fn a_frame_is_awaited_taken_and_captured_from() {
        let top = patient(ECHO, &story("{ ann: { receive: { type: said }, capture: { text: $.text } } }"));
        let connection = connect(&top, "ann", pongs);
        comes(&connection, &json!({ "type": "left" }));
        let said = async {
            // Behind the step, which waits by then.
            while top.world.progress.waiting().is_empty() {
                tokio::task::yield_now().await;
            }
            comes(&connection, &json!({ "type": "said", "text": "hi" }));
        };
        let (played, ()) = tokio::join!(plays(&top), said);
        played.unwrap();
        let taken: Vec<_> = lock(&connection.mailbox.inbox).frames.iter().map(|frame| frame.taken_by).collect();
        assert_eq!(taken, [None, Some(4)]);
        assert_eq!(lock(&top.world.captures)["text"], json!("hi"));
        assert!(top.world.progress.waiting().is_empty());
    }

    #[tokio::test]
    async fn what_never_comes_is_missed() {
        let top = impatient(ECHO, &story("{ ann: { receive: { type: said } } }"));
        let _connection = connect(&top, "ann", pongs);
        let failure = plays(&top).await.unwrap_err();
        assert_eq!(failure.headline, "ann never got {\"type\":\"said\"}: waited 20ms");
        assert_eq!(failure.late.as_deref(), Some("it never came: the runner listened 20ms longer"));
        assert_eq!(failure.place.unwrap().at.line, 4);
    }

    #[tokio::test]
    async fn an_end_and_a_frame_that_fails_stop_the_wait() {
        let top = patient(ECHO, &story("{ ann: { receive: { type: said } } }"));
        let connection = connect(&top, "ann", pongs);
        comes(&connection, &json!({ "type": "error" }));
        assert_eq!(plays(&top).await.unwrap_err().headline, "ann got a frame that fails: {\"type\":\"error\"}");

        let top = patient(ECHO, &story("{ ann: { receive: { type: said } } }"));
        connect(&top, "ann", pongs).end(Closing::by_server(Some(1011), "broke"));
        assert_eq!(
            plays(&top).await.unwrap_err().headline,
            "ann never got {\"type\":\"said\"}: its connection was closed by the server, 1011 broke"
        );
    }

    #[tokio::test]
    async fn a_frame_that_is_not_the_next_one_fails_at_once() {
        let top = patient(ECHO, &story("{ ann: { receive_next: { type: said } } }"));
        let connection = connect(&top, "ann", pongs);
        comes(&connection, &json!({ "type": "left" }));
        assert_eq!(
            plays(&top).await.unwrap_err().headline,
            "the next frame on ann is {\"type\":\"left\"}, expected {\"type\":\"said\"}"
        );
    }

    #[tokio::test]
    async fn frames_before_a_mark_do_not_count() {
        let steps = "{ ann: { receive_all: [{ n: 1 }], since: here } }, { ann: { mark: here } }";
        let top = impatient(ECHO, &story(&format!("{{ ann: {{ mark: here }} }}, {steps}")));
        let connection = connect(&top, "ann", pongs);
        comes(&connection, &json!({ "n": 1 }));
        let mut context = at_step(&top, 1, "ann");
        let Action::Expect(asked) = &*action(&top, 1) else { panic!("it expects") };
        assert_eq!(expect(&mut context, asked).await.unwrap_err().headline, "connection main has no mark `here`");
        lock(&connection.mailbox.inbox).marks.insert("here".to_owned(), 1);
        assert_eq!(expect(&mut context, asked).await.unwrap_err().headline, "ann never got {\"n\":1}: waited 20ms");
        lock(&connection.mailbox.inbox).marks.insert("here".to_owned(), 0);
        expect(&mut context, asked).await.unwrap();
    }
}
