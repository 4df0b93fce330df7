//! The server as a program, killed at random moments: what was acked is there once, in one order, without gaps.
//!
//! `ROUNDTABLE_CRASH_ROUNDS` says how often it is killed; the default keeps the tests quick.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::client::{Answer, Socket, call_at, connect_at};

/// How often the server is killed.
const ROUNDS: &str = "ROUNDTABLE_CRASH_ROUNDS";
/// The URL of a PostgreSQL that tests may fill.
const POSTGRES: &str = "ROUNDTABLE_TEST_POSTGRES";

const SENDERS: usize = 12;
const TALKS: usize = 3;

/// A server process, killed when it is let go.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts the program and waits until it serves.
    async fn start(store: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_roundtable-server"))
            .args(["--port", "0", "--host", "127.0.0.1", "--log", "error", "--set", "idle_unload_ms=20"])
            .args(store)
            // They are for this test, and the program wonders about them.
            .env_remove(ROUNDS)
            .env_remove(POSTGRES)
            .env_remove("ROUNDTABLE_TEST_POSTGRES_CONTROL")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = tokio::process::ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
        let mut lines = BufReader::new(out).lines();
        let line = lines.next_line().await.unwrap().expect("the server says where it listens");
        let address = line.rsplit("http://").next().unwrap().parse().unwrap();
        Self { child, address }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What one sender did: its messages, each with the place that was acked, if one was.
struct Sender {
    name: String,
    talk: String,
    /// By the client's own id, which is also the content.
    acked: BTreeMap<u64, Option<u64>>,
}

impl Sender {
    /// Resends what was not acked, then sends on until the connection breaks.
    async fn work(&mut self, address: SocketAddr, acks: &AtomicU64) {
        let Some(mut socket) = connect_at(address, &self.name, &self.talk, "").await else {
            return;
        };
        let open: Vec<u64> = self.acked.iter().filter(|(_, place)| place.is_none()).map(|(id, _)| *id).collect();
        for id in open {
            if !say(&mut socket, id).await {
                return;
            }
        }
        let mut next = self.acked.keys().last().map_or(0, |last| last + 1);
        loop {
            // Some are under way at any time.
            while self.acked.values().filter(|place| place.is_none()).count() < 4 {
                self.acked.insert(next, None);
                if !say(&mut socket, next).await {
                    return;
                }
                next += 1;
            }
            let Some(frame) = socket.try_next().await else {
                return;
            };
            self.heard(&frame);
            if frame["type"] == "message_ack" {
                acks.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn heard(&mut self, frame: &Value) {
        if frame["type"] == "message_ack" {
            let id: u64 = frame["client_message_id"].as_str().unwrap().parse().unwrap();
            let place = frame["sequence_id"].as_u64();
            let before = self.acked.insert(id, place).unwrap();
            assert!(before.is_none() || before == place, "message {id} has two places");
        } else {
            assert_ne!(frame["type"], "error", "{frame}");
        }
    }

    /// Resends what was not acked until everything is.
    async fn finish(&mut self, address: SocketAddr) {
        let mut socket = connect_at(address, &self.name, &self.talk, "").await.unwrap();
        let open: Vec<u64> = self.acked.iter().filter(|(_, place)| place.is_none()).map(|(id, _)| *id).collect();
        for id in open {
            assert!(say(&mut socket, id).await);
        }
        while self.acked.values().any(Option::is_none) {
            let frame = socket.try_next().await.expect("the server lives");
            self.heard(&frame);
        }
    }
}

async fn say(socket: &mut Socket, id: u64) -> bool {
    let id = id.to_string();
    socket.send_to_mortal(json!({"type": "message", "content": id, "message_id": id})).await
}

/// Everything in the log of a conversation, in order: place, sender, content.
async fn log(address: SocketAddr, user: &str, talk: &str) -> Vec<(u64, String, String)> {
    let mut log: Vec<(u64, String, String)> = Vec::new();
    loop {
        let after = log.last().map_or(0, |(place, ..)| *place);
        let path = format!("/chat/conversations/{talk}/messages?limit=100&after={after}");
        let page: Answer = call_at(address, &format!("e2e_{user}"), "GET", &path, Value::Null).await.unwrap();
        let text = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
        let messages = page.body["messages"].as_array().unwrap();
        log.extend(messages.iter().map(|message| {
            (message["sequence_id"].as_u64().unwrap(), text(message, "sender_id"), text(message, "content"))
        }));
        if page.body["has_more"] == false {
            return log;
        }
    }
}

/// A number that differs from run to run.
fn random() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

async fn survives(store: &[&str], default_rounds: u32) {
    let rounds = std::env::var(ROUNDS).ok().map_or(default_rounds, |text| text.parse().unwrap());
    let names: Vec<String> = (0..SENDERS).map(|number| format!("sender{number}")).collect();
    let people: Vec<Value> = names.iter().map(|name| json!({"user_id": name, "name": name})).collect();
    let server = Process::start(store).await;
    let mut talks = Vec::new();
    for _ in 0..TALKS {
        let body = json!({"title": "talk", "participants": &people[..10]});
        let made = call_at(server.address, &format!("e2e_{}", names[0]), "POST", "/chat/create", body).await.unwrap();
        let talk = made.body["conversation_id"].as_str().unwrap().to_owned();
        for person in &people[10..] {
            let name = person["name"].as_str().unwrap();
            let joined = json!({"participant": person});
            let answer = call_at(server.address, &format!("e2e_{name}"), "POST", &format!("/chat/{talk}/join"), joined)
                .await
                .unwrap();
            assert_eq!(answer.status, 200);
        }
        talks.push(talk);
    }
    server.kill();
    let sender = |(number, name): (usize, &String)| {
        let talk = talks[number % TALKS].clone();
        Sender { name: name.clone(), talk, acked: BTreeMap::new() }
    };
    let mut senders: Vec<Sender> = names.iter().enumerate().map(sender).collect();
    for _ in 0..rounds {
        let server = Process::start(store).await;
        let (address, acks) = (server.address, Arc::new(AtomicU64::new(0)));
        // The moment is told in acks, so that every round does some work, however slow the machine is.
        let enough = 20 + random() % 400;
        let killing = async {
            while acks.load(Ordering::Relaxed) < enough {
                tokio::task::yield_now().await;
            }
            server.kill();
        };
        let working = join_all(senders.iter_mut().map(|sender| sender.work(address, &acks)));
        let both = tokio::time::timeout(Duration::from_secs(60), futures_util::future::join(killing, working));
        both.await.expect("the round ends");
    }
    let server = Process::start(store).await;
    join_all(senders.iter_mut().map(|sender| sender.finish(server.address))).await;
    for talk in &talks {
        let log = log(server.address, &names[0], talk).await;
        let places: Vec<u64> = log.iter().map(|(place, ..)| *place).collect();
        assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>(), "no gap, no repeat");
        let mut expected: BTreeMap<u64, (String, String)> = BTreeMap::new();
        for sender in senders.iter().filter(|sender| sender.talk == *talk) {
            for (id, place) in &sender.acked {
                let before = expected.insert(place.unwrap(), (sender.name.clone(), id.to_string()));
                assert_eq!(before, None, "two messages acked at {place:?}");
            }
        }
        let found: BTreeMap<u64, (String, String)> =
            log.into_iter().map(|(place, sender, content)| (place, (sender, content))).collect();
        assert_eq!(found, expected, "each acked message once, in the place that was acked, and nothing else");
    }
    let acked: usize = senders.iter().map(|sender| sender.acked.len()).sum();
    println!("{rounds} rounds, {acked} messages");
}

#[tokio::test]
async fn nothing_acked_is_lost_by_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    survives(&["--data", path(folder.path())], 4).await;
}

#[tokio::test]
async fn nothing_acked_is_lost_by_postgres() {
    let Ok(url) = std::env::var(POSTGRES) else {
        eprintln!(
            "skipped: ROUNDTABLE_TEST_POSTGRES names no PostgreSQL; run this by `scripts/with-postgres cargo test`"
        );
        return;
    };
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let schema = format!("t_{}", uuid::Uuid::new_v4().simple());
    client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
    survives(&["--store", &format!("{url}?options=-c%20search_path%3D{schema}")], 4).await;
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
