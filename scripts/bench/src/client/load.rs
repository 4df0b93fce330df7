//! What the people do: send, count what they receive, and hold it against what they must receive.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use memchr::memmem::Finder;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, sleep_until, timeout};

use super::room::{Room, make_room, name_of};
use super::socket::Socket;
use crate::Outcome;
use crate::frame::{PING, PONG, TEXT, head, push_masked};
use crate::server::Door;

/// The most that one read takes.
const READ: usize = 64 * 1024;
/// How long what was sent may take until everybody has it.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take to send a history.
const LONGEST: Duration = Duration::from_secs(120);
/// A server is at rest when its sockets are silent for so long.
const REST: Duration = Duration::from_millis(150);

/// What was counted at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Marks {
    /// Messages of others that arrived, over all sockets.
    pub deliveries: u64,
    /// Own messages that were acked.
    pub acks: u64,
    /// Messages sent.
    pub sent: u64,
    /// Bytes that arrived.
    pub bytes: u64,
}

/// All people of all rooms.
pub struct Load {
    shared: Rc<Shared>,
    people: RefCell<Vec<Person>>,
    tasks: RefCell<Vec<JoinHandle<()>>>,
    per_room: usize,
}

struct Person {
    socket: Rc<Socket>,
    /// Messages that this person sent.
    sent: Rc<Cell<u64>>,
    number: usize,
}

struct Shared {
    began: Instant,
    content: usize,
    deliveries: Cell<u64>,
    acks: Cell<u64>,
    sent: Cell<u64>,
    bytes: Cell<u64>,
    /// Frames that are neither message nor ack; among them errors.
    others: Cell<u64>,
    /// Sequence ids that a socket missed or saw twice.
    gaps: Cell<u64>,
    /// Sockets that ended.
    ended: Cell<u64>,
    /// How many messages a person may have without ack; none are sent by itself with 0.
    window: Cell<u64>,
    /// Nanoseconds that deliveries took, while they are wanted.
    latencies: RefCell<Option<Vec<u64>>>,
    scratch: RefCell<Vec<u8>>,
    finders: Finders,
}

struct Finders {
    message: Finder<'static>,
    ack: Finder<'static>,
    sequence: Finder<'static>,
    content: Finder<'static>,
}

impl Load {
    /// Nobody yet, in rooms of so many.
    #[must_use]
    pub fn empty(per_room: usize, content: usize) -> Self {
        let shared = Shared {
            began: Instant::now(),
            content: content.max(17),
            deliveries: Cell::default(),
            acks: Cell::default(),
            sent: Cell::default(),
            bytes: Cell::default(),
            others: Cell::default(),
            gaps: Cell::default(),
            ended: Cell::default(),
            window: Cell::default(),
            latencies: RefCell::default(),
            scratch: RefCell::new(vec![0; READ]),
            finders: Finders {
                message: Finder::new(r#""type":"message""#),
                ack: Finder::new(r#""type":"message_ack""#),
                sequence: Finder::new(r#""sequence_id":"#),
                content: Finder::new(r#""content":""#),
            },
        };
        Self { shared: Rc::new(shared), people: RefCell::default(), tasks: RefCell::default(), per_room }
    }

    /// Makes rooms with so many people each, numbered from `first` on, and opens a socket for everybody. Returns when
    /// everything is silent.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    pub async fn open(door: &Door, first: usize, rooms: usize, people: usize, content: usize) -> Outcome<Self> {
        let load = Self::empty(people, content);
        for number in first..first + rooms {
            let room = make_room(door, number, people).await?;
            for person in 0..people {
                load.connect(door, &room, person).await?;
            }
        }
        load.rest().await;
        Ok(load)
    }

    /// Opens a person's socket.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    pub async fn connect(&self, door: &Door, room: &Room, person: usize) -> Outcome<()> {
        let (socket, rest) = Socket::open(door.address, &room.id, &name_of(room.number, person)).await?;
        let mut people = self.people.borrow_mut();
        let person = Person { socket: Rc::new(socket), sent: Rc::default(), number: people.len() };
        let (socket, sent, number) = (Rc::clone(&person.socket), Rc::clone(&person.sent), person.number);
        people.push(person);
        let shared = Rc::clone(&self.shared);
        self.tasks.borrow_mut().push(spawn_local(async move {
            shared.serve(&socket, &sent, number, rest).await;
            shared.ended.set(shared.ended.get() + 1);
        }));
        Ok(())
    }

    /// How many sockets are open.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.people.borrow().len()
    }

    /// What has been counted so far.
    #[must_use]
    pub fn marks(&self) -> Marks {
        let Shared { deliveries, acks, sent, bytes, .. } = &*self.shared;
        Marks { deliveries: deliveries.get(), acks: acks.get(), sent: sent.get(), bytes: bytes.get() }
    }

    /// Waits until nothing arrives any more.
    pub async fn rest(&self) {
        let mut seen = self.shared.bytes.get();
        loop {
            sleep(REST).await;
            if std::mem::replace(&mut seen, self.shared.bytes.get()) == self.shared.bytes.get() {
                return;
            }
        }
    }

    /// Sends a text over every socket, the next when the kernel has taken the one before: servers don't answer
    /// everything.
    pub async fn send_in_turn(&self, text: &[u8]) {
        for index in 0..self.sockets() {
            let socket = Rc::clone(&self.people.borrow()[index].socket);
            socket.send(text);
            while socket.is_behind() {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Lets everybody send as fast as acks come, with so many messages without ack.
    pub fn send_fast(&self, window: u64) {
        self.shared.window.set(window);
        for person in &*self.people.borrow() {
            self.shared.fill_window(&person.socket, &person.sent, person.number, window);
        }
    }

    /// Sends at a steady rate, all in all, everybody in turn: each next message is that of another room.
    pub async fn send_steadily(&self, per_second: f64, period: Duration) {
        let began = Instant::now();
        let total = (per_second * period.as_secs_f64()) as u64;
        let rooms = self.sockets() / self.per_room;
        let mut number = 0;
        let mut frame = Vec::new();
        while number < total {
            let due = ((began.elapsed().as_secs_f64() * per_second) as u64 + 1).min(total);
            while number < due {
                let turn = usize::try_from(number).unwrap_or_default();
                let (room, person) = (turn % rooms, turn / rooms % self.per_room);
                let people = self.people.borrow();
                let person = &people[room * self.per_room + person];
                // Counted from the moment that it was due, also when this client is late.
                let at = began + Duration::from_secs_f64(number as f64 / per_second);
                frame.clear();
                self.shared.push_message(&mut frame, &person.sent, person.number, at);
                person.socket.write(&frame);
                number += 1;
            }
            sleep_until((began + Duration::from_secs_f64(number as f64 / per_second)).into()).await;
        }
    }

    /// From here on the time that deliveries take is kept.
    pub fn keep_latencies(&self) {
        *self.shared.latencies.borrow_mut() = Some(Vec::new());
    }

    /// The kept times in nanoseconds.
    #[must_use]
    pub fn take_latencies(&self) -> Vec<u64> {
        self.shared.latencies.borrow_mut().take().unwrap_or_default()
    }

    /// Waits until so many messages have been sent.
    ///
    /// # Errors
    /// It takes too long, or a socket ended.
    pub async fn wait_for_sent(&self, messages: u64) -> Outcome<()> {
        let began = Instant::now();
        while self.shared.sent.get() < messages {
            if began.elapsed() > LONGEST || self.shared.ended.get() > 0 {
                return Err(format!("only {} messages were sent", self.shared.sent.get()).into());
            }
            sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Stops sending and waits until everybody has everything.
    ///
    /// # Errors
    /// Somebody missed a message, or got one twice, or a socket ended.
    pub async fn settle(&self) -> Outcome<()> {
        self.shared.window.set(0);
        let missing = || {
            let Marks { deliveries, acks, sent, .. } = self.marks();
            let others = u64::try_from(self.per_room - 1).unwrap_or_default();
            (sent.saturating_sub(acks), (sent * others).saturating_sub(deliveries))
        };
        let everything = async {
            while missing() != (0, 0) && self.shared.ended.get() == 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = timeout(PATIENCE, everything).await;
        let (acks, deliveries) = missing();
        let (gaps, ended) = (self.shared.gaps.get(), self.shared.ended.get());
        if (acks, deliveries, gaps, ended) == (0, 0, 0, 0) {
            return Ok(());
        }
        let errors = self.shared.others.get();
        Err(format!(
            "{acks} acks and {deliveries} deliveries are missing, {gaps} gaps, {ended} sockets ended, {errors} other frames"
        )
        .into())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for task in &*self.tasks.borrow() {
            task.abort();
        }
    }
}

fn add(counter: &Cell<u64>, number: u64) {
    counter.set(counter.get() + number);
}

impl Shared {
    async fn serve(&self, socket: &Socket, sent: &Cell<u64>, number: usize, mut partial: Vec<u8>) {
        let mut last = 0;
        let mut came = partial.len();
        loop {
            add(&self.bytes, came as u64);
            let acks_before = self.acks.get();
            let used = self.take(socket, &partial, &mut last);
            partial.drain(..used);
            let acked = self.acks.get() - acks_before;
            if acked > 0 && self.window.get() > 0 {
                self.fill_window(socket, sent, number, acked);
            }
            if socket.ready().await.is_err() {
                return;
            }
            let mut scratch = self.scratch.borrow_mut();
            match socket.read(&mut scratch) {
                Ok(read) => {
                    came = read;
                    partial.extend_from_slice(&scratch[..read]);
                }
                Err(_) => return,
            }
        }
    }

    /// Counts all whole frames; how many bytes they were.
    fn take(&self, socket: &Socket, bytes: &[u8], last: &mut u64) -> usize {
        let mut at = 0;
        let now = self.latencies.borrow().is_some().then(|| self.began.elapsed());
        while let Some(head) = head(&bytes[at..]) {
            let Some(payload) = bytes.get(at + head.begins..at + head.ends) else { break };
            match head.opcode {
                TEXT => self.count(payload, last, now),
                PING => {
                    let mut pong = Vec::new();
                    push_masked(&mut pong, PONG, payload);
                    socket.write(&pong);
                }
                _ => {}
            }
            at += head.ends;
        }
        at
    }

    fn count(&self, text: &[u8], last: &mut u64, now: Option<Duration>) {
        let Finders { message, ack, sequence, content } = &self.finders;
        if message.find(text).is_some() {
            add(&self.deliveries, 1);
            let stamp = now.and_then(|now| {
                let begins = content.find(text)? + content.needle().len();
                let digits = std::str::from_utf8(text.get(begins..begins + 16)?).ok()?;
                Some(now.as_nanos().saturating_sub(u64::from_str_radix(digits, 16).ok()?.into()))
            });
            if let (Some(stamp), Some(latencies)) = (stamp, &mut *self.latencies.borrow_mut()) {
                latencies.push(u64::try_from(stamp).unwrap_or(u64::MAX));
            }
        } else if ack.find(text).is_some() {
            add(&self.acks, 1);
        } else {
            return add(&self.others, 1);
        }
        let digits = sequence.find(text).map(|at| &text[at + sequence.needle().len()..]).unwrap_or_default();
        let place = digits.iter().take_while(|byte| byte.is_ascii_digit());
        let place = place.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        // The first may stand behind a history.
        if *last != 0 && place != *last + 1 {
            add(&self.gaps, 1);
        }
        *last = place;
    }

    fn fill_window(&self, socket: &Socket, sent: &Cell<u64>, number: usize, messages: u64) {
        let mut frames = Vec::new();
        let now = Instant::now();
        for _ in 0..messages {
            self.push_message(&mut frames, sent, number, now);
        }
        socket.write(&frames);
    }

    /// Appends a frame with a message. Its content begins with its moment, sixteen hexadecimal digits.
    fn push_message(&self, out: &mut Vec<u8>, sent: &Cell<u64>, number: usize, at: Instant) {
        let stamp = at.saturating_duration_since(self.began).as_nanos();
        let serial = sent.get();
        let mut text = Vec::with_capacity(self.content + 96);
        let padding = self.content - 17;
        // Writing to a vector cannot fail.
        let _ = write!(
            text,
            r#"{{"type":"message","content":"{stamp:016x} {:.<padding$}","message_id":"{number}-{serial}"}}"#,
            ""
        );
        push_masked(out, TEXT, &text);
        sent.set(serial + 1);
        add(&self.sent, 1);
    }
}
