//! Deliveries a server-CPU-second: rooms whose members all send as fast as acks come, and rooms at a steady rate.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::time::sleep;

use crate::Outcome;
use crate::client::Load;
use crate::process::{cpu, load_average};
use crate::server::{Servers, Subject};
use crate::table::{self, median, percentile};

/// How the load runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(400);

/// Deliveries a server-CPU-second, for each server by turns, and the ratio to the floor.
///
/// Every member of every room sends with a bounded window of messages without ack; what arrives at the others is
/// counted there, and the time that the server spent on processors is the kernel's number. The row at a steady rate
/// tells how long deliveries take as well, from the moment that a message was due. Each measurement has a server of
/// its own; client and server share the machine.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    servers: Servers,
    /// How often everything is measured; the table has the medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    rounds: u32,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 1.5, value_parser = seconds)]
    seconds: f64,
    /// Rooms x people; with @N so many messages a second in each room instead of as many as it can.
    #[arg(long, value_name = "SHAPE,…", value_delimiter = ',', default_value = "20x10,2x100,50x2,64x3,10x10@100")]
    shapes: Vec<Shape>,
    /// The most messages of a person without ack.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=500))]
    window: u64,
    /// Characters of a message.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(17..=8000))]
    chars: u64,
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=60.0).contains(&seconds) { Ok(seconds) } else { Err("from 0.1 to 60".to_owned()) }
}

/// How many rooms, how many people in each, and how many messages a second in each.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shape {
    rooms: usize,
    people: usize,
    rate: Option<f64>,
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not like 20x10 or 10x10@100, with at most 5000 sockets");
        let (size, rate) = text.split_once('@').map_or((text, None), |(size, rate)| (size, Some(rate)));
        let (rooms, people) = size.split_once('x').ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<usize>().ok().filter(|number| (1..=5000).contains(number));
        let (rooms, people) = number(rooms).zip(number(people)).ok_or_else(wrong)?;
        let rate = rate.map(|rate| rate.parse::<u32>().map(f64::from)).transpose().map_err(|_| wrong())?;
        let fits = people >= 2 && rooms * people <= 5000 && rate.is_none_or(|rate| (1.0..=20_000.0).contains(&rate));
        if fits { Ok(Self { rooms, people, rate }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rooms, people, rate } = self;
        write!(f, "{rooms} × {people}")?;
        rate.map_or(Ok(()), |rate| write!(f, ", {rate}/s each"))
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Deliveries a CPU second.
    efficiency: f64,
    /// Deliveries a second.
    speed: f64,
    /// Processors that the server used.
    cpus: f64,
    /// Milliseconds from due to delivered: half of all, and all but a hundredth.
    latency: (f64, f64),
}

/// Runs it.
///
/// # Errors
/// A server does not start, or loses a message.
pub async fn run(options: &Options) -> Outcome<()> {
    let subjects = options.servers.present();
    let Options { rounds, seconds, window, chars, .. } = options;
    println!("{rounds} rounds of {seconds} s, window {window}, {chars} characters; load average {}", load_average());
    let mut samples: BTreeMap<(usize, usize), Vec<Sample>> = BTreeMap::new();
    for round in 0..options.rounds as usize {
        for (row, shape) in options.shapes.iter().enumerate() {
            for turn in 0..subjects.len() {
                // Nobody is always the one behind the same other.
                let column = (turn + round) % subjects.len();
                let sample = measure(options, subjects[column], *shape).await;
                let sample = sample.map_err(|error| format!("{} at {shape}: {error}", subjects[column]))?;
                samples.entry((row, column)).or_default().push(sample);
            }
        }
    }
    println!("\ndeliveries a server-CPU-second in thousands (ratio to floor) [spread], and processors used");
    let mut rows = vec![head(&options.shapes)];
    for (column, subject) in subjects.iter().enumerate() {
        let mut cells = vec![subject.to_string()];
        for row in 0..options.shapes.len() {
            let floor = subjects.iter().position(|subject| *subject == Subject::Floor);
            let floor = floor.map(|floor| middle(&samples[&(row, floor)], |sample| sample.efficiency));
            cells.push(cell(&samples[&(row, column)], floor));
        }
        rows.push(cells);
    }
    table::print(&rows);
    print_speed(options, &subjects, &samples);
    println!("\nload average {}", load_average());
    Ok(())
}

fn head(shapes: &[Shape]) -> Vec<String> {
    std::iter::once(String::new()).chain(shapes.iter().map(ToString::to_string)).collect()
}

fn middle(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    median(&samples.iter().map(value).collect::<Vec<_>>())
}

fn cell(samples: &[Sample], floor: Option<f64>) -> String {
    let own = middle(samples, |sample| sample.efficiency);
    let ratio = floor.map(|floor| format!(" ({:.2})", own / floor)).unwrap_or_default();
    let all = samples.iter().map(|sample| sample.efficiency);
    let (least, most) = all.fold((f64::MAX, 0_f64), |(least, most), one| (least.min(one), most.max(one)));
    let cpus = middle(samples, |sample| sample.cpus);
    format!("{:.0}{ratio} [{:.0}–{:.0}] {cpus:.2}", own / 1e3, least / 1e3, most / 1e3)
}

fn print_speed(options: &Options, subjects: &[Subject], samples: &BTreeMap<(usize, usize), Vec<Sample>>) {
    println!("\nthousands of deliveries a second; at a steady rate milliseconds that deliveries took, p50/p99");
    let mut rows = vec![head(&options.shapes)];
    for (column, subject) in subjects.iter().enumerate() {
        let mut cells = vec![subject.to_string()];
        for (row, shape) in options.shapes.iter().enumerate() {
            let samples = &samples[&(row, column)];
            cells.push(if shape.rate.is_some() {
                let (half, most) = (middle(samples, |one| one.latency.0), middle(samples, |one| one.latency.1));
                format!("{half:.2}/{most:.2}")
            } else {
                format!("{:.0}", middle(samples, |sample| sample.speed) / 1e3)
            });
        }
        rows.push(cells);
    }
    table::print(&rows);
}

async fn measure(options: &Options, subject: Subject, shape: Shape) -> Outcome<Sample> {
    let server = options.servers.start(subject)?;
    let chars = usize::try_from(options.chars)?;
    let load = Load::open(&server.door, 0, shape.rooms, shape.people, chars).await?;
    let period = Duration::from_secs_f64(options.seconds);
    if let Some(rate) = shape.rate {
        load.send_steadily(rate * shape.rooms as f64, WARM_UP).await;
        load.keep_latencies();
    } else {
        load.send_fast(options.window);
        sleep(WARM_UP).await;
    }
    let (began, before, used) = (std::time::Instant::now(), load.marks(), cpu(server.pid())?);
    match shape.rate {
        Some(rate) => load.send_steadily(rate * shape.rooms as f64, period).await,
        None => sleep(period).await,
    }
    let (took, after, used) = (began.elapsed(), load.marks(), cpu(server.pid())? - used);
    load.settle().await?;
    let mut latencies = load.take_latencies();
    let mut millis = |share| percentile(&mut latencies, share) as f64 / 1e6;
    let deliveries = (after.deliveries - before.deliveries) as f64;
    Ok(Sample {
        efficiency: deliveries / used.as_secs_f64(),
        speed: deliveries / took.as_secs_f64(),
        cpus: used.as_secs_f64() / took.as_secs_f64(),
        latency: (millis(0.5), millis(0.99)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read() {
        assert_eq!("20x10".parse(), Ok(Shape { rooms: 20, people: 10, rate: None }));
        assert_eq!("10x10@100".parse(), Ok(Shape { rooms: 10, people: 10, rate: Some(100.0) }));
        for wrong in ["", "20", "20x", "x3", "20x1", "0x3", "100x100", "2x2@0", "2x2@x"] {
            assert!(wrong.parse::<Shape>().is_err(), "{wrong}");
        }
    }
}
