//! One connection: requests one behind the other, or a handshake and the frames behind it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::link::Socket;
use super::rooms::{Owed, Rooms};
use super::websocket::{Request, accepted, answer, take_request};
use crate::case::{Case, Link};
use crate::fault::{What, When};
use crate::log::{Event, Log};

/// The cases that a playing may turn out to be, each with the log of its playing.
pub(crate) type Cases = Arc<BTreeMap<u64, (Arc<Case>, Log)>>;

/// Serves one playing until it is told to stop; its first request says which case it is.
pub(crate) async fn serve(listener: TcpListener, stop: impl Future<Output = ()>, cases: Cases) -> io::Result<()> {
    let mut connections = JoinSet::new();
    let playing = Playing { cases, rooms: Arc::default() };
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                connections.spawn(attend(stream, playing.clone()));
            }
            () = &mut stop => return Ok(()),
        }
    }
}

/// What the connections of a playing share.
#[derive(Clone)]
struct Playing {
    cases: Cases,
    rooms: SharedRooms,
}

/// The state, which is there from the first request on.
pub(super) type SharedRooms = Arc<Mutex<Option<Rooms>>>;

fn lock(rooms: &SharedRooms) -> MutexGuard<'_, Option<Rooms>> {
    rooms.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at the state, or changes it; none before the first request.
pub(super) fn with<T>(rooms: &SharedRooms, look: impl FnOnce(&mut Rooms) -> T) -> Option<T> {
    lock(rooms).as_mut().map(look)
}

async fn attend(mut stream: TcpStream, playing: Playing) {
    let mut bytes = Vec::new();
    loop {
        while let Some(request) = take_request(&mut bytes) {
            if let Some(key) = &request.key {
                let key = key.clone();
                let _ = shake(stream, &request, &key, bytes, &playing.rooms).await;
                return;
            }
            let (status, body) = playing.answered(&request);
            if stream.write_all(&answer(status, &body.to_string())).await.is_err() {
                return;
            }
        }
        match stream.read_buf(&mut bytes).await {
            Ok(size) if size > 0 => {}
            _ => return,
        }
    }
}

impl Playing {
    fn answered(&self, request: &Request) -> (u16, Value) {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let done = match (request.method.as_str(), &path[..]) {
            ("GET", ["case", number]) => {
                let case = number.parse().ok().and_then(|number: u64| self.cases.get(&number));
                case.map(|(case, log)| {
                    *lock(&self.rooms) = Some(Rooms::new(Arc::clone(case), log.clone()));
                    json!({})
                })
            }
            ("GET", ["step", number]) => number.parse().ok().and_then(|number| {
                with(&self.rooms, |rooms| {
                    rooms.log.note(Event::Step(number));
                    json!({})
                })
            }),
            ("GET", ["rooms", room, "position"]) => with(&self.rooms, |rooms| {
                let n = rooms.position(room);
                rooms.log.note(Event::Position { n });
                json!({ "position": n })
            }),
            ("GET", ["rooms", room, "said"]) => with(&self.rooms, |rooms| {
                let after = request.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
                let items = rooms.behind(room, after).map(|(n, _)| json!({ "id": format!("{room}-{n}"), "n": n }));
                json!({ "items": items.collect::<Vec<_>>() })
            }),
            ("POST", ["rooms", room, "said"]) => with(&self.rooms, |rooms| {
                let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
                let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
                rooms.log.note(Event::Posted { who: text("who"), text: text("text") });
                rooms.say(room, &text("text"), None);
                json!({})
            }),
            _ => None,
        };
        done.map_or_else(|| (404, json!({ "error": "there is nothing here" })), |body| (200, body))
    }
}

/// A handshake, right or wrong; behind a right one the frames.
async fn shake(
    mut stream: TcpStream,
    request: &Request,
    key: &str,
    bytes: Vec<u8>,
    rooms: &SharedRooms,
) -> io::Result<()> {
    let query = |name: &str| request.query(name).unwrap_or_default().to_owned();
    let link = Link { who: query("who"), name: query("as") };
    let room = request.path.get(1).cloned().unwrap_or_default();
    let after = request.query("after").and_then(|after| after.parse().ok());
    let wrong = with(rooms, |rooms| {
        let nth = rooms.next_of(&link.who);
        let wrong = rooms.fault(&link.who, nth, When::Handshake).cloned();
        if wrong.is_some() {
            rooms.refuse(link.clone());
        }
        wrong
    });
    match wrong.flatten() {
        None => {}
        Some(What::Refuse(status)) => return stream.write_all(&answer(status, "{}")).await,
        Some(What::NoUpgrade) => return open_wrongly(stream, accepted(key, false, "")).await,
        Some(What::ForeignSubprotocol) => {
            return open_wrongly(stream, accepted(key, true, "sec-websocket-protocol: nobody-offered\r\n")).await;
        }
        Some(What::ForeignExtension) => {
            return open_wrongly(stream, accepted(key, true, "sec-websocket-extensions: permessage-deflate\r\n")).await;
        }
        Some(What::Silence) => return drained(&mut stream).await,
        // Whatever else may stand there ends the stream.
        Some(_) => return Ok(()),
    }
    stream.write_all(&accepted(key, true, "")).await?;
    let (queue, owed): (UnboundedSender<Owed>, UnboundedReceiver<Owed>) = unbounded_channel();
    let entered = with(rooms, |rooms| {
        let id = rooms.enter(link, &room, after, queue.clone());
        let (who, nth) = rooms.owner(id);
        (id, who, nth, rooms.log.clone())
    });
    let Some((id, who, nth, log)) = entered else { return Ok(()) };
    let ended = Socket::new(id, (who, nth), stream, queue, log, Arc::clone(rooms)).talk(owed, bytes).await;
    with(rooms, |rooms| rooms.leave(id));
    ended
}

/// A client that takes a wrong handshake for a right one would find an open connection.
async fn open_wrongly(mut stream: TcpStream, head: Vec<u8>) -> io::Result<()> {
    stream.write_all(&head).await?;
    drained(&mut stream).await
}

/// Reads until the client ends the stream.
pub(super) async fn drained(stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = [0; 1024];
    let end = async {
        while stream.read(&mut bytes).await? > 0 {}
        io::Result::Ok(())
    };
    // A client that waits for this end too would wait for ever.
    tokio::time::timeout(Duration::from_secs(2), end).await.unwrap_or(Ok(()))
}
