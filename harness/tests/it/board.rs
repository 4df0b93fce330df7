//! The plainest server of several people: what one says everybody else is told, with a number. Whoever is called `deaf`
//! is told nothing.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::ws::{Message, WebSocket};
use axum::extract::{RawQuery, WebSocketUpgrade};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// How many messages there were, and where each connection's frames wait, in the order of the numbers.
#[derive(Default)]
struct Board {
    said: usize,
    people: Vec<UnboundedSender<Value>>,
}

pub(crate) fn router() -> Router {
    let board = Arc::new(Mutex::new(Board::default()));
    let upgrade = move |query: RawQuery, upgrade: WebSocketUpgrade| async move {
        let deaf = query.0.is_some_and(|query| query == "who=deaf");
        upgrade.on_upgrade(move |socket| talk(socket, board, deaf))
    };
    Router::new().route("/", get(upgrade))
}

async fn talk(mut socket: WebSocket, board: Arc<Mutex<Board>>, deaf: bool) {
    let (own, mut waiting) = unbounded_channel();
    let _ = own.send(json!({ "type": "welcome" }));
    if !deaf {
        board.lock().unwrap().people.push(own.clone());
    }
    loop {
        tokio::select! {
            frame = waiting.recv() => {
                let Some(frame) = frame else { return };
                if socket.send(Message::text(frame.to_string())).await.is_err() {
                    return;
                }
            }
            heard = socket.recv() => {
                let Some(Ok(Message::Text(text))) = heard else { return };
                let frame: Value = serde_json::from_str(&text).unwrap_or_default();
                let mut board = board.lock().unwrap();
                if frame["type"] == "ping" {
                    let _ = own.send(json!({ "type": "pong" }));
                    continue;
                }
                board.said += 1;
                let message = json!({ "type": "message", "number": board.said, "text": frame["text"] });
                for other in board.people.iter().filter(|other| !other.same_channel(&own)) {
                    let _ = other.send(message.clone());
                }
                let _ = own.send(json!({ "type": "stored", "number": board.said, "key": frame["key"] }));
            }
        }
    }
}
