//! An axum application and its scenarios: `cargo run -p roundtable --example axum_application`.
//!
//! The application is [`router`]: rooms whose people talk over WebSockets, each with one seat that can be taken once.
//! Roundtable knows nothing of rooms; `rooms/scenarios/protocols/rooms.yaml` beside this file tells it what their
//! people can do, how frames are ordered and what a snapshot asks. In a crate of your own the last function is a
//! test:
//!
//! ```ignore
//! #[tokio::test]
//! async fn rooms_keep_their_promises() {
//!     Suite::new("tests/scenarios").application("rooms", serve).play().await.assert_passed();
//! }
//! ```

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::{Message, WebSocket};
use axum::extract::{Path, Query, State, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{SinkExt as _, StreamExt as _};
use roundtable::Suite;
use roundtable::subject::Shutdown;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Everything that is kept: the rooms by name.
type Rooms = Arc<Mutex<BTreeMap<String, Room>>>;

/// One room: who is in it, how much was said, and who has its seat.
#[derive(Default)]
struct Room {
    people: Vec<(String, mpsc::UnboundedSender<Value>)>,
    said: u64,
    seat: Option<String>,
}

impl Room {
    fn tell(&self, frame: &Value) {
        for (_, outbox) in &self.people {
            // Somebody whose socket just ended hears nothing more.
            let _ = outbox.send(frame.clone());
        }
    }
}

/// Who asks.
#[derive(Deserialize)]
struct Asker {
    who: String,
}

/// The application.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/rooms/{room}", get(look))
        .route("/rooms/{room}/socket", get(enter))
        .route("/rooms/{room}/seat", post(sit))
        .with_state(Rooms::default())
}

fn lock(rooms: &Rooms) -> MutexGuard<'_, BTreeMap<String, Room>> {
    rooms.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look(State(rooms): State<Rooms>, Path(name): Path<String>) -> (StatusCode, Json<Value>) {
    match lock(&rooms).get(&name) {
        Some(room) => {
            let people: Vec<&String> = room.people.iter().map(|(who, _)| who).collect();
            (StatusCode::OK, Json(json!({ "room": name, "people": people, "said": room.said, "seat": room.seat })))
        }
        None => (StatusCode::NOT_FOUND, Json(json!({ "error": "there is no such room" }))),
    }
}

async fn sit(
    State(rooms): State<Rooms>,
    Path(name): Path<String>,
    Json(asker): Json<Asker>,
) -> (StatusCode, Json<Value>) {
    let mut rooms = lock(&rooms);
    let seat = &mut rooms.entry(name).or_default().seat;
    if let Some(owner) = seat {
        return (StatusCode::CONFLICT, Json(json!({ "error": "the seat is taken", "by": owner })));
    }
    *seat = Some(asker.who);
    (StatusCode::CREATED, Json(json!({ "seat": seat })))
}

async fn enter(
    State(rooms): State<Rooms>,
    Path(name): Path<String>,
    Query(asker): Query<Asker>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(move |socket| stay(rooms, name, asker.who, socket))
}

/// One person's stay. All frames to the socket pass one queue, so that a pong follows everything told before it.
async fn stay(rooms: Rooms, name: String, who: String, socket: WebSocket) {
    let (mut sink, mut stream) = socket.split();
    let (outbox, mut queue) = mpsc::unbounded_channel::<Value>();
    {
        let mut rooms = lock(&rooms);
        let room = rooms.entry(name.clone()).or_default();
        room.people.push((who.clone(), outbox.clone()));
        room.tell(&json!({ "type": "entered", "who": who }));
    }
    loop {
        tokio::select! {
            frame = queue.recv() => {
                let Some(frame) = frame else { break };
                if sink.send(Message::text(frame.to_string())).await.is_err() {
                    break;
                }
            }
            heard = stream.next() => {
                let Some(Ok(heard)) = heard else { break };
                let Message::Text(text) = heard else { continue };
                let answer = hear(&rooms, &name, &who, &text);
                let _ = answer.map(|answer| outbox.send(answer));
            }
        }
    }
    if let Some(room) = lock(&rooms).get_mut(&name) {
        room.people.retain(|(_, other)| !other.same_channel(&outbox));
        room.tell(&json!({ "type": "went", "who": who }));
    }
}

/// What a frame causes; the answer is for its sender alone.
fn hear(rooms: &Rooms, name: &str, who: &str, text: &str) -> Option<Value> {
    let frame: Value = serde_json::from_str(text).unwrap_or_default();
    match frame["type"].as_str() {
        Some("ping") => Some(json!({ "type": "pong" })),
        Some("say") => {
            let mut rooms = lock(rooms);
            let room = rooms.entry(name.to_owned()).or_default();
            room.said += 1;
            let id = format!("said-{}", room.said);
            room.tell(&json!({
                "type": "said", "room": name, "id": id, "number": room.said, "who": who, "text": frame["text"],
            }));
            None
        }
        _ => Some(json!({ "type": "error", "error": "a frame is `say` or `ping`" })),
    }
}

/// Serves a listener until it is told to stop.
pub(crate) async fn serve(listener: TcpListener, shutdown: Shutdown) -> io::Result<()> {
    axum::serve(listener, router()).with_graceful_shutdown(shutdown).await
}

/// Plays the scenarios beside this file, each against an application of its own.
pub(crate) async fn play() -> roundtable::SuiteResult {
    Suite::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/rooms/scenarios"))
        .application("rooms", serve)
        .play()
        .await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let played = play().await;
    println!("{}", played.report());
    if played.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
