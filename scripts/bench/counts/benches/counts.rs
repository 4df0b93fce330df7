//! Instructions of the hot paths, counted by callgrind: not what they take, but what they ask of a processor, which is
//! nearly the same in every run. `scripts/bench/instructions` compares the counts with the recorded ones.
//!
//! Server and people share one thread, so that no scheduling is in the counts. The people are plain sockets of the
//! system: next to nothing of what is counted is theirs.

use std::hint::black_box;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use gungraun::{library_benchmark, library_benchmark_group, main};
use roundtable::pattern::Pattern;
use roundtable::scenario::load::Library;
use roundtable::select::{Selected, jobs_of};
use roundtable_bench::frame::{TEXT, head, push_masked};
use roundtable_server::Config;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A message, in frames that come one after another.
const SINGLY: usize = 16;
/// Messages that come in one write: as many as go into one append.
const BATCH: usize = 64;

/// The most that a person reads at once.
const READ: usize = 128 * 1024;

/// A server, and a room whose people are all connected.
struct Hall {
    runtime: Runtime,
    people: Vec<Person>,
    sent: usize,
}

struct Person {
    stream: TcpStream,
    /// What came and is no whole frame yet, at the front.
    buffer: Vec<u8>,
    filled: usize,
    frames: usize,
}

impl Person {
    /// Counts the frames that have come.
    fn look(&mut self) -> usize {
        loop {
            match self.stream.read(&mut self.buffer[self.filled..]) {
                Ok(0) => panic!("the server closed a socket"),
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.frames,
                Err(error) => panic!("{error}"),
            }
            let mut at = 0;
            while let Some(head) = head(&self.buffer[at..self.filled])
                && at + head.ends <= self.filled
            {
                at += head.ends;
                self.frames += 1;
            }
            self.buffer.copy_within(at..self.filled, 0);
            self.filled -= at;
        }
    }
}

impl Hall {
    /// Lets the server work until something is true.
    fn until(runtime: &Runtime, mut is_true: impl FnMut() -> bool) {
        for _ in 0..1_000_000 {
            if is_true() {
                return;
            }
            runtime.block_on(tokio::task::yield_now());
        }
        panic!("the server does not do it");
    }

    /// Sends so many messages in each of so many writes, and lets everybody get all of them.
    fn post(&mut self, writes: usize, messages: usize) {
        let before: Vec<usize> = self.people.iter().map(|person| person.frames).collect();
        for write in 1..=writes {
            let mut frames = Vec::new();
            for _ in 0..messages {
                self.sent += 1;
                let number = self.sent;
                let text = format!(
                    r#"{{"type":"message","content":"What everybody in the room is told, word by word.","message_id":"{number}"}}"#
                );
                push_masked(&mut frames, TEXT, text.as_bytes());
            }
            let Self { runtime, people, .. } = self;
            people[0].stream.write_all(&frames).expect("the kernel takes it");
            Self::until(runtime, || {
                let mut all = people.iter_mut().zip(&before);
                all.all(|(person, before)| person.look() >= before + write * messages)
            });
        }
    }
}

/// One request over a connection of its own; the answer's body.
fn post(runtime: &Runtime, address: SocketAddr, user: usize, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let length = body.len();
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nonblocking(true).expect("a socket can be so");
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer e2e_p{user}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("the kernel takes it");
    let mut answer = Vec::new();
    Hall::until(runtime, || stream.read_to_end(&mut answer).is_ok());
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 20"), "{answer}");
    serde_json::from_str(body).expect("JSON")
}

fn connect(runtime: &Runtime, address: SocketAddr, room: &str, user: usize) -> Person {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nonblocking(true).expect("a socket can be so");
    let request = format!(
        "GET /chat/ws/{room} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer e2e_p{user}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("the kernel takes it");
    let mut answer = Vec::new();
    Hall::until(runtime, || {
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
            answer.push(byte[0]);
        }
        answer.ends_with(b"\r\n\r\n")
    });
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    Person { stream, buffer: vec![0; READ], filled: 0, frames: 0 }
}

/// A room in which something has been said already, so that nothing is counted that happens once.
fn room(people: usize) -> Hall {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket can be so");
    let address = listener.local_addr().expect("an address");
    let config = Config::from_value(json!({"store": "memory", "log": "off"})).expect("a configuration");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
        drop(tokio::spawn(roundtable_server::serve(vec![listener], config, std::future::pending())));
    });
    let named = json!([{"user_id": "p0", "name": "Person 0"}]);
    let body = json!({"title": "Counted", "participants": named, "enable_ai": false});
    let made = post(&runtime, address, 0, "/chat/create", &body);
    let id = made["conversation_id"].as_str().expect("an id").to_owned();
    for person in 1..people {
        let body = json!({"participant": {"user_id": format!("p{person}"), "name": format!("Person {person}")}});
        post(&runtime, address, person, &format!("/chat/{id}/join"), &body);
    }
    let people: Vec<Person> = (0..people).map(|person| connect(&runtime, address, &id, person)).collect();
    let mut hall = Hall { runtime, people, sent: 0 };
    // Whoever comes is told the one who came before; then it is quiet.
    let Hall { runtime, people, .. } = &mut hall;
    let count = people.len();
    Hall::until(runtime, || {
        people.iter_mut().enumerate().all(|(place, person)| person.look() >= 2 + count - 1 - place)
    });
    hall.post(BATCH, 1);
    hall
}

#[library_benchmark]
#[bench::to_2(room(2))]
#[bench::to_100(room(100))]
fn route_one_message(mut hall: Hall) -> Hall {
    hall.post(SINGLY, 1);
    hall
}

#[library_benchmark]
#[bench::of_64(room(2))]
fn append_a_batch(mut hall: Hall) -> Hall {
    hall.post(1, BATCH);
    hall
}

/// Frames as a busy inbox holds them, and a pattern that only the last of them matches.
fn inbox(frames: usize) -> (Pattern, Vec<Value>) {
    let frame = |place: usize| {
        json!({
            "type": "message",
            "conversation_id": "conv_0123456789ab",
            "message": {
                "message_id": format!("msg_{place:016x}"),
                "sequence_id": place,
                "sender_id": format!("person_{}", place % 7),
                "content": format!("This is what was said at place {place}."),
                "timestamp": "2026-01-15T10:30:00.123Z",
                "metadata": {},
            },
        })
    };
    let pattern = json!({
        "type": "message",
        "message": {
            "sender_id": { "$regex": "^person_[0-9]$" },
            "sequence_id": { "$gte": 1 },
            "content": { "$contains": format!("place {}.", frames - 1) },
        },
    });
    (Pattern::compile(&pattern).expect("a pattern"), (0..frames).map(frame).collect())
}

#[library_benchmark]
#[bench::of_1000(inbox(1000))]
fn match_in_an_inbox((pattern, frames): (Pattern, Vec<Value>)) -> Option<usize> {
    let found = frames.iter().position(|frame| black_box(&pattern).matches(frame));
    assert_eq!(found, Some(frames.len() - 1));
    found
}

#[library_benchmark]
#[bench::of_60_lines(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")))]
fn parse_and_plan(folder: &Path) -> usize {
    let mut library = Library::new(folder, folder);
    let scenarios = library.scenario(&folder.join("story.yaml")).into_iter().collect();
    let selected = Selected { scenarios, findings: library.findings(), ..Selected::default() };
    let jobs = jobs_of(&selected, 1..=3).len();
    assert_eq!((jobs, selected.findings.len()), (3, 0));
    jobs
}

library_benchmark_group!(
    name = server;
    benchmarks = route_one_message, append_a_batch
);
library_benchmark_group!(
    name = harness;
    benchmarks = match_in_an_inbox, parse_and_plan
);
main!(library_benchmark_groups = server, harness);
