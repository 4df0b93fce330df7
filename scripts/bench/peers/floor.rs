//! *Floor*: the smallest chat server that somebody would write with axum. A room is a broadcast channel, a socket has
//! one task that writes, and JSON goes through `serde_json::Value`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Sender, channel};

/// A receiver that falls behind by more than this loses messages, which a measurement must not. The channel makes room
/// for all of them at once, so the memory of small rooms is mostly this.
const CAPACITY: usize = 16_384;

#[derive(Clone)]
struct Told {
    by: usize,
    to_others: Utf8Bytes,
    to_self: Utf8Bytes,
}

struct Room {
    sequence: Mutex<u64>,
    sockets: Mutex<usize>,
    told: Sender<Told>,
}

type Rooms = Arc<Mutex<HashMap<String, Arc<Room>>>>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let router = Router::new().route("/chat/ws/{room}", get(upgrade)).with_state(Rooms::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await
}

async fn upgrade(
    State(rooms): State<Rooms>,
    Path(id): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let user = token.trim_start_matches("Bearer e2e_").to_owned();
    let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
    let room = rooms.entry(id.clone()).or_insert_with(|| {
        Arc::new(Room { sequence: Mutex::default(), sockets: Mutex::default(), told: channel(CAPACITY).0 })
    });
    let room = Arc::clone(room);
    upgrade.on_upgrade(move |socket| serve(socket, room, id, user))
}

async fn serve(socket: WebSocket, room: Arc<Room>, id: String, user: String) {
    let me = {
        let mut sockets = room.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        *sockets += 1;
        *sockets
    };
    let (mut sink, mut stream) = socket.split();
    let mut told = room.told.subscribe();
    let writing = tokio::spawn(async move {
        loop {
            let text = match told.recv().await {
                Ok(told) if told.by == me => told.to_self,
                Ok(told) => told.to_others,
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            if sink.send(Message::Text(text)).await.is_err() {
                return;
            }
        }
    });
    let joined = json!({"type": "participant_update", "action": "join", "participant": {"participantId": user}});
    let connected = json!({"type": "connected", "conversation_id": id, "participant_id": user});
    let _ = room.told.send(Told { by: me, to_others: text(&joined), to_self: text(&connected) });
    while let Some(Ok(message)) = stream.next().await {
        let Message::Text(frame) = message else { continue };
        let Ok(frame) = serde_json::from_str::<Value>(&frame) else { continue };
        if frame["type"] != "message" {
            continue;
        }
        let mut sequence = room.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        *sequence += 1;
        let message_id = format!("msg_{id}_{}", *sequence);
        let client_message_id = &frame["message_id"];
        let message = json!({
            "type": "message",
            "conversation_id": id,
            "message": {
                "message_id": message_id,
                "client_message_id": client_message_id,
                "conversation_id": id,
                "sequence_id": *sequence,
                "sender_id": user,
                "sender_name": user,
                "content": frame["content"],
                "message_type": "text",
                "timestamp": now(),
                "status": "sent",
                "metadata": {},
            },
        });
        let ack = json!({
            "type": "message_ack",
            "message_id": message_id,
            "client_message_id": client_message_id,
            "sequence_id": *sequence,
            "duplicate": false,
        });
        let _ = room.told.send(Told { by: me, to_others: text(&message), to_self: text(&ack) });
    }
    writing.abort();
}

fn text(value: &Value) -> Utf8Bytes {
    value.to_string().into()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}
