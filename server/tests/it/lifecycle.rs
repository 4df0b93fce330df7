//! How a server ends, and where it refuses to begin.

use roundtable_server::Config;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::client::{Server, types};

#[tokio::test]
async fn a_shutdown_tells_every_socket_and_leaves_no_task() {
    let tasks = Handle::current().metrics().num_alive_tasks();
    let mut server = Server::start(json!({"retry_after_ms": 2000, "reconnect_spread_ms": 0})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut ben = server.enter("ben", &talk).await;
    ann.receive("participant_update").await;
    server.begin_shutdown();
    for socket in [&mut ann, &mut ben] {
        let (frames, (code, _)) = socket.until_close().await;
        assert_eq!((types(&frames), code), (vec!["server_closing"], 1001));
        assert_eq!(frames[0]["retry_after"], 2);
    }
    server.stopped().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
}

#[tokio::test]
async fn readiness_goes_first_and_whoever_is_there_is_still_served() {
    let mut server = Server::start(json!({"drain_delay_ms": 1_000})).await;
    let talk = server.conversation(&["ann"]).await;
    let mut ann = server.enter("ann", &talk).await;
    server.begin_shutdown();
    while server.call("", "GET", "/ready", Value::Null).await.status == 200 {}
    assert_eq!(server.call("", "GET", "/ready", Value::Null).await.error(), (503, "NOT_READY"));
    assert_eq!(server.ask("", "GET", "/health/chat", Value::Null).await["checks"]["websocket"], "error");
    ann.say("still served", "1").await;
    assert_eq!(types(&ann.ping().await), ["message_ack"]);
    let (frames, (code, _)) = ann.until_close().await;
    assert_eq!((types(&frames), code), (vec!["server_closing"], 1001));
    server.stopped().await;
}

#[tokio::test]
async fn a_shutdown_finishes_what_waits_for_the_store() {
    let mut server = Server::start(json!({"testing": true, "store_delay_ms": 20})).await;
    let talk = server.conversation(&["ann"]).await;
    let mut ann = server.enter("ann", &talk).await;
    ann.say("last words", "1").await;
    while server.ask("ann", "GET", "/health/chat", Value::Null).await["connections"] != 1 {}
    server.begin_shutdown();
    let (frames, (code, _)) = ann.until_close().await;
    let mut kinds = types(&frames);
    kinds.sort_unstable();
    // The message may have been read before or after the server took no more.
    assert!(kinds == ["message_ack", "server_closing"] || kinds == ["error", "server_closing"], "{kinds:?}");
    assert_eq!(code, 1001);
    server.stopped().await;
}

#[tokio::test]
async fn a_stuck_store_does_not_keep_the_server_from_ending() {
    let tasks = Handle::current().metrics().num_alive_tasks();
    let config = json!({"testing": true, "drain_timeout_ms": 50, "close_timeout_ms": 100});
    let mut server = Server::start(config).await;
    let talk = server.conversation(&["ann"]).await;
    let mut ann = server.enter("ann", &talk).await;
    server.store(json!({"gate": "closed"})).await;
    ann.say("never stored", "1").await;
    while server.ask("", "GET", "/testing/store", Value::Null).await["waiting"] == 0 {}
    // Never read again: its close is not answered.
    let _absent = server.enter("ann", &talk).await;
    server.begin_shutdown();
    let (frames, (code, _)) = ann.until_close().await;
    assert_eq!((types(&frames), code), (vec!["server_closing"], 1001));
    server.stopped().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
}

#[tokio::test]
async fn what_is_reachable_from_elsewhere_is_refused() {
    for config in [json!({}), json!({"testing": true, "force_dev_auth": true})] {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let config = Config::from_value(config).unwrap();
        let served = roundtable_server::serve(vec![listener], config, std::future::ready(())).await;
        let error = served.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("loopback"), "{error}");
    }
}

#[tokio::test]
async fn where_tokens_are_verified_others_may_reach_the_server() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let config = json!({"store": "memory", "auth": "jwt", "jwt_secret": "0123456789abcdef0123456789abcdef"});
    let config = Config::from_value(config).unwrap();
    roundtable_server::serve(vec![listener], config, std::future::ready(())).await.unwrap();
}

#[tokio::test]
async fn faults_are_not_mounted_without_testing() {
    let server = Server::start(json!({})).await;
    let answer = server.call("", "PUT", "/testing/store", json!({"gate": "closed"})).await;
    assert_eq!(answer.error(), (404, "NOT_FOUND"));
}
