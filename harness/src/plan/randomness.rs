//! The seed of a run: what generated values, the order of a race and its jitter are drawn from.

use std::time::Duration;

/// Seeds stay below this, so that they are whole in every reader of JSON and short enough to paste.
const SEEDS: u64 = 1_000_000_000_000_000;
/// What generated values and races are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Randomness {
    /// The run's seed.
    pub seed: u64,
    /// Whether every repetition draws the same random values as the first.
    pub same: bool,
    /// Racers are released up to so much later than the first.
    pub jitter: Duration,
}

impl Randomness {
    /// A seed that differs from run to run, without jitter.
    pub fn any() -> Self {
        Self::of(uuid::Uuid::new_v4().as_u64_pair().0 % SEEDS)
    }

    /// This seed, without jitter.
    pub fn of(seed: u64) -> Self {
        Self { seed, same: false, jitter: Duration::ZERO }
    }

    /// The seed with which the first attempt of a first repetition draws what this one does.
    pub fn seed_of(&self, repetition: usize, attempt: usize) -> u64 {
        if self.same || (repetition, attempt) == (1, 1) {
            return self.seed;
        }
        StableHash::new(self.seed).number(repetition as u64).number(attempt as u64).end() % SEEDS
    }
}

/// Numbers and texts mixed into one number: FNV-1a, and the finish of SplitMix64 so that neighbours lie far apart.
/// The values stand in seeds that people keep, so this never changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StableHash(u64);

impl StableHash {
    pub(crate) fn new(start: u64) -> Self {
        Self(0xcbf2_9ce4_8422_2325).number(start)
    }

    pub(crate) fn text(self, text: &str) -> Self {
        // Its length too, so that `a` before `bc` is not `ab` before `c`.
        let mixed = text.bytes().fold(self.0, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(mixed).number(text.len() as u64)
    }

    pub(crate) fn number(self, number: u64) -> Self {
        let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(number.to_le_bytes().into_iter().fold(self.0, step))
    }

    pub(crate) fn end(self) -> u64 {
        let mut mixed = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_repetition_and_attempt_has_a_seed_of_its_own() {
        let randomness = Randomness::of(7);
        assert_eq!(randomness.seed_of(1, 1), 7);
        let seeds =
            [randomness.seed_of(1, 1), randomness.seed_of(2, 1), randomness.seed_of(1, 2), randomness.seed_of(2, 2)];
        for (place, seed) in seeds.iter().enumerate() {
            assert!(*seed < SEEDS && !seeds[..place].contains(seed));
        }
        assert_eq!(Randomness { same: true, ..randomness }.seed_of(3, 1), 7);
    }
}
