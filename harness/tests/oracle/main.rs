//! The oracle: what the runner says of a scenario, held against what the server really did.
//!
//! In the order of its work:
//!
//! - [`generate`] makes a [`case`] from a seed: a [`story`], and [`faults`] that go wrong in it (a [`fault`] each);
//! - [`files`] writes it down as a scenario and a protocol;
//! - [`play`] plays it through the whole runner against the simulated [`server`], which keeps a [`log`];
//! - [`truth`] says from the log what must come of it, and [`compare`] where the runner said otherwise;
//! - [`rounds`] are many cases; [`shrink`] makes one smaller that was judged wrongly, and [`told`] shows it.
//!
//! `scripts/prove verdicts` plays more cases than the test here, and single ones again.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod case;
mod compare;
mod fault;
mod faults;
mod files;
mod generate;
mod log;
mod play;
mod rounds;
mod server;
mod shrink;
mod story;
mod told;
mod truth;

/// What the gate plays: so many cases of one seed, always the same.
const GATE: (u64, u64) = (300, 1);

#[test]
fn three_hundred_cases_are_judged_rightly() {
    let (cases, seed) = GATE;
    let rounds = rounds::play(cases, seed, rounds::JOBS);
    assert!(rounds.is_right(), "\n{rounds}");
}

/// `scripts/prove verdicts` runs this; what it takes stands in the environment.
#[test]
#[ignore = "scripts/prove verdicts runs it, with as many cases as it is told"]
fn verdicts() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = number("PROVE_SEED").unwrap_or(GATE.1);
    if let Some(case) = number("PROVE_CASE") {
        let (shown, right) = told::one(seed, case);
        println!("{shown}");
        assert!(right, "case {case} of seed {seed} is judged wrongly");
        return;
    }
    let jobs = number("PROVE_JOBS").and_then(|jobs| usize::try_from(jobs).ok()).unwrap_or(rounds::JOBS);
    let rounds = rounds::play(number("PROVE_CASES").unwrap_or(GATE.0), seed, jobs);
    println!("{rounds}");
    assert!(rounds.is_right(), "cases are judged wrongly");
}
