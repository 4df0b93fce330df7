//! Counts and absences, against a server in memory.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::run::state::connection::Connection;
use crate::run::testing::{ECHO, at_step, comes, connect, headline, impatient_when_late, patient, pongs, story};
use crate::wire::codec::RawMessage;
use crate::wire::feed::FeedReceiver as _;

const NOTE: &str = "{ ann: { receive: {} } }";

fn pattern(pattern: &Value) -> Pattern {
    Pattern::compile(pattern).unwrap()
}

async fn counts(context: &StepContext, connection: &Arc<Connection>, times: usize) -> Result<(), Box<Failure>> {
    let watched = Watched::Connection(Arc::clone(connection));
    let (said, times) = (pattern(&json!({ "type": "said" })), pattern(&json!(times)));
    count(context, &watched, &said, &times, 0, None).await
}

async fn gets_nothing(context: &StepContext, connection: &Arc<Connection>) -> Result<(), Box<Failure>> {
    let watched = Watched::Connection(Arc::clone(connection));
    nothing(context, &watched, &pattern(&json!({ "type": "said" })), 0, None).await
}

#[tokio::test]
async fn a_count_is_judged_behind_the_barrier() {
    let top = patient(ECHO, &story(NOTE));
    let mut late = false;
    let connection = connect(&top, "ann", move |message| {
        // What was on its way comes before the answer to the barrier.
        let first = if std::mem::replace(&mut late, true) { Vec::new() } else { vec![r#"{"type":"said"}"#.to_owned()] };
        [first, pongs(message)].concat()
    });
    comes(&connection, &json!({ "type": "said" }));
    let context = at_step(&top, 0, "ann");
    counts(&context, &connection, 2).await.unwrap();
    assert!(lock(&connection.mailbox.inbox).frames.iter().all(|frame| frame.counted));
    assert_eq!(headline(counts(&context, &connection, 1).await), "ann got {\"type\":\"said\"} 2 times, expected 1");
}

#[tokio::test]
async fn what_comes_behind_the_barrier_is_late() {
    let top = patient(ECHO, &story(NOTE));
    let connection = connect(&top, "ann", pongs);
    comes(&connection, &json!({ "type": "said" }));
    let comes_late = async {
        while !lock(&connection.mailbox.inbox).frames[0].counted {
            tokio::task::yield_now().await;
        }
        comes(&connection, &json!({ "type": "said" }));
    };
    let context = at_step(&top, 0, "ann");
    let (failed, ()) = tokio::join!(counts(&context, &connection, 2), comes_late);
    let failure = failed.unwrap_err();
    assert_eq!(
        (failure.kind, failure.headline.as_str()),
        (FailureKind::Late, "ann got {\"type\":\"said\"} 1 time, expected 2 (1 more came behind the barrier)")
    );
}

#[tokio::test]
async fn a_count_that_stays_too_small_fails_with_the_nearest_frame() {
    let top = impatient_when_late(ECHO, &story(NOTE));
    let connection = connect(&top, "ann", pongs);
    comes(&connection, &json!({ "type": "sad" }));
    let failure = counts(&at_step(&top, 0, "ann"), &connection, 1).await.unwrap_err();
    assert_eq!(failure.headline, "ann got {\"type\":\"said\"} 0 times, expected 1");
    assert_eq!(failure.late.as_deref(), Some("no more came: the runner listened 20ms longer"));
    assert_eq!(failure.nearest.unwrap().differences, ["$.type: expected \"said\", got \"sad\""]);
}

#[tokio::test]
async fn a_frame_that_must_not_come_fails_and_one_that_can_not_be_read_proves_nothing() {
    let top = patient(ECHO, &story(NOTE));
    let connection = connect(&top, "ann", pongs);
    let context = at_step(&top, 0, "ann");
    gets_nothing(&context, &connection).await.unwrap();
    connection.message(RawMessage::Text("[1e400]"));
    assert_eq!(
        headline(gets_nothing(&context, &connection).await),
        "ann got a frame of which nothing can be said: it can't be read as JSON: number out of range at line 1 \
         column 6: \"[1e400]\""
    );
    comes(&connection, &json!({ "type": "said" }));
    assert_eq!(
        headline(gets_nothing(&context, &connection).await),
        "ann got a frame that it must not get: {\"type\":\"said\"}"
    );
}

#[tokio::test]
async fn without_a_barrier_nothing_is_proven_and_a_period_leaves_it_unproven() {
    let top = patient("protocol: chat", &story(NOTE));
    let connection = connect(&top, "ann", pongs);
    let context = at_step(&top, 0, "ann");
    assert_eq!(
        headline(gets_nothing(&context, &connection).await),
        "nothing can be proven here: the protocol `chat` declares no barrier"
    );
    let watched = Watched::Connection(Arc::clone(&connection));
    let period = Some(Duration::from_millis(1));
    nothing(&context, &watched, &pattern(&json!({ "type": "said" })), 0, period).await.unwrap();
    assert_eq!(*lock(&context.world.findings.unproven), ["line 4: ann: the protocol `chat` declares no barrier"]);
}
