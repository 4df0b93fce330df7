//! Makes cases from a seed: a protocol, a story, and what goes wrong in it.

use fastrand::Rng;

use crate::case::{Acks, BEYOND_FLOATS, Barrier, Case, Protocol};
use crate::{faults, story};

const NAMES: [&str; 4] = ["ann", "ben", "cem", "dan"];

/// The case with this number in a run of this seed: always the same.
pub(crate) fn case(seed: u64, number: u64) -> Case {
    // Neighbouring numbers give unlike cases.
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number));
    let protocol = protocol(&mut rng);
    let people: Vec<String> = NAMES.iter().take(rng.usize(2..=4)).map(|name| (*name).to_owned()).collect();
    let strict = rng.u8(0..100) < 8;
    let exact = if protocol.barrier == Barrier::Get { 40 } else { 10 };
    let base = if rng.u8(0..100) < exact { BEYOND_FLOATS } else { 0 };
    let mut case = Case { number, protocol, people, strict, base, patience: 1, steps: Vec::new(), faults: Vec::new() };
    case.steps = story::steps(&mut rng, &case);
    faults::add(&mut rng, &mut case);
    case.repair();
    case
}

fn protocol(rng: &mut Rng) -> Protocol {
    let barrier = match rng.u8(0..100) {
        0..60 => Barrier::Echo,
        60..75 => Barrier::Marker,
        75..85 => Barrier::Get,
        _ => Barrier::None,
    };
    let acks = match rng.u8(0..100) {
        0..45 => Acks::Instead,
        45..70 => Acks::Beside,
        // A position is awaited by the answers to what was sent.
        _ if barrier == Barrier::Get => Acks::Beside,
        _ => Acks::None,
    };
    let invariants = rng.u8(0..100) < 60;
    let closes = match rng.u8(0..100) {
        0..15 => vec![Some(4000)],
        15..20 => vec![Some(1005), None],
        _ => Vec::new(),
    };
    Protocol { barrier, acks, invariants, fails: rng.bool(), closes }
}
