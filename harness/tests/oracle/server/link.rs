//! Frames over one open connection: what is owed goes out in its order, but for the faults.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::time::Duration;

use serde_json::json;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::connection::{SharedRooms, drained, with};
use super::rooms::{Owed, frame};
use super::websocket::{FromClient, close, take, text};
use crate::case::{Kind, MARKER};
use crate::fault::{What, When};
use crate::log::{Asked, End, Event, Frame, LinkId, Log};

/// A frame that waits for another to come before it waits no longer than this.
const SWAP: Duration = Duration::from_millis(20);

/// Whether a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

/// One open connection.
pub(super) struct Socket {
    id: LinkId,
    who: String,
    /// Which of its owner's connections it is, from 1.
    nth: usize,
    stream: TcpStream,
    queue: UnboundedSender<Owed>,
    log: Log,
    rooms: SharedRooms,
    /// How many frames of each kind had their turn.
    turns: BTreeMap<Kind, usize>,
    pings: i64,
    silent: bool,
    /// A message that the next one overtakes.
    overtaken: Option<Frame>,
}

impl Socket {
    pub(super) fn new(
        id: LinkId,
        (who, nth): (String, usize),
        stream: TcpStream,
        queue: UnboundedSender<Owed>,
        log: Log,
        rooms: SharedRooms,
    ) -> Self {
        let turns = BTreeMap::new();
        Self { id, who, nth, stream, queue, log, rooms, turns, pings: 0, silent: false, overtaken: None }
    }

    /// Until one of both ends it.
    pub(super) async fn talk(mut self, mut owed: UnboundedReceiver<Owed>, mut bytes: Vec<u8>) -> io::Result<()> {
        loop {
            while let Some(came) = take(&mut bytes) {
                if let Some(What::SlowReading(ms)) = self.fault(When::Reading) {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
                if self.came(came, &mut owed).await? == Next::End {
                    return Ok(());
                }
            }
            let waits = self.overtaken.is_some();
            let overtaken = async { if waits { tokio::time::sleep(SWAP).await } else { pending().await } };
            tokio::select! {
                Some(owed) = owed.recv() => {
                    if self.turn(owed).await? == Next::End {
                        return Ok(());
                    }
                }
                read = self.stream.read_buf(&mut bytes) => {
                    if read.is_ok_and(|size| size > 0) {
                        continue;
                    }
                    self.log.note(Event::Left { id: self.id });
                    return Ok(());
                }
                () = overtaken => self.write_overtaken().await?,
            }
        }
    }

    fn fault(&self, when: When) -> Option<What> {
        with(&self.rooms, |rooms| rooms.fault(&self.who, self.nth, when).cloned()).flatten()
    }

    async fn came(&mut self, came: FromClient, owed: &mut UnboundedReceiver<Owed>) -> io::Result<Next> {
        let said = match came {
            FromClient::Text(said) => said,
            FromClient::Other => return Ok(Next::GoOn),
            FromClient::Close => return self.farewell(owed).await,
        };
        let said: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
        match said["type"].as_str() {
            Some("say") => {
                let text = said["text"].as_str().unwrap_or_default();
                self.log.note(Event::Read { id: self.id, asked: Asked::Say(text.to_owned()) });
                with(&self.rooms, |rooms| {
                    if let Some(room) = rooms.room_of(self.id) {
                        rooms.say(&room, text, Some(self.id));
                    }
                });
            }
            Some("ping") => {
                self.pings += 1;
                let number = usize::try_from(self.pings).unwrap_or_default();
                self.log.note(Event::Read { id: self.id, asked: Asked::Ping(number) });
                let _ = self.queue.send(Owed { frame: frame(Kind::Pong, "", self.pings, ""), counts: true });
            }
            _ => {}
        }
        Ok(Next::GoOn)
    }

    /// The client's close frame is answered behind everything that it is owed.
    async fn farewell(&mut self, owed: &mut UnboundedReceiver<Owed>) -> io::Result<Next> {
        self.log.note(Event::Read { id: self.id, asked: Asked::Close });
        with(&self.rooms, |rooms| rooms.leave(self.id));
        while let Ok(owed) = owed.try_recv() {
            if self.turn(owed).await? == Next::End {
                return Ok(Next::End);
            }
        }
        self.write_overtaken().await?;
        match self.fault(When::Closing) {
            Some(What::Silence) => drained(&mut self.stream).await?,
            Some(end @ (What::Eof | What::Reset)) => self.end(&end).await?,
            _ => {
                self.log.note(Event::Farewell { id: self.id });
                self.stream.write_all(&close(Some(1000), "")).await?;
                self.stream.shutdown().await?;
                drained(&mut self.stream).await?;
            }
        }
        Ok(Next::End)
    }

    /// A frame's turn: it is written, unless something goes wrong with it.
    async fn turn(&mut self, owed: Owed) -> io::Result<Next> {
        let Owed { frame: it, counts } = owed;
        if self.silent {
            self.log.note(Event::Kept { id: self.id, frame: it });
            return Ok(Next::GoOn);
        }
        let wrong = if counts {
            let nth = self.turns.entry(it.kind).or_default();
            *nth += 1;
            let nth = *nth;
            self.fault(When::Frame(it.kind, nth))
        } else {
            None
        };
        // A barrier is never overtaken: one that is answered too early is a lie that no single play can see.
        if it.kind != Kind::Said || wrong.is_some() || it.text.starts_with(MARKER) {
            self.write_overtaken().await?;
        }
        match wrong {
            None => self.write(it, false).await?,
            Some(What::Lose) => self.log.note(Event::Kept { id: self.id, frame: it }),
            Some(What::Twice) => {
                self.write(it.clone(), false).await?;
                self.write(it, false).await?;
            }
            Some(What::Hold(ms)) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                self.write(it, false).await?;
            }
            Some(What::Swap) => self.overtaken = Some(it),
            Some(What::Cut) => self.write(Frame { readable: false, ..it }, true).await?,
            Some(What::HugeNumber) => self.write(Frame { readable: false, ..it }, false).await?,
            Some(What::Before(kind)) => {
                self.write(frame(kind, &it.room, 0, ""), false).await?;
                self.write(it, false).await?;
            }
            Some(What::Forget) => {
                with(&self.rooms, |rooms| rooms.forget(&it.room, it.n));
                self.write(it, false).await?;
            }
            Some(What::Leak) => {
                let other = if it.room == "hall" { "attic" } else { "hall" };
                let n = with(&self.rooms, |rooms| rooms.case.base).unwrap_or_default() + 1;
                self.write(frame(Kind::Said, other, n, "leaked"), false).await?;
                self.write(it, false).await?;
            }
            Some(What::Later(kind, ms)) => {
                let (queue, extra) = (self.queue.clone(), frame(kind, &it.room, 0, ""));
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    let _ = queue.send(Owed { frame: extra, counts: false });
                });
                self.write(it, false).await?;
            }
            Some(What::Silence) => {
                self.silent = true;
                self.log.note(Event::Kept { id: self.id, frame: it });
            }
            Some(end) => {
                self.log.note(Event::Kept { id: self.id, frame: it.clone() });
                if end == What::HalfFrame {
                    let bytes = text(&shown(&it));
                    self.stream.write_all(bytes.get(..bytes.len() / 2).unwrap_or_default()).await?;
                }
                self.end(&end).await?;
                return Ok(Next::End);
            }
        }
        Ok(Next::GoOn)
    }

    /// Ends the connection from the server's side.
    async fn end(&mut self, how: &What) -> io::Result<()> {
        with(&self.rooms, |rooms| rooms.leave(self.id));
        let (id, log) = (self.id, &self.log);
        match how {
            What::Close(code) => {
                log.note(Event::Ended { id, how: End::Closed(*code) });
                self.stream.write_all(&close(Some(*code), "enough")).await?;
            }
            What::EmptyClose => {
                log.note(Event::Ended { id, how: End::Closed(1005) });
                self.stream.write_all(&close(None, "")).await?;
            }
            What::Reset => {
                log.note(Event::Ended { id, how: End::Reset });
                // Closed with this, a socket sends a reset instead of an end.
                return SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
            }
            _ => log.note(Event::Ended { id, how: End::Eof }),
        }
        self.stream.shutdown().await?;
        // Bytes that nobody read would make a reset of the end.
        drained(&mut self.stream).await
    }

    async fn write_overtaken(&mut self) -> io::Result<()> {
        match self.overtaken.take() {
            Some(frame) => self.put(frame, false).await,
            None => Ok(()),
        }
    }

    /// Writes a frame, and behind it the one that it overtakes.
    async fn write(&mut self, frame: Frame, cut: bool) -> io::Result<()> {
        self.put(frame, cut).await?;
        self.write_overtaken().await
    }

    async fn put(&mut self, frame: Frame, cut: bool) -> io::Result<()> {
        let whole = shown(&frame);
        let half: String = whole.chars().take(whole.len() / 2).collect();
        self.log.note(Event::Wrote { id: self.id, frame });
        self.stream.write_all(&text(if cut { &half } else { &whole })).await
    }
}

/// A frame as the client reads it.
fn shown(frame: &Frame) -> String {
    let Frame { kind, room, n, text, readable } = frame;
    let mut value = json!({ "type": kind.name() });
    match kind {
        Kind::Said | Kind::Stored => {
            value["room"] = json!(room);
            value["n"] = json!(n);
            value["id"] = json!(format!("{room}-{n}"));
            value["text"] = json!(text);
            if *kind == Kind::Stored {
                value["key"] = json!(text);
            }
        }
        Kind::Welcome => value["text"] = json!(text),
        Kind::Pong | Kind::Secret | Kind::Error => {}
    }
    let mut shown = value.to_string();
    if !readable {
        // Serialisers that write any number write this one too.
        shown.pop();
        shown.push_str(",\"limit\":1e400}");
    }
    shown
}
