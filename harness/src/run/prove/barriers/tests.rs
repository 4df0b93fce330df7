//! What barriers ask, and what comes of it, against a server in memory.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::history::Closing;
use crate::run::testing::{ECHO, at_step, connect, headline, impatient, patient, pongs, sends, silence, story};
use crate::wire::feed::FeedReceiver as _;

const GET: &str = "
protocol: chat
barrier: { get: { get: /position, offset: $.at, frame: { type: said }, passed: $.n } }
";
const GET_WITH_ANSWERS: &str = "
protocol: chat
barrier: { get: { get: /position, offset: $.at, frame: { type: said }, passed: $.n, answers: { type: ack } } }
";
const MARKER: &str = "
protocol: chat
barrier: { marker: { do: { send: { mark: \"{{ marker }}\" } }, receive: { mark: \"{{ marker }}\" } } }
";

/// Ann, ben and cy, all of them connected to a server that answers pings.
fn three(protocol: &str) -> (StepContext, [Arc<Connection>; 3]) {
    let top = patient(protocol, &story("{ ann: { receive: {} } }"));
    let connections = ["ann", "ben", "cy"].map(|key| connect(&top, key, pongs));
    (at_step(&top, 0, "ann"), connections)
}

/// The questions about ann's connection, a round each.
fn asked(context: &StepContext, watcher: &Arc<Connection>) -> Result<Vec<Vec<String>>, String> {
    let text = |question: &Question| match question {
        Question::Echo(on) => format!("echo on {}", on.mailbox.owner),
        Question::Marker(asked) => {
            let seen_on: Vec<&str> = asked.seen_on.iter().map(|one| one.mailbox.owner.as_str()).collect();
            format!("marker of {} at {}", asked.by.key(), seen_on.join(", "))
        }
        Question::Answers(of) => format!("answers to {}", of.mailbox.owner),
        Question::Position => "position".to_owned(),
    };
    let rounds = questions(context, watcher).unwrap()?;
    Ok(rounds.iter().map(|round| round.iter().map(text).collect()).collect())
}

#[tokio::test]
async fn those_who_have_sent_are_asked_first_and_the_watcher_last() {
    let (context, [ann, ben, cy]) = three(ECHO);
    assert_eq!(asked(&context, &ann), Ok(vec![vec![], vec!["echo on ann".to_owned()]]));
    [&cy, &ben].into_iter().for_each(|connection| sends(connection, &json!({ "type": "say" })));
    let rounds = asked(&context, &ann).unwrap();
    assert_eq!(rounds, [vec!["echo on ben", "echo on cy"], vec!["echo on ann"]]);
}

#[tokio::test]
async fn who_has_ended_or_was_asked_already_is_no_sender() {
    let (context, [ann, ben, cy]) = three(ECHO);
    [&ben, &cy].into_iter().for_each(|connection| sends(connection, &json!({ "type": "say" })));
    ben.end(Closing::by_server(Some(1000), ""));
    lock(&cy.mailbox.inbox).flushed = 1;
    assert!(senders(&context.world.cast, &ann).is_empty());
    sends(&cy, &json!({ "type": "say" }));
    let found = senders(&context.world.cast, &ann);
    assert_eq!(found.iter().map(|one| one.mailbox.owner.as_str()).collect::<Vec<_>>(), ["cy"]);
}

#[tokio::test]
async fn each_kind_of_barrier_asks_its_own_questions() {
    let (context, [ann, ben, _]) = three(MARKER);
    sends(&ben, &json!({ "type": "say" }));
    assert_eq!(asked(&context, &ann).unwrap(), [["marker of ben at ann"]]);
    sends(&ann, &json!({ "type": "say" }));
    assert_eq!(
        asked(&context, &ann).unwrap(),
        // Her own marker may be seen by anybody, where the server doesn't hand it back to her.
        [["marker of ann at ann, ben, cy"], ["marker of ben at ann"]]
    );

    let (context, [ann, ben, _]) = three(GET_WITH_ANSWERS);
    sends(&ben, &json!({ "type": "say" }));
    assert_eq!(asked(&context, &ann).unwrap(), [["answers to ben"], ["answers to ann"], ["position"]]);

    let (context, [ann, ben, _]) = three(GET);
    assert_eq!(asked(&context, &ann).unwrap(), [["position"]]);
    sends(&ben, &json!({ "type": "say" }));
    assert_eq!(
        asked(&context, &ann).unwrap_err(),
        "ben has sent, and the barrier `get` of `chat` has no `answers` that would tell that it has arrived"
    );
}

#[tokio::test]
async fn a_barrier_that_is_answered_proves_and_notes_what_is_through() {
    let (context, [ann, ben, _]) = three(ECHO);
    sends(&ben, &json!({ "type": "say" }));
    assert_eq!(barrier(&context, &ann).await.unwrap(), Proof::Proven);
    let inbox = lock(&ben.mailbox.inbox);
    assert_eq!((inbox.sent, inbox.flushed, inbox.frames.len()), (1, 1, 0));
}

#[tokio::test]
async fn a_barrier_that_is_not_answered_breaks() {
    let top = impatient(ECHO, &story("{ ann: { receive: {} } }"));
    let ann = connect(&top, "ann", silence);
    assert_eq!(
        headline(barrier(&at_step(&top, 0, "ann"), &ann).await),
        "the barrier on connection main of `ann` broke: the answer to the barrier's ping: it did not come within 20ms"
    );
}

#[tokio::test]
async fn a_sender_that_was_lost_leaves_it_unproven() {
    let (context, [ann, ben, _]) = three(ECHO);
    sends(&ben, &json!({ "type": "say" }));
    ben.end(Closing::by_server(None, "reset"));
    assert_eq!(
        barrier(&context, &ann).await.unwrap(),
        Proof::Unproven(
            "ben's connection was lost behind frames of which no barrier has shown that they had arrived".to_owned()
        )
    );
}

#[tokio::test]
async fn an_end_and_a_connection_that_is_not_read_are_known_without_a_question() {
    let (context, [ann, ben, cy]) = three(ECHO);
    ann.end(Closing::by_server(Some(1000), ""));
    assert_eq!(barrier(&context, &ann).await.unwrap(), Proof::Proven);
    ben.end(Closing::by_server(None, "reset"));
    let lost = "ben's connection has ended by the server, without a close frame (reset)";
    assert_eq!(barrier(&context, &ben).await.unwrap(), Proof::Unproven(lost.to_owned()));
    cy.read(false);
    assert_eq!(barrier(&context, &cy).await.unwrap(), Proof::Unproven("cy's connection isn't read".to_owned()));
}

#[tokio::test]
async fn an_audit_finds_a_delivery_behind_the_barrier() {
    let top = patient(ECHO, &story("{ ann: { receive: {} } }"));
    let ann = connect(&top, "ann", pongs);
    audit(&top, &BarrierAudit::new(Duration::from_millis(1))).await.unwrap();
    let pings = |ann: &Connection| lock(&ann.mailbox.inbox).barriers;
    let asked = pings(&ann);
    let comes_late = async {
        while pings(&ann) < asked + 2 || !lock(&ann.mailbox.inbox).pings.is_empty() {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        crate::run::testing::comes(&ann, &json!({ "type": "said" }));
    };
    let audited_so = BarrierAudit::new(Duration::from_millis(300));
    let (audited, ()) = tokio::join!(audit(&top, &audited_so), comes_late);
    assert_eq!(
        headline(audited),
        "the barrier doesn't hold: ann got a delivery behind it, without anybody having done anything: {\"type\":\"said\"}"
    );
}
