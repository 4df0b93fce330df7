//! Faults, limits, and what closes a socket.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Answer, Server, call_at, places, types};

#[tokio::test]
async fn refusals_come_before_the_upgrade() {
    let server = Server::start(json!({"max_sockets": 3, "max_sockets_per_user": 2})).await;
    let talk = server.conversation(&["ann", "ben", "cat"]).await;
    let refusal = async |user, talk, query| server.try_connect(user, talk, query).await.err();
    assert_eq!(refusal("", &talk, "").await, Some(401));
    assert_eq!(refusal("ann", "conv_000000000000", "").await, Some(404));
    assert_eq!(refusal("eve", &talk, "").await, Some(403));
    let _first = server.enter("ann", &talk).await;
    let second = server.enter("ann", &talk).await;
    assert_eq!(refusal("ann", &talk, "").await, Some(429));
    let _third = server.enter("ben", &talk).await;
    assert_eq!(refusal("cat", &talk, "").await, Some(429));
    drop(second);
    while server.ask("ann", "GET", "/health/chat", Value::Null).await["connections"] != 2 {}
    server.enter("cat", &talk).await;
    let plain = server.call("ann", "GET", &format!("/chat/ws/{talk}"), Value::Null).await;
    assert_eq!(plain.error(), (400, "UPGRADE_REQUIRED"));
}

#[tokio::test]
async fn faulty_frames_get_errors_and_the_socket_lives() {
    let server = Server::start(json!({})).await;
    let talk = server.conversation(&["ann"]).await;
    let mut ann = server.enter("ann", &talk).await;
    for text in ["{", "[]", r#"{"type":"x"}"#, r#"{"type":"message"}"#, r#"{"type":"message","content":""}"#] {
        ann.send_raw(Message::text(text)).await;
    }
    ann.send_raw(Message::binary(vec![1, 2, 3])).await;
    ann.say(&"😀".repeat(10_001), "big").await;
    ann.send(json!({"type": "join"})).await;
    ann.say(&"😀".repeat(10_000), "fits").await;
    let frames = ann.ping().await;
    let errors: Vec<&str> = frames.iter().filter_map(|frame| frame["error"].as_str()).collect();
    assert_eq!(
        errors,
        [
            "invalid_json",
            "invalid_json",
            "unknown_type",
            "invalid_message",
            "invalid_message",
            "unsupported_data",
            "message_too_large"
        ]
    );
    assert_eq!(places(&frames), [1]);
}

#[tokio::test]
async fn too_many_faults_close_with_1008() {
    let server = Server::start(json!({"max_faults_per_minute": 5})).await;
    let talk = server.conversation(&["ann"]).await;
    let mut ann = server.enter("ann", &talk).await;
    for _ in 0..6 {
        ann.send_raw(Message::text("{")).await;
    }
    let (frames, closed) = ann.until_close().await;
    assert_eq!(types(&frames), ["error"; 6]);
    assert_eq!(closed.0, 1008);
}

#[tokio::test]
async fn frames_beyond_the_limit_close_with_1009() {
    let server = Server::start(json!({})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    // At the limit there is an error, beyond it the end.
    let text = |bytes: usize| Message::text(" ".repeat(bytes));
    for bytes in [262_145, 1_000_000] {
        let mut ben = server.enter("ben", &talk).await;
        ann.receive("participant_update").await;
        ben.send_raw(text(262_144)).await;
        assert_eq!(ben.receive("error").await["error"], "invalid_json");
        ben.send_raw(text(bytes)).await;
        let (frames, closed) = ben.until_close().await;
        assert_eq!((frames.len(), closed.0), (0, 1009));
        assert_eq!(ann.receive("participant_update").await["action"], "leave");
    }
}

#[tokio::test]
async fn a_silent_peer_is_found_and_a_living_one_is_kept() {
    let config = json!({"heartbeat_interval_ms": 40, "heartbeat_timeout_ms": 400, "close_timeout_ms": 50});
    let server = Server::start(config).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    // Never polled again, so it answers no ping.
    let _silent = server.enter("ben", &talk).await;
    assert_eq!(ann.receive("participant_update").await["action"], "join");
    assert_eq!(ann.receive("participant_update").await["action"], "leave");
    assert_eq!(ann.ping().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_peer_that_says_nothing_while_its_outcomes_wait_is_found() {
    let config = json!({
        "heartbeat_interval_ms": 40, "heartbeat_timeout_ms": 400, "close_timeout_ms": 50, "max_in_flight": 2,
        "testing": true, "store_gate": "closed",
    });
    let server = Server::start(config).await;
    server.store(json!({"gate": "open"})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut ben = server.enter("ben", &talk).await;
    assert_eq!(ann.receive("participant_update").await["action"], "join");
    server.store(json!({"gate": "closed"})).await;
    // More than may be without outcome: the rest lies unread, and from here on ben is silent.
    for number in 0..5 {
        ben.say("waits", &number.to_string()).await;
    }
    assert_eq!(ann.receive("participant_update").await["action"], "leave");
    server.store(json!({"gate": "open"})).await;
    assert_eq!(ann.receive("message").await["message"]["sequence_id"], 1);
}

#[tokio::test]
async fn the_parts_of_a_message_are_bounded_as_the_whole_is() {
    let server = Server::start(json!({})).await;
    let talk = server.conversation(&["ann"]).await;
    let mut ann = server.enter("ann", &talk).await;
    ann.send_parts("[", 3).await;
    assert_eq!(ann.receive("error").await["error"], "invalid_json");
    // Each part is small enough, and together they are not.
    ann.send_parts(&"x".repeat(100_000), 4).await;
    let (frames, closed) = ann.until_close().await;
    assert_eq!((frames.len(), closed.0), (0, 1009));
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let config = json!({"write_timeout_ms": 200, "socket_send_buffer": 4096, "max_connections": 1});
    let server = Server::start(config).await;
    let talk = server.conversation(&["ann"]).await;
    let list = format!("/chat/conversations/{talk}/messages");
    let refused = AtomicUsize::new(0);
    // The place of a connection is given back a moment behind its answer, so one in between may find none.
    let insist = async |method: &str, path: &str, body: Value| loop {
        match call_at(server.address, "e2e_ann", method, path, body.clone()).await {
            Some(answer) if answer.status < 300 => return,
            _ => refused.fetch_add(1, Ordering::Relaxed),
        };
    };
    for _ in 0..60 {
        insist("POST", &format!("/chat/{talk}/messages"), json!({"content": "x".repeat(10_000)})).await;
    }
    // The only connection that there may be is kept by somebody who doesn't read, for a while.
    let head = format!("GET {list} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer e2e_ann\r\n\r\n");
    let before = refused.load(Ordering::Relaxed);
    let _unread = server.send_narrow(&head).await;
    insist("GET", "/chat/my-conversations", Value::Null).await;
    assert!(refused.load(Ordering::Relaxed) > before, "the unread answer kept the connection for a while");
}

#[tokio::test]
async fn what_is_no_http_is_answered_with_the_body_of_every_error() {
    let server = Server::start(json!({})).await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(70_000));
    let headers = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "a: b\r\n".repeat(300));
    for (request, status) in [("nonsense\r\n\r\n", 400), (long.as_str(), 431), (headers.as_str(), 431)] {
        let answer = Answer::parse(&server.raw(request).await);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body["error"].is_string() && answer.body["code"].is_string(), "{answer:?}");
    }
    let no_host = Answer::parse(&server.raw("GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await);
    assert_eq!(no_host.error(), (400, "INVALID_REQUEST"));
}

#[tokio::test]
async fn requests_that_do_not_come_to_an_end_are_ended() {
    let server = Server::start(json!({"header_timeout_ms": 50, "body_timeout_ms": 50})).await;
    // A head without its end: there is nobody to answer yet, so the connection is closed.
    assert_eq!(server.raw("GET /health HTTP/1.1\r\nhost: localhost\r\n").await, "");
    // A body that is announced and does not come.
    let head = "POST /chat/create HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer e2e_ann\r\ncontent-length: 100\r\n\r\n{";
    let answer = Answer::parse(&server.raw(head).await);
    assert_eq!(answer.error(), (408, "REQUEST_TIMEOUT"));
    assert_eq!(server.call("ann", "GET", "/chat/my-conversations", Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_socket_that_takes_no_answers_is_not_read() {
    let config = json!({
        "socket_send_buffer": 4096, "socket_receive_buffer": 4096, "outbound_capacity": 4,
        "write_timeout_ms": 3_600_000, "heartbeat_interval_ms": 3_600_000,
    });
    let server = Server::start(config).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut ben = server.connect_narrow("ben", &talk).await;
    ben.ping().await;
    ann.receive("participant_update").await;
    // Ben asks for ever more and reads nothing. At some point nothing more is taken from him, however long he waits:
    // what is said to him is bounded, and so is what he may cause.
    let mut sent = 0;
    let frame = json!({"type": "ping", "filler": "x".repeat(2_000)});
    while ben.try_send(&frame).await {
        sent += 1;
        assert!(sent < 20_000, "a socket that reads nothing is read for ever");
    }
    ann.say("nobody waits for ben", "1").await;
    assert_eq!(places(&ann.ping().await), [1]);
}

#[tokio::test]
async fn a_stuck_reader_is_closed_with_4408_and_delays_nobody() {
    let config = json!({
        "socket_send_buffer": 4096, "write_timeout_ms": 200, "outbound_capacity": 8, "close_timeout_ms": 20_000,
        "heartbeat_interval_ms": 3_600_000,
    });
    let server = Server::start(config).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut ben = server.connect_narrow("ben", &talk).await;
    ben.ping().await;
    ann.receive("participant_update").await;
    let long = "x".repeat(10_000);
    let mut said = 0;
    // Ann is served all the time; ben reads nothing, until the server gives him up.
    loop {
        said += 1;
        ann.say(&long, &said.to_string()).await;
        let frames = ann.ping().await;
        assert_eq!(places(&frames), [said]);
        if types(&frames).contains(&"participant_update") {
            break;
        }
    }
    let (frames, closed) = ben.until_close().await;
    assert_eq!(closed.0, 4408);
    let seen = places(&frames);
    assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
    assert!((seen.len() as u64) < said);
}

#[tokio::test]
async fn a_slow_reader_gets_everything_from_the_log() {
    let config = json!({
        "socket_send_buffer": 4096, "outbound_capacity": 8, "write_timeout_ms": 3_600_000,
        "heartbeat_interval_ms": 3_600_000,
    });
    let server = Server::start(config).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut ben = server.connect_narrow("ben", &talk).await;
    ben.ping().await;
    let long = "x".repeat(5_000);
    for number in 1..=400 {
        ann.say(&long, &number.to_string()).await;
        ann.send(json!({"type": "typing", "isTyping": false})).await;
        ann.ping().await;
    }
    let frames = ben.ping().await;
    assert_eq!(places(&frames), (1..=400).collect::<Vec<_>>());
    let typing = types(&frames).iter().filter(|kind| **kind == "typing").count();
    assert!(typing < 400, "typing was shed");
}
