//! Chooses what the server does wrong, at moments that come in the story.

use fastrand::Rng;

use crate::case::{Absence, Acks, Action, Barrier, Case, Kind, Link, Pattern, Step};
use crate::fault::{Fault, What, When};

/// Adds none to three faults, and to some of them a step that expects what comes of it.
pub(crate) fn add(rng: &mut Rng, case: &mut Case) {
    let many = match rng.u8(0..100) {
        // In a long story most faults come before its end.
        _ if case.steps.len() > 20 => rng.usize(0..=1),
        0..22 => 0,
        22..75 => 1,
        75..93 => 2,
        _ => 3,
    };
    for _ in 0..many {
        let Some(fault) = fault(rng, case) else { continue };
        let taken = |other: &Fault| other.who == fault.who && other.nth == fault.nth && other.when == fault.when;
        if case.faults.iter().any(taken) {
            continue;
        }
        if ends(&fault.what) && matches!(fault.when, When::Frame(..)) && rng.u8(0..100) < 55 {
            expect_end(rng, case, &fault);
        }
        case.faults.push(fault);
    }
}

fn fault(rng: &mut Rng, case: &Case) -> Option<Fault> {
    let connects: Vec<usize> = (0..case.steps.len()).filter(|place| is_connect(&case.steps[*place])).collect();
    let place = *connects.get(rng.usize(0..connects.len().max(1)))?;
    let link = &case.steps[place].link;
    let nth = connects.iter().filter(|other| **other <= place && case.steps[**other].link.who == link.who).count();
    let (when, what) = match rng.u8(0..100) {
        0..4 => (When::Handshake, handshake(rng)),
        4..12 => (When::Reading, What::SlowReading(rng.u64(10..=25))),
        12..15 => (When::Closing, any(rng, &[What::Silence, What::Eof, What::Reset])),
        15..35 if case.steps.iter().any(|step| step.action == Action::Ping) => {
            (When::Frame(Kind::Pong, 1), any(rng, &[What::Lose, What::Hold(20)]))
        }
        _ => {
            let (kind, most) = frames(rng, case, place);
            // Behind a place that was reached too early the positions of a room say nothing.
            let swaps = case.protocol.barrier != Barrier::Get;
            let what = Some(wrong(rng, kind, case.protocol.invariants))
                .filter(|what| swaps || *what != What::Swap)
                .unwrap_or(What::Lose);
            (When::Frame(kind, rng.usize(1..=most.max(1))), what)
        }
    };
    Some(Fault { who: link.who.clone(), nth, when, what })
}

/// A kind of frames that a connection gets, and about how many of them.
fn frames(rng: &mut Rng, case: &Case, connect: usize) -> (Kind, usize) {
    let link = &case.steps[connect].link;
    let behind = case.steps.iter().skip(connect);
    let said = |step: &&Step| matches!(step.action, Action::Say(_) | Action::Post { .. });
    let own = behind.clone().filter(|step| step.link == *link && matches!(step.action, Action::Say(_))).count();
    let all = behind.clone().filter(said).count();
    let pongs = behind
        .filter(|step| matches!(step.action, Action::Nothing(_) | Action::Count { .. } | Action::Mark { .. }))
        .count();
    match rng.u8(0..100) {
        0..12 => (Kind::Welcome, 1),
        12..30 if case.protocol.barrier == Barrier::Echo => (Kind::Pong, pongs + 1),
        30..50 if case.protocol.acks != Acks::None && own > 0 => (Kind::Stored, own),
        _ => (Kind::Said, all),
    }
}

fn wrong(rng: &mut Rng, kind: Kind, judged: bool) -> What {
    let end = |rng: &mut Rng| match rng.u8(0..6) {
        0 => What::Close(1000),
        1 => What::Close(1011),
        2 => What::Close(4000),
        3 => What::EmptyClose,
        4 => What::Eof,
        _ => any(rng, &[What::Reset, What::HalfFrame]),
    };
    if kind == Kind::Pong {
        return match rng.u8(0..10) {
            0..3 => What::Lose,
            3 => What::Silence,
            4 => What::Cut,
            5..7 => What::Hold(rng.u64(5..=30)),
            _ => end(rng),
        };
    }
    match rng.u8(0..100) {
        0..18 => What::Lose,
        18..30 => What::Twice,
        30..40 => What::Hold(rng.u64(5..=30)),
        40..46 if kind == Kind::Said => What::Swap,
        46..58 if kind == Kind::Said && judged => What::Swap,
        40..46 if kind == Kind::Stored => What::Forget,
        46..50 => What::Cut,
        50..54 => What::HugeNumber,
        54..66 => What::Before(any(rng, &[Kind::Secret, Kind::Secret, Kind::Error])),
        66..74 => What::Later(any(rng, &[Kind::Secret, Kind::Secret, Kind::Error]), rng.u64(10..=45)),
        74..79 => What::Silence,
        79..82 => What::Leak,
        _ => end(rng),
    }
}

fn handshake(rng: &mut Rng) -> What {
    let ways = [
        What::Refuse(503),
        What::NoUpgrade,
        What::ForeignSubprotocol,
        What::ForeignExtension,
        What::Silence,
        What::Eof,
    ];
    any(rng, &ways)
}

fn any<T: Clone>(rng: &mut Rng, ways: &[T]) -> T {
    ways[rng.usize(0..ways.len())].clone()
}

fn is_connect(step: &Step) -> bool {
    matches!(step.action, Action::Connect { .. })
}

/// Whether a fault ends its connection.
fn ends(what: &What) -> bool {
    matches!(what, What::Close(_) | What::EmptyClose | What::Eof | What::Reset | What::HalfFrame)
}

/// The story expects that the server ends the connection, and goes on without it.
fn expect_end(rng: &mut Rng, case: &mut Case, fault: &Fault) {
    let mut nth = 0;
    let connect = case.steps.iter().position(|step| {
        nth += usize::from(is_connect(step) && step.link.who == fault.who);
        nth == fault.nth
    });
    let Some(connect) = connect else { return };
    let link: Link = case.steps[connect].link.clone();
    let place = rng.usize(connect + 1..=case.steps.len());
    let code = match fault.what {
        What::Close(code) if rng.bool() => Some(code),
        What::EmptyClose if rng.bool() => Some(1005),
        _ => None,
    };
    let gone: Vec<Step> = case.steps.split_off(place);
    case.steps.push(Step::new(link.clone(), Action::Closed { code }));
    if rng.bool() {
        let pattern = Pattern { kind: Kind::Secret, text: None };
        let listen = (rng.bool() || case.protocol.barrier == Barrier::None).then_some(1200);
        let action = Action::Nothing(Absence { pattern, listen, since: None });
        case.steps.push(Step::new(link.clone(), action));
    }
    if rng.u8(0..100) < 15 {
        // Into a connection that is gone: this must fail.
        case.steps.push(Step::new(link.clone(), Action::Say("gone".to_owned())));
    }
    let mut back = false;
    for step in gone {
        back |= step.link == link && is_connect(&step);
        if back || step.link != link {
            case.steps.push(step);
        }
    }
}
