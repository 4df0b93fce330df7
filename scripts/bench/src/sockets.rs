//! What an idle socket keeps in memory, and what it costs that many people join one room.

use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::Outcome;
use crate::client::{Load, Room, join, make_room};
use crate::process::{cpu, load_average, resident};
use crate::server::{Server, Servers, Subject};
use crate::table::{self, median};

/// The most bytes of a frame that the chat server takes.
const LARGE: usize = 256 * 1024;

/// Characters of messages, none of which is sent here.
const CHARS: usize = 64;

/// The groups that join, in the order of the columns.
const GROUPS: [usize; 3] = [25, 50, 100];

/// Resident memory of an idle socket, and what it costs that many people join one room.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    servers: Servers,
    /// How often everything is measured; the tables have the medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// How many sockets are opened to measure their memory.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(200..=8000))]
    sockets: u32,
}

/// Runs it.
///
/// # Errors
/// A server does not start, or refuses a socket.
pub async fn run(options: &Options) -> Outcome<()> {
    let subjects = options.servers.present();
    let Options { rounds, sockets, .. } = options;
    println!("{rounds} rounds, {sockets} sockets; load average {}", load_average());
    memory(options, &subjects).await?;
    storm(options, &subjects).await?;
    println!("\nload average {}", load_average());
    Ok(())
}

async fn memory(options: &Options, subjects: &[Subject]) -> Outcome<()> {
    println!("\nresident memory of an idle socket in KiB (ratio to limit)");
    let cases = [(2, false), (100, false), (2, true), (100, true)];
    let mut values = vec![vec![Vec::new(); cases.len()]; subjects.len()];
    for _ in 0..options.rounds {
        for (case, (people, large)) in cases.into_iter().enumerate() {
            for (subject, values) in subjects.iter().zip(&mut values) {
                let rooms = options.sockets as usize / people;
                let bytes = idle(options, *subject, rooms, people, large).await;
                values[case].push(bytes.map_err(|error| format!("{subject}, rooms of {people}: {error}"))? / 1024.0);
            }
        }
    }
    let limit = subjects.iter().position(|subject| *subject == Subject::Limit);
    let head = ["", "rooms of 2", "rooms of 100", "of 2, behind 256 KiB", "of 100, behind 256 KiB"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (subject, own) in subjects.iter().zip(&values) {
        let mut cells = vec![subject.to_string()];
        for (case, own) in own.iter().enumerate() {
            let ratio = limit.map(|limit| format!(" ({:.2})", median(own) / median(&values[limit][case])));
            cells.push(format!("{:.1}{}", median(own), ratio.unwrap_or_default()));
        }
        rows.push(cells);
    }
    table::print(&rows);
    Ok(())
}

/// Bytes a socket. Behind large frames each socket has sent one that means nothing.
async fn idle(options: &Options, subject: Subject, rooms: usize, people: usize, large: bool) -> Outcome<f64> {
    let server = options.servers.start(subject)?;
    // What the first sockets of all bring into memory is not theirs.
    let first = Load::open(&server.door, 0, 1, 2, CHARS).await?;
    let before = resident(server.pid())?;
    let load = Load::open(&server.door, 1, rooms, people, CHARS).await?;
    if large {
        let mut text = br#"{"type":"unknown","filler":""#.to_vec();
        text.resize(LARGE - 2, b'.');
        text.extend_from_slice(br#""}"#);
        load.send_in_turn(&text).await;
    }
    load.rest().await;
    let bytes = resident(server.pid())?.saturating_sub(before) as f64 / load.sockets() as f64;
    // Nobody may have been sent away meanwhile.
    load.settle().await?;
    first.settle().await?;
    Ok(bytes)
}

async fn storm(options: &Options, subjects: &[Subject]) -> Outcome<()> {
    println!("\npeople who join one room at once: KiB sent to all of them, milliseconds of CPU");
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(GROUPS.iter().map(|people| format!("{people} people")));
    rows[0].push("from 50 to 100".to_owned());
    for subject in subjects {
        let mut cells = vec![subject.to_string()];
        let mut sizes = Vec::new();
        for people in GROUPS {
            let (mut bytes, mut cpus) = (Vec::new(), Vec::new());
            for _ in 0..options.rounds {
                let server = options.servers.start(*subject)?;
                let (sent, used) = joined(&server, people).await.map_err(|error| format!("{subject}: {error}"))?;
                bytes.push(sent as f64);
                cpus.push(used.as_secs_f64() * 1e3);
            }
            sizes.push(median(&bytes));
            cells.push(format!("{:.0}, {:.1}", median(&bytes) / 1024.0, median(&cpus)));
        }
        cells.push(format!("bytes n^{:.1}", (sizes[2] / sizes[1]).log2()));
        rows.push(cells);
    }
    table::print(&rows);
    Ok(())
}

/// All but the first become participants and connect, everybody at once.
async fn joined(server: &Server, people: usize) -> Outcome<(u64, Duration)> {
    let room: Rc<Room> = Rc::new(make_room(&server.door, 0, 1).await?);
    let load = Load::empty(people, CHARS);
    load.connect(&server.door, &room, 0).await?;
    load.rest().await;
    let (before, used) = (load.marks().bytes, cpu(server.pid())?);
    let load = Rc::new(load);
    let mut joining = JoinSet::new();
    for person in 1..people {
        let (load, room, door) = (Rc::clone(&load), Rc::clone(&room), server.door);
        joining.spawn_local(async move {
            join(&door, &room, person).await.map_err(|error| error.to_string())?;
            load.connect(&door, &room, person).await.map_err(|error| error.to_string())
        });
    }
    while let Some(result) = joining.join_next().await {
        result??;
    }
    load.rest().await;
    let (bytes, used) = (load.marks().bytes - before, cpu(server.pid())? - used);
    load.settle().await?;
    Ok((bytes, used))
}
