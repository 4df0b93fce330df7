//! Whether a delivery costs the same however many people, conversations and messages there are.

use std::time::Duration;

use crate::Outcome;
use crate::client::{Load, Marks};
use crate::process::{cpu, load_average};
use crate::server::{Servers, Subject};
use crate::table::{self, median};

const WARM_UP: Duration = Duration::from_millis(300);
/// Deliveries a second in the rows of participants.
const DELIVERIES: f64 = 8_000.0;
/// Messages a second in the other rows.
const MESSAGES: f64 = 800.0;
/// Characters of a message.
const CHARS: usize = 64;
/// People of a conversation in the rows of conversations, and of history.
const PEOPLE: (usize, usize) = (5, 10);

/// CPU a frame (a message or an ack that the server wrote) while one thing grows, at a steady rate.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    servers: Servers,
    /// How often everything is measured; the table has the medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 1.5, value_parser = crate::fanout::seconds)]
    seconds: f64,
    /// The longest history.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    history: u64,
}

/// A point of one of the rows.
#[derive(Debug, Clone, Copy)]
struct Point {
    rooms: usize,
    people: usize,
    history: u64,
    /// Messages a second, all in all.
    rate: f64,
}

/// Runs it.
///
/// # Errors
/// A server does not start, or loses a message.
pub async fn run(options: &Options) -> Outcome<()> {
    let subjects = options.servers.present();
    println!("{} rounds of {} s; load average {}", options.rounds, options.seconds, load_average());
    let participants = [2, 5, 10, 50, 100, 200].map(|people| {
        let rate = DELIVERIES / (people - 1) as f64;
        (format!("{people}"), Point { rooms: 1, people, history: 0, rate })
    });
    grow(options, &subjects, "participants of one conversation, 8000 deliveries a second", &participants).await?;
    let conversations = [1, 10, 100, 1000]
        .map(|rooms| (format!("{rooms}"), Point { rooms, people: PEOPLE.0, history: 0, rate: MESSAGES }));
    grow(options, &subjects, "conversations of 5, 800 messages a second in all", &conversations).await?;
    // Peers keep no messages.
    let subjects: Vec<Subject> = subjects.into_iter().filter(|subject| subject.is_ours()).collect();
    let lengths = [0, options.history / 100, options.history / 10, options.history];
    let history =
        lengths.map(|history| (format!("{history}"), Point { rooms: 1, people: PEOPLE.1, history, rate: MESSAGES }));
    grow(options, &subjects, "messages before, in a conversation of 10, 800 messages a second", &history).await?;
    println!("\nload average {}", load_average());
    Ok(())
}

async fn grow(options: &Options, subjects: &[Subject], what: &str, points: &[(String, Point)]) -> Outcome<()> {
    println!("\n{what}: microseconds of CPU a frame, of CPU a message (CPU a frame, last to first)");
    let mut values = vec![vec![Vec::new(); points.len()]; subjects.len()];
    for _ in 0..options.rounds {
        for (column, (name, point)) in points.iter().enumerate() {
            for (subject, values) in subjects.iter().zip(&mut values) {
                let value = measure(options, *subject, *point).await;
                values[column].push(value.map_err(|error| format!("{subject} at {name}: {error}"))?);
            }
        }
    }
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(points.iter().map(|(name, _)| name.clone()));
    for (subject, values) in subjects.iter().zip(values) {
        let middle = |values: &[(f64, f64)], which: fn(&(f64, f64)) -> f64| {
            median(&values.iter().map(which).collect::<Vec<_>>())
        };
        let mut cells = vec![subject.to_string()];
        let frames: Vec<f64> = values.iter().map(|values| middle(values, |value| value.0)).collect();
        let messages = values.iter().map(|values| middle(values, |value| value.1));
        cells.extend(frames.iter().zip(messages).map(|(frame, message)| format!("{frame:.1}, {message:.0}")));
        let ratio = frames.last().zip(frames.first()).map_or(f64::NAN, |(last, first)| last / first);
        cells.push(format!("({ratio:.2})"));
        rows.push(cells);
    }
    table::print(&rows);
    Ok(())
}

/// Microseconds a frame and a message.
async fn measure(options: &Options, subject: Subject, point: Point) -> Outcome<(f64, f64)> {
    let server = options.servers.start(subject)?;
    let load = Load::open(&server.door, 0, point.rooms, point.people, CHARS).await?;
    if point.history > 0 {
        load.send_fast(50);
        load.wait_for_sent(point.history).await?;
        load.settle().await?;
    }
    load.send_steadily(point.rate, WARM_UP).await;
    let (before, used) = (load.marks(), cpu(server.pid())?);
    load.send_steadily(point.rate, Duration::from_secs_f64(options.seconds)).await;
    let (after, used) = (load.marks(), cpu(server.pid())? - used);
    load.settle().await?;
    let count = |which: fn(&Marks) -> u64| (which(&after) - which(&before)) as f64;
    let micros = used.as_secs_f64() * 1e6;
    Ok((micros / count(|marks| marks.deliveries + marks.acks), micros / count(|marks| marks.acks)))
}
