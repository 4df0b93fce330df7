//! What lies in the database: it outlives the server, and a server without it says so.

use std::process::Command;

use serde_json::{Value, json};

use crate::client::{Server, places, types};

#[tokio::test]
async fn a_restart_finds_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"data": folder.path()});
    let mut server = Server::start(config.clone()).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    for id in ["1", "2", "3"] {
        ann.say(&format!("nul \0 and {id}"), id).await;
    }
    ann.send(json!({"type": "read", "sequence_id": 2})).await;
    ann.ping().await;
    server.ask("ann", "PATCH", &format!("/chat/{talk}"), json!({"title": "renamed", "sites": ["s"]})).await;
    let path = format!("/chat/conversations/{talk}");
    drop(ann);
    // Presence is of the moment; everything else must be the same.
    let gone = |view: &Value| view["participants"].as_array().unwrap().iter().all(|person| person["isOnline"] == false);
    let before = loop {
        let view = server.ask("ben", "GET", &path, Value::Null).await;
        if gone(&view) {
            break view;
        }
    };
    server.begin_shutdown();
    server.stopped().await;

    let server = Server::start(config).await;
    assert_eq!(server.ask("ben", "GET", &path, Value::Null).await, before);
    let mine = server.ask("ben", "GET", "/chat/my-conversations", Value::Null).await;
    assert_eq!((&mine["total"], &mine["conversations"][0]["unread_count"]), (&json!(1), &json!(3)));
    let mut ann = server.enter("ann", &talk).await;
    ann.say("nul \0 and 1", "1").await;
    let ack = ann.receive("message_ack").await;
    assert_eq!((&ack["duplicate"], &ack["sequence_id"]), (&json!(true), &json!(1)));
    ann.say("something else", "2").await;
    assert_eq!(ann.receive("error").await["error"], "id_conflict");
    ann.say("and on", "4").await;
    assert_eq!(ann.receive("message_ack").await["sequence_id"], 4);
}

#[tokio::test]
async fn a_commit_whose_outcome_got_lost_is_told_when_it_is_known() {
    let server = Server::start(json!({"testing": true})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut ben = server.enter("ben", &talk).await;
    ann.ping().await;
    server.store(json!({"doubt_next": 1})).await;
    ann.say("once", "1").await;
    let error = ann.receive("error").await;
    assert_eq!((&error["error"], &error["message_id"]), (&json!("storage_unavailable"), &json!("1")));
    // Nobody heard that it is durable; it stands in the log all the same, and everybody gets it.
    let told = ann.receive("message").await;
    assert_eq!(told["message"]["sequence_id"], 1);
    ann.say("once", "1").await;
    let ack = ann.receive("message_ack").await;
    assert_eq!((&ack["duplicate"], &ack["sequence_id"]), (&json!(true), &json!(1)));
    ann.say("twice", "2").await;
    assert_eq!(ann.receive("message_ack").await["sequence_id"], 2);
    assert_eq!(places(&ben.ping().await), [1, 2]);
}

#[tokio::test]
async fn a_database_that_is_gone_refuses_writes_and_reads_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(json!({"health_interval_ms": 0, "data": folder.path()})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    ann.ping().await;
    let (file, away) = (folder.path().join("chat.db"), folder.path().join("away.db"));
    std::fs::rename(&file, &away).unwrap();
    let status = async |path: &str| server.call("ben", "GET", path, Value::Null).await.status;
    assert_eq!((status("/ready").await, status("/health").await), (503, 503));
    let health = server.ask("", "GET", "/health/chat", Value::Null).await;
    assert_eq!((&health["status"], &health["storage"]), (&json!("degraded"), &json!("error")));
    let say = format!("/chat/{talk}/messages");
    let refused = server.call("ben", "POST", &say, json!({"content": "x"})).await;
    assert_eq!(refused.error(), (503, "STORAGE_UNAVAILABLE"));
    ann.say("x", "1").await;
    assert_eq!(ann.receive("error").await["error"], "storage_unavailable");
    assert_eq!(status(&format!("/chat/conversations/{talk}")).await, 200);
    assert_eq!(status("/chat/my-conversations").await, 200);

    std::fs::rename(&away, &file).unwrap();
    assert_eq!(status("/ready").await, 200);
    ann.say("x", "1").await;
    assert_eq!(types(&ann.ping().await), ["message_ack"]);
}

#[tokio::test]
async fn conversations_leave_memory_and_come_back() {
    let server = Server::start(json!({"idle_unload_ms": 1})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let loaded = async || server.ask("ann", "GET", "/health/chat", Value::Null).await["conversations"].clone();
    while loaded().await != 0 {}
    let mut ann = server.enter("ann", &talk).await;
    ann.say("hello", "1").await;
    ann.receive("message_ack").await;
    assert_eq!(loaded().await, 1, "it stays while somebody is connected");
    drop(ann);
    while loaded().await != 0 {}
    let say = format!("/chat/{talk}/messages");
    let again = server.ask("ann", "POST", &say, json!({"content": "hello", "message_id": "1"})).await;
    assert_eq!((&again["duplicate"], &again["sequence_id"]), (&json!(true), &json!(1)));
}

/// How the program ends that is given these arguments: its exit code and standard error.
fn ended(arguments: &[&str]) -> (Option<i32>, String) {
    let program = env!("CARGO_BIN_EXE_roundtable-server");
    let output = Command::new(program).args(["--port", "0", "--log", "off"]).args(arguments).output().unwrap();
    assert!(output.stdout.is_empty(), "nothing is announced");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn what_cannot_be_opened_is_told_before_anything_is_announced() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let server = Server::start(json!({"data": data})).await;
    server.conversation(&["ann"]).await;
    let (code, error) = ended(&["--data", data]);
    assert_eq!(code, Some(3), "{error}");
    let expected = format!("is already in use by pid {}; stop that server", std::process::id());
    assert!(error.contains(&expected), "{error}");

    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("chat.db"), "no database at all, but a text that is long enough to be looked at")
        .unwrap();
    let (code, error) = ended(&["--data", other.path().to_str().unwrap()]);
    assert!(code == Some(3) && error.contains("chat.db can't be used") && error.contains("move it away"), "{error}");

    let (code, error) = ended(&["--store", "mysql://x"]);
    assert!(code == Some(2) && error.contains("`store` must be `sqlite`, `memory`, or a URL"), "{error}");
    let (code, error) = ended(&["--store", "postgres://me:secret@127.0.0.1:1/chat"]);
    assert!(code == Some(3) && error.contains("chat at 127.0.0.1:1") && !error.contains("secret"), "{error}");
}
