//! *Limit*: about as little as a server can do for a room. One thread; the upgrade is made by hand; a message is not
//! checked and not parsed but cut out of its frame, framed once for all, and the same bytes are written straight to
//! every socket. What one read brought goes out in one write a socket.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::SystemTime;

use memchr::memmem;
use roundtable_bench::frame::{self, TEXT, head, mask, push};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A socket's buffer for what it sends. It grows for larger frames and shrinks behind them.
const BUFFER: usize = 8 * 1024;

#[derive(Default)]
struct Room {
    sequence: Cell<u64>,
    sockets: RefCell<Vec<Rc<Socket>>>,
}

struct Socket {
    stream: TcpStream,
    /// What the kernel did not take yet.
    behind: RefCell<Vec<u8>>,
    blocked: Notify,
}

impl Socket {
    fn write(&self, mut bytes: &[u8]) {
        let mut behind = self.behind.borrow_mut();
        if behind.is_empty() {
            let taken = self.stream.try_write(bytes).unwrap_or_default();
            bytes = &bytes[taken..];
            if bytes.is_empty() {
                return;
            }
            self.blocked.notify_one();
        }
        behind.extend_from_slice(bytes);
    }

    fn write_behind(&self) -> io::Result<()> {
        let mut behind = self.behind.borrow_mut();
        match self.stream.try_write(&behind) {
            Ok(taken) => drop(behind.drain(..taken)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if behind.is_empty() {
            *behind = Vec::new();
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    tokio::task::LocalSet::new()
        .run_until(async {
            let mut rooms: HashMap<String, Rc<Room>> = HashMap::new();
            loop {
                let (mut stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                // One after another: what this costs is nobody's measure.
                let Ok((id, user)) = upgrade(&mut stream).await else { continue };
                let room = Rc::clone(rooms.entry(id.clone()).or_default());
                tokio::task::spawn_local(async move {
                    let socket = Rc::new(Socket { stream, behind: RefCell::default(), blocked: Notify::new() });
                    enter(&socket, &room, &id, &user);
                    let _ = serve(&socket, &room, &id, &user).await;
                    room.sockets.borrow_mut().retain(|other| !Rc::ptr_eq(other, &socket));
                });
            }
        })
        .await
}

/// Answers the handshake; the room and the user that it names.
async fn upgrade(stream: &mut TcpStream) -> io::Result<(String, String)> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let request = String::from_utf8_lossy(&bytes);
    let header = |name: &str| {
        let lines = request.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value)).unwrap_or_default()
    };
    let room = request.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let user = header("Authorization").trim_start_matches("Bearer e2e_");
    let accept = tungstenite::handshake::derive_accept_key(header("Sec-WebSocket-Key").as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok((room.to_owned(), user.to_owned()))
}

fn enter(socket: &Rc<Socket>, room: &Room, id: &str, user: &str) {
    let mut bytes = Vec::new();
    let joined =
        format!(r#"{{"type":"participant_update","action":"join","participant":{{"participantId":"{user}"}}}}"#);
    push(&mut bytes, TEXT, joined.as_bytes());
    for other in &*room.sockets.borrow() {
        other.write(&bytes);
    }
    room.sockets.borrow_mut().push(Rc::clone(socket));
    bytes.clear();
    let connected = format!(r#"{{"type":"connected","conversation_id":"{id}","participant_id":"{user}"}}"#);
    push(&mut bytes, TEXT, connected.as_bytes());
    socket.write(&bytes);
}

async fn serve(socket: &Rc<Socket>, room: &Room, id: &str, user: &str) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut filled = 0;
    let (mut messages, mut acks) = (Vec::new(), Vec::new());
    loop {
        let is_behind = !socket.behind.borrow().is_empty();
        let interest = if is_behind { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        tokio::select! {
            ready = socket.stream.ready(interest) => {
                if ready?.is_writable() && is_behind {
                    socket.write_behind()?;
                }
            }
            () = socket.blocked.notified() => continue,
        }
        match socket.stream.try_read(&mut buffer[filled..]) {
            Ok(0) => return Ok(()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        let mut at = 0;
        let mut wanted = BUFFER;
        while let Some(head) = head(&buffer[at..filled]) {
            if at + head.ends > filled {
                wanted = head.ends.max(BUFFER);
                break;
            }
            let payload = &mut buffer[at + head.begins..at + head.ends];
            mask(payload, head.key.unwrap_or_default());
            match head.opcode {
                frame::CLOSE => return Ok(()),
                frame::TEXT => relay(payload, room, id, user, &mut messages, &mut acks),
                _ => {}
            }
            at += head.ends;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
        if buffer.len() != wanted {
            buffer.resize(wanted, 0);
            buffer.shrink_to_fit();
        }
        if !messages.is_empty() {
            for other in &*room.sockets.borrow() {
                other.write(if Rc::ptr_eq(other, socket) { &acks } else { &messages });
            }
            messages.clear();
            acks.clear();
        }
    }
}

/// Frames a message for the others and its ack.
fn relay(payload: &[u8], room: &Room, id: &str, user: &str, messages: &mut Vec<u8>, acks: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(payload);
    let (Some(content), Some(client_id)) = (field(&text, r#""content":""#), field(&text, r#""message_id":""#)) else {
        return;
    };
    let sequence = room.sequence.get() + 1;
    room.sequence.set(sequence);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let message = format!(
        r#"{{"type":"message","conversation_id":"{id}","message":{{"message_id":"msg_{id}_{sequence}","client_message_id":"{client_id}","conversation_id":"{id}","sequence_id":{sequence},"sender_id":"{user}","sender_name":"{user}","content":"{content}","message_type":"text","timestamp":{now},"status":"sent","metadata":{{}}}}}}"#
    );
    push(messages, TEXT, message.as_bytes());
    let ack = format!(
        r#"{{"type":"message_ack","message_id":"msg_{id}_{sequence}","client_message_id":"{client_id}","sequence_id":{sequence},"duplicate":false}}"#
    );
    push(acks, TEXT, ack.as_bytes());
}

/// What stands between a key and the next quote: texts with quotes in them are nobody's here.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let begins = memmem::find(text.as_bytes(), key.as_bytes())? + key.len();
    text[begins..].split('"').next()
}
