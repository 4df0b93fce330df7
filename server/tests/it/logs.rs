//! What the program writes about what happens in it, and what never.

use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::Server;

const SECRET: &str = "a secret for tests alone, long enough for every hash that there is";
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsIm5hbWUiOiJBbGljZSBMaWRlbGwiLCJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoiY2hhdCIsImV4cCI6NDEwMjQ0NDgwMH0.6hp4u0DhGfdsWFlTYwQ7-L0R77ypONQnNpLSfdNcCFM";

/// Runs the program; returns it with a client once it serves.
async fn started(arguments: &[&str]) -> (Child, Server) {
    let data = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_roundtable-server"))
        .args(["--host", "127.0.0.1", "--port", "0"])
        .arg("--data")
        .arg(data.path())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let ready = lines.next_line().await.unwrap().unwrap();
    let address = ready.rsplit_once("http://").unwrap().1.parse().unwrap();
    (program, Server::elsewhere(address, data))
}

fn terminate(program: &Child) {
    let pid = i32::try_from(program.id().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

/// Talks to the program, ends it, and returns everything that it wrote.
async fn logged(arguments: &[&str], talk: impl AsyncFnOnce(&Server)) -> String {
    let (mut program, server) = started(arguments).await;
    let mut errors = program.stderr.take().unwrap();
    let reading = tokio::spawn(async move {
        let mut text = String::new();
        errors.read_to_string(&mut text).await.unwrap();
        text
    });
    talk(&server).await;
    terminate(&program);
    let ended = tokio::time::timeout(Duration::from_secs(20), program.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    reading.await.unwrap()
}

#[tokio::test]
async fn neither_tokens_nor_messages_nor_what_admits_is_logged() {
    let secret = format!("jwt_secret={SECRET}");
    let arguments = ["--log", "trace", "--set", "auth=jwt", "--set", "jwt_audience=chat", "--set", &secret];
    let conversation = Mutex::new(String::new());
    let text = logged(&arguments, async |server| {
        let ask = async |method: &str, path: &str, body: Value| server.call_by(TOKEN, method, path, body).await;
        let body = json!({"title": "hidden title", "participants": [{"user_id": "bob", "name": "Bob"}]});
        let created = ask("POST", "/chat/create", body).await;
        let talk = created.body["conversation_id"].as_str().unwrap().to_owned();
        let said = ask("POST", &format!("/chat/{talk}/messages"), json!({"content": "hidden content"})).await;
        assert_eq!(said.status, 201);
        let invite = ask("POST", &format!("/chat/{talk}/invites"), Value::Null).await;
        let url = invite.body["url"].as_str().unwrap().to_owned();
        assert_eq!(ask("POST", &url, Value::Null).await.status, 409);
        // The other places for a token, and tokens with faults.
        let by_query = format!("/chat/my-conversations?auth_token={TOKEN}");
        assert_eq!(server.call_by("", "GET", &by_query, Value::Null).await.status, 200);
        let broken = format!("{TOKEN}x");
        assert_eq!(server.call_by(&broken, "GET", "/chat/my-conversations", Value::Null).await.status, 401);
        *conversation.lock().unwrap() = talk.clone();
        let mut socket = server.upgrade_by_query(TOKEN, &talk).await;
        socket.say("hidden content of a frame", "1").await;
        socket.ping().await;
        socket.send(json!({"type": "message", "content": ""})).await;
        socket.ping().await;
    })
    .await;
    assert!(text.contains("path=/chat/join/{invite}") && text.contains("message committed"), "{text}");
    let conversation = conversation.into_inner().unwrap();
    assert!(conversation.starts_with("conv_"));
    for secret in [TOKEN, TOKEN.rsplit('.').next().unwrap(), SECRET, "hidden", "inv_", &conversation[5..]] {
        assert!(!text.contains(secret), "{secret} is in the log:\n{text}");
    }
}

#[tokio::test]
async fn json_logs_tell_the_request_and_the_trace_that_it_belongs_to() {
    let text = logged(&["--log", "trace", "--log-format", "json"], async |server| {
        let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let id = "x-request-id: my-request";
        let request = format!("GET /chat/my-conversations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer e2e_ann\r\n{trace}\r\n{id}\r\nconnection: close\r\n\r\n");
        assert!(server.raw(&request).await.starts_with("HTTP/1.1 200"));
    })
    .await;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let answered = lines.filter(|line| line["fields"]["message"] == "answered").collect::<Vec<_>>();
    let span = &answered[0]["span"];
    assert_eq!(answered[0]["fields"]["status"], 200);
    assert_eq!((&span["id"], &span["participant"]), (&json!("my-request"), &json!("ann")));
    assert_eq!(span["trace"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[tokio::test]
async fn the_first_signal_drains_and_the_second_ends_at_once() {
    let (mut program, server) = started(&["--log", "off", "--set", "drain_delay_ms=3600000"]).await;
    terminate(&program);
    while server.call("", "GET", "/ready", Value::Null).await.status == 200 {}
    terminate(&program);
    let ended = tokio::time::timeout(Duration::from_secs(20), program.wait()).await;
    assert_eq!(ended.unwrap().unwrap().code(), Some(130));
}
