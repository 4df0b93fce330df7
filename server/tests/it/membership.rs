//! Joining, leaving, presence.

use serde_json::{Value, json};

use crate::client::{Server, types};

#[tokio::test]
async fn a_leave_closes_the_leavers_sockets_and_tells_the_others_in_order() {
    let server = Server::start(json!({})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut phone = server.enter("ben", &talk).await;
    let mut tablet = server.enter("ben", &talk).await;
    assert_eq!(types(&ann.ping().await), ["participant_update"]);

    let leave = format!("/chat/{talk}/leave");
    let left = server.ask("ben", "DELETE", &leave, Value::Null).await;
    assert_eq!((&left["success"], &left["remaining_participants"]), (&json!(true), &json!(1)));
    for socket in [&mut phone, &mut tablet] {
        let closed = (Vec::new(), (1000, "Left conversation".to_owned()));
        assert_eq!(socket.until_close().await, closed);
    }
    let frames = ann.ping().await;
    assert_eq!(types(&frames), ["participant_update", "participant_left", "mode_change"]);
    assert_eq!((&frames[0]["action"], &frames[2]["mode"]), (&json!("leave"), &json!("single")));
    assert_eq!(server.call("ben", "DELETE", &leave, Value::Null).await.error(), (404, "NOT_PARTICIPANT"));
    assert_eq!(server.try_connect("ben", &talk, "").await.err(), Some(403));

    // The last one out makes it inactive; whoever comes back finds everything.
    ann.say("still here", "1").await;
    ann.ping().await;
    server.ask("ann", "DELETE", &leave, Value::Null).await;
    let mine = server.ask("ann", "GET", "/chat/my-conversations", Value::Null).await;
    assert_eq!(mine["total"], 0);
    let joining = json!({"participant": {"participantId": "ben", "displayName": "Ben"}});
    let joined = server.ask("ben", "POST", &format!("/chat/{talk}/join"), joining).await;
    let conversation = &joined["conversation"];
    assert_eq!((&conversation["status"], &conversation["message_count"]), (&json!("active"), &json!(1)));
    let say = format!("/chat/{talk}/messages");
    assert_eq!(server.ask("ben", "POST", &say, json!({"content": "x"})).await["sequence_id"], 2);
}

#[tokio::test]
async fn presence_is_told_at_the_first_and_the_last_socket() {
    let server = Server::start(json!({})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut first = server.enter("ben", &talk).await;
    let second = server.enter("ben", &talk).await;
    assert_eq!(types(&ann.ping().await), ["participant_update"]);
    drop(second);
    // The server has noticed the loss when it has given the slot back.
    while server.ask("ann", "GET", "/health/chat", Value::Null).await["connections"] != 2 {}
    assert_eq!(types(&ann.ping().await), Vec::<&str>::new());
    first.ping().await;
    drop(first);
    let update = ann.receive("participant_update").await;
    assert_eq!((&update["action"], &update["participants"][1]["isOnline"]), (&json!("leave"), &json!(false)));
}

#[tokio::test]
async fn membership_follows_its_rules() {
    let config = json!({"max_participants": 3, "max_participants_at_creation": 3});
    let server = Server::start(config).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let join = format!("/chat/{talk}/join");
    let who = |id: &str| json!({"participant": {"user_id": id, "name": id}});
    let again = server.call("ben", "POST", &join, who("ben")).await;
    assert_eq!(again.error(), (409, "ALREADY_MEMBER"));
    assert!(again.body["error"].as_str().unwrap().starts_with("Already a participant"));
    assert_eq!(server.call("eve", "POST", &join, who("cat")).await.error(), (403, "FORBIDDEN"));
    assert_eq!(server.call("eve", "POST", "/chat/nowhere/join", who("eve")).await.error(), (404, "NOT_FOUND"));
    server.ask("ben", "POST", &join, who("cat")).await;
    assert_eq!(server.call("eve", "POST", &join, who("eve")).await.error(), (429, "CAPACITY_REACHED"));
    let remove = |who: &str| format!("/chat/{talk}/participants/{who}");
    assert_eq!(server.call("ben", "DELETE", &remove("cat"), Value::Null).await.error(), (403, "FORBIDDEN"));
    assert_eq!(server.call("eve", "DELETE", &remove("cat"), Value::Null).await.error(), (404, "NOT_FOUND"));
    assert_eq!(server.ask("ann", "DELETE", &remove("cat"), Value::Null).await["remaining_participants"], 2);
    assert_eq!(server.call("ann", "DELETE", &remove("cat"), Value::Null).await.error(), (404, "NOT_PARTICIPANT"));
    assert_eq!(types(&ann.ping().await), ["participant_joined", "participant_left"]);

    let edited = server.ask("ben", "PATCH", &format!("/chat/{talk}"), json!({"title": "New", "mode": "fun"})).await;
    assert_eq!((&edited["title"], &edited["mode"]), (&json!("New"), &json!("fun")));
    let update = ann.receive("conversation_updated").await;
    assert_eq!((&update["title"], &update["mode"], &update["sites"]), (&json!("New"), &json!("fun"), &json!([])));
}

#[tokio::test]
async fn unread_counts_what_others_said_behind_the_read_position() {
    let server = Server::start(json!({})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    for number in 1..=4 {
        ann.say(&"é".repeat(150), &number.to_string()).await;
    }
    ann.ping().await;
    let path = format!("/chat/conversations/{talk}");
    let seen = server.ask("ben", "GET", &path, Value::Null).await;
    assert_eq!(seen["unread_count"], 4);
    assert_eq!(seen["last_message_preview"].as_str().unwrap().chars().count(), 100);
    assert_eq!(server.ask("ann", "GET", &path, Value::Null).await["unread_count"], 0);
    let mut ben = server.enter("ben", &talk).await;
    for (place, unread) in [(3, 1), (1, 1), (99, 0)] {
        ben.send(json!({"type": "read", "sequence_id": place})).await;
        assert_eq!(ben.ping().await, Vec::<Value>::new());
        let mine = server.ask("ben", "GET", "/chat/my-conversations", Value::Null).await;
        assert_eq!(mine["conversations"][0]["unread_count"], unread, "read up to {place}");
    }
}
