//! The AI participant that answers from a script.

use serde_json::{Value, json};

use crate::client::{Server, types};

fn rules() -> Value {
    json!([
        {"match": "^echo (.*)", "chunks": ["You said ", "$1"]},
        {"match": "^fail", "chunks": ["well "], "reply": "error", "error": "no idea"},
        {"match": "^hang", "reply": "hang"},
        {"match": "^results", "chunks": [{"type": "result_batch", "data": {"n": 1}}], "text": "One result."},
    ])
}

#[tokio::test]
async fn answers_are_streamed_then_stored() {
    let server = Server::start(json!({"ai_script": rules(), "ai_timeout_ms": 50})).await;
    let talk = server.conversation(&["ann"]).await;
    let mut ann = server.connect("ann", &talk).await;
    assert_eq!(ann.receive("connected").await["mode"], "single");
    assert_eq!(ann.receive("participant_list").await["participant_count"], 2);

    ann.say("echo hi", "1").await;
    let ack = ann.receive("message_ack").await;
    for (content, last) in [("You said ", false), ("hi", false), ("", true)] {
        let piece = ann.receive("ai_response").await;
        assert_eq!((&piece["content"], &piece["final"]), (&json!(content), &json!(last)));
        assert_eq!(piece["response_to"], ack["message_id"]);
        assert_eq!(piece["participant"]["participantId"], "nlweb_1");
    }
    let answer = ann.receive("message").await["message"].take();
    assert_eq!(
        (&answer["content"], &answer["message_type"], &answer["sender_id"], &answer["sequence_id"]),
        (&json!("You said hi"), &json!("nlweb_response"), &json!("nlweb_1"), &json!(2))
    );

    ann.say("fail please", "2").await;
    assert_eq!(ann.receive("message_ack").await["sequence_id"], 3);
    assert_eq!(ann.receive("ai_response").await["content"], "well ");
    assert_eq!(ann.receive("ai_response").await["final"], true);
    let error = ann.receive("message").await;
    assert_eq!(error["message"]["message_type"], "error");
    assert!(error["message"]["content"].as_str().unwrap().ends_with("no idea"));

    ann.say("hang there", "3").await;
    ann.receive("message_ack").await;
    assert_eq!(ann.receive("message").await["message"]["message_type"], "error");

    ann.say("nothing fits", "4").await;
    ann.receive("message_ack").await;
    ann.say("results", "5").await;
    ann.receive("message_ack").await;
    let batch = ann.receive("ai_response").await;
    assert_eq!((&batch["message_type"], &batch["data"]), (&json!("result_batch"), &json!({"n": 1})));
    ann.receive("ai_response").await;
    assert_eq!(ann.receive("message").await["message"]["content"], "One result.");
}

#[tokio::test]
async fn pending_jobs_give_way_oldest_first() {
    let config = json!({"ai_script": rules(), "ai_queue_capacity": 1, "ai_timeout_ms": 3_600_000});
    let server = Server::start(config).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    ann.say("hang", "1").await;
    for number in 2..=4 {
        ann.say("echo x", &number.to_string()).await;
    }
    // The chat goes on while the AI hangs.
    assert_eq!(types(&ann.ping().await), ["message_ack"; 4]);
}

#[tokio::test]
async fn an_answer_waits_for_a_store_that_fails() {
    let rules = json!([{"match": "^echo (.*)", "text": "You said $1"}]);
    let server = Server::start(json!({"testing": true, "ai_script": rules})).await;
    let talk = server.conversation(&["ann"]).await;
    let mut ann = server.enter("ann", &talk).await;
    for (number, faults) in [json!({"fail_next": 3}), json!({"doubt_next": 1}), json!({})].into_iter().enumerate() {
        // The question is stored, and its answer is not, at first.
        server.store(json!({"pass_next": 1})).await;
        server.store(faults).await;
        let place = number * 2 + 1;
        ann.say(&format!("echo {number}"), &number.to_string()).await;
        assert_eq!(ann.receive("message_ack").await["sequence_id"], place);
        let answer = ann.receive("message").await["message"].take();
        // Once, and in order: the next question is not answered before it.
        assert_eq!(
            (&answer["content"], &answer["sequence_id"]),
            (&json!(format!("You said {number}")), &json!(place + 1))
        );
    }
}

#[tokio::test]
async fn nobody_is_added_without_an_ai_or_when_it_is_not_wanted() {
    let people = json!([{"user_id": "ann", "name": "Ann"}]);
    let without = Server::start(json!({})).await;
    let body = json!({"title": "t", "participants": people, "enable_ai": true});
    let created = without.ask("ann", "POST", "/chat/create", body.clone()).await;
    assert_eq!(created["participants"].as_array().unwrap().len(), 1);
    let with = Server::start(json!({"ai_script": rules()})).await;
    let created = with.ask("ann", "POST", "/chat/create", body).await;
    let ai = json!({"id": "nlweb_1", "name": "NLWeb Assistant", "type": "ai"});
    assert_eq!(created["participants"][1], ai);
    let body = json!({"title": "t", "participants": people, "enable_ai": false});
    let created = with.ask("ann", "POST", "/chat/create", body).await;
    assert_eq!(created["participants"].as_array().unwrap().len(), 1);
}
