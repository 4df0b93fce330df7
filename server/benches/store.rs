//! What durability costs: acked messages a second through the whole server, with each store, side by side.
//!
//! `cargo bench -p roundtable-server` (or `scripts/bench/store`, which brings a PostgreSQL). 64 senders, each on a
//! socket of its own, send a message when the last one was acked. The stores take turns in short rounds, so that
//! whatever else the machine does meets all of them alike; the median of the rounds counts. Servers and senders share
//! this process and its cores.

#![expect(clippy::unwrap_used, reason = "a bench ends at what it did not expect")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use roundtable_server::Config;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const SENDERS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1_500);

type Socket = WebSocketStream<TcpStream>;

/// A server and the sockets of its senders.
struct Subject {
    name: &'static str,
    sockets: Vec<Socket>,
    address: SocketAddr,
    sent: u64,
    rates: Vec<f64>,
    _data: TempDir,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Subject {
    /// `shared`: all senders in one conversation, else in one each.
    async fn start(name: &'static str, mut config: Value, shared: bool) -> Self {
        let data = tempfile::tempdir().unwrap();
        config["data"] = json!(data.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config::from_value(config).unwrap();
        let serving = tokio::spawn(roundtable_server::serve(vec![listener], config, std::future::pending()));
        let mut sockets = Vec::new();
        let mut talk = String::new();
        for number in 0..SENDERS {
            let user = format!("sender{number}");
            let person = json!({"user_id": user, "name": user});
            if !shared || number == 0 {
                let body = json!({"title": "bench", "participants": [person]});
                let made = call(address, &user, "/chat/create", &body).await;
                talk = made["conversation_id"].as_str().unwrap().to_owned();
            } else {
                call(address, &user, &format!("/chat/{talk}/join"), &json!({"participant": person})).await;
            }
            sockets.push(connect(address, &user, &talk).await);
        }
        Self { name, sockets, address, sent: 0, rates: Vec::new(), _data: data, serving }
    }

    async fn round(&mut self) {
        let began = Instant::now();
        let acked = Arc::new(AtomicU64::new(0));
        let first = self.sent;
        let sending = self.sockets.drain(..).enumerate().map(|(number, socket)| {
            tokio::spawn(send(socket, first + number as u64 * 1_000_000_000, began + ROUND, Arc::clone(&acked)))
        });
        let sending: Vec<_> = sending.collect();
        self.sockets = join_all(sending).await.into_iter().map(Result::unwrap).collect();
        self.sent += 1_000_000;
        self.rates.push(acked.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64());
    }

    fn rate(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }
}

/// How many records went into a transaction, and how long one took in milliseconds, on the average.
async fn transactions(address: SocketAddr) -> Option<(f64, f64)> {
    let text = exchange(address, "GET /metrics HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").await;
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.trim().parse::<f64>().ok()
    };
    let count = value("roundtable_store_commit_seconds_count").filter(|count| *count > 0.0)?;
    let records = value("roundtable_store_batch_records_sum")?;
    Some((records / count, value("roundtable_store_commit_seconds_sum")? / count * 1_000.0))
}

async fn send(mut socket: Socket, first: u64, end: Instant, acked: Arc<AtomicU64>) -> Socket {
    for id in first.. {
        let frame = format!(
            r#"{{"type":"message","content":"a message of some forty characters, more or less","message_id":"{id}"}}"#
        );
        socket.send(Message::text(frame)).await.unwrap();
        loop {
            let frame = socket.next().await.unwrap().unwrap();
            let Message::Text(text) = frame else { continue };
            if text.contains("\"message_ack\"") {
                break;
            }
            assert!(!text.contains("\"type\":\"error\""), "{text}");
        }
        acked.fetch_add(1, Ordering::Relaxed);
        if Instant::now() >= end {
            break;
        }
    }
    socket
}

async fn call(address: SocketAddr, user: &str, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer e2e_{user}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(address, &request).await;
    serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn connect(address: SocketAddr, user: &str, talk: &str) -> Socket {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut request = format!("ws://{address}/chat/ws/{talk}").into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer e2e_{user}").parse().unwrap());
    tokio_tungstenite::client_async(request, stream).await.unwrap().0
}

async fn compare(title: &str, shared: bool) {
    let mut stores = vec![
        ("memory", json!({"store": "memory"})),
        ("sqlite", json!({})),
        ("sqlite, relaxed", json!({"durability": "relaxed"})),
        ("sqlite, one commit a message", json!({"store_batch": 1})),
    ];
    if let Ok(url) = std::env::var("ROUNDTABLE_TEST_POSTGRES") {
        for (name, batch) in [("postgres", 512), ("postgres, one commit a message", 1)] {
            let schema = format!("bench_{}", uuid::Uuid::new_v4().simple());
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
            let url = format!("{url}?options=-c%20search_path%3D{schema}");
            stores.push((name, json!({"store": url, "store_batch": batch})));
        }
    }
    let mut subjects = Vec::new();
    for (name, config) in stores {
        subjects.push(Subject::start(name, config, shared).await);
    }
    for round in 0..=ROUNDS {
        for subject in &mut subjects {
            subject.round().await;
            if round == 0 {
                // Warmed up.
                subject.rates.clear();
            }
        }
    }
    println!("\n{title}");
    for subject in &subjects {
        let of_memory = subject.rate() / subjects[0].rate();
        let transactions = transactions(subject.address).await;
        let transactions =
            transactions.filter(|_| subject.name != "memory").map_or_else(String::new, |(records, took)| {
                format!("   {records:>5.1} records a transaction of {took:.2} ms")
            });
        println!(
            "  {:<32} {:>8.0} acked messages/s   {of_memory:>5.2} of memory{transactions}",
            subject.name,
            subject.rate()
        );
    }
    for name in ["sqlite", "postgres"] {
        let rate = |name: &str| subjects.iter().find(|subject| subject.name == name).map(Subject::rate);
        if let (Some(group), Some(single)) = (rate(name), rate(&format!("{name}, one commit a message"))) {
            println!("  {name}: group commit is {:.1} times one commit a message", group / single);
        }
    }
    for subject in subjects {
        subject.serving.abort();
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        compare(&format!("{SENDERS} senders, a conversation each"), false).await;
        compare(&format!("{SENDERS} senders in one conversation (each message goes to all)"), true).await;
    });
}
