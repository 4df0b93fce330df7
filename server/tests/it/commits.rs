//! Nothing is answered or told before it is stored.

use serde_json::{Value, json};

use crate::client::{Server, places, types};

#[tokio::test]
async fn a_pong_follows_the_commits_that_its_socket_waits_for() {
    let server = Server::start(json!({"testing": true})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut ben = server.enter("ben", &talk).await;
    ann.ping().await;

    assert_eq!(server.store(json!({"gate": "closed"})).await["gate"], "closed");
    ann.say("hello", "1").await;
    ann.send(json!({"type": "typing", "isTyping": true})).await;
    ann.send(json!({"type": "ping"})).await;
    // The commit has come to the gate; nobody may know of it.
    while server.ask("", "GET", "/testing/store", Value::Null).await["waiting"] == 0 {}
    assert_eq!(ben.ping().await, Vec::<Value>::new());
    let path = format!("/chat/conversations/{talk}/messages");
    let page = server.ask("ben", "GET", &path, Value::Null).await;
    assert_eq!((&page["messages"], &page["current_sequence_id"]), (&json!([]), &json!(0)));

    server.store(json!({"gate": "open"})).await;
    assert_eq!(types(&ann.until_pong().await), ["message_ack"]);
    assert_eq!(types(&ben.ping().await), ["message", "typing"]);
}

#[tokio::test]
async fn a_failed_commit_burns_no_sequence_id() {
    let server = Server::start(json!({"testing": true})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut ben = server.enter("ben", &talk).await;

    server.store(json!({"fail_next": 1})).await;
    ann.say("lost", "1").await;
    let frames = ann.ping().await;
    let error = &frames[1];
    assert_eq!(types(&frames), ["participant_update", "error"]);
    assert_eq!(
        (&error["error"], &error["code"], &error["message_id"]),
        (&json!("storage_unavailable"), &json!(503), &json!("1"))
    );
    ann.say("lost", "1").await;
    assert_eq!(places(&ann.ping().await), [1]);
    assert_eq!(places(&ben.ping().await), [1]);

    server.store(json!({"fail_next": 4})).await;
    let say = format!("/chat/{talk}/messages");
    let unavailable = (503, "STORAGE_UNAVAILABLE");
    let answer = server.call("ben", "POST", &say, json!({"content": "x"})).await;
    assert_eq!(answer.error(), unavailable);
    assert!(answer.head.contains("retry-after: 1"));
    let joining = json!({"participant": {"user_id": "cat", "name": "Cat"}});
    let join = format!("/chat/{talk}/join");
    assert_eq!(server.call("cat", "POST", &join, joining).await.error(), unavailable);
    let leave = format!("/chat/{talk}/leave");
    assert_eq!(server.call("ben", "DELETE", &leave, Value::Null).await.error(), unavailable);
    assert_eq!(server.call("", "GET", "/ready", Value::Null).await.status, 503);
    let people = json!({"title": "t", "participants": [{"user_id": "ann", "name": "Ann"}]});
    assert_eq!(server.call("ann", "POST", "/chat/create", people).await.error(), unavailable);

    assert_eq!(server.ask("ben", "POST", &say, json!({"content": "y"})).await["sequence_id"], 2);
    assert_eq!(places(&ben.ping().await), [2]);
    assert_eq!(types(&ann.ping().await), ["message"]);
}

#[tokio::test]
async fn a_full_queue_refuses_and_loses_nothing_that_it_took() {
    let config = json!({"testing": true, "store_gate": "open", "queue_capacity": 3, "retry_after_ms": 1500});
    let server = Server::start(config).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    server.store(json!({"gate": "closed"})).await;
    for number in 1..=5 {
        ann.say("x", &number.to_string()).await;
    }
    for number in ["4", "5"] {
        let error = ann.receive("error").await;
        assert_eq!(
            (&error["error"], &error["code"], &error["message_id"], &error["retry_after"]),
            (&json!("queue_full"), &json!(429), &json!(number), &json!(1.5))
        );
    }
    let answer = server.call("ben", "POST", &format!("/chat/{talk}/messages"), json!({"content": "x"})).await;
    assert_eq!(answer.error(), (429, "QUEUE_FULL"));
    assert!(answer.head.contains("retry-after: 2"));
    let health = server.ask("", "GET", "/health/chat", Value::Null).await;
    assert_eq!((&health["status"], &health["checks"]["queues"]), (&json!("degraded"), &json!("error")));

    server.store(json!({"gate": "open"})).await;
    let frames = ann.ping().await;
    assert_eq!(types(&frames), ["message_ack"; 3]);
    assert_eq!(places(&frames), [1, 2, 3]);
}

#[tokio::test]
async fn a_resend_is_acked_with_the_first_result_wherever_it_comes_from() {
    let server = Server::start(json!({})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut phone = server.enter("ann", &talk).await;
    let mut tablet = server.enter("ann", &talk).await;
    let mut ben = server.enter("ben", &talk).await;
    phone.ping().await;
    tablet.ping().await;

    phone.say("once", "id").await;
    let first = phone.receive("message_ack").await;
    assert_eq!(first["duplicate"], false);
    assert_eq!(types(&tablet.ping().await), ["message"]);
    tablet.say("once", "id").await;
    let again = tablet.receive("message_ack").await;
    assert_eq!((&again["duplicate"], &again["message_id"]), (&json!(true), &first["message_id"]));
    let say = format!("/chat/{talk}/message");
    let posted = server.call("ann", "POST", &say, json!({"content": "once", "message_id": "id"})).await;
    assert_eq!((posted.status, &posted.body["duplicate"], &posted.body["sequence_id"]), (201, &json!(true), &json!(1)));
    let other = json!({"content": "other", "message_id": "id"});
    assert_eq!(server.call("ann", "POST", &say, other.clone()).await.error(), (409, "ID_CONFLICT"));
    phone.say("other", "id").await;
    assert_eq!(phone.receive("error").await["error"], "id_conflict");
    // Somebody else's id is another id.
    assert_eq!(server.ask("ben", "POST", &say, other).await["sequence_id"], 2);
    assert_eq!(places(&ben.ping().await), [1, 2]);
}
