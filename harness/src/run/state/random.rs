//! Randomness that can be had again: generated values, the order of a race and its jitter come from the run's seed, the
//! scenario's label, and the place that draws. So a scenario alone draws what it drew in the whole run, and branches
//! at once draw the same however they are interleaved.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::lock::lock;
use crate::plan::randomness::StableHash;
use crate::scenario::template::Scope;
use crate::source::Position;

/// The digits of `run`: sixteen.
const DIGITS: u64 = 10_000_000_000_000_000;

/// The random source of one attempt of a scenario.
#[derive(Debug)]
pub(crate) struct Random {
    start: u64,
    /// How often each place has drawn.
    drawn: Mutex<BTreeMap<u64, u64>>,
}

impl Random {
    pub(crate) fn new(seed: u64, label: &str) -> Self {
        Self { start: StableHash::new(seed).text(label).end(), drawn: Mutex::default() }
    }

    /// The next number of a place.
    pub(crate) fn draw(&self, place: u64) -> u64 {
        let mut drawn = lock(&self.drawn);
        let count = drawn.entry(place).or_default();
        *count += 1;
        StableHash::new(self.start).number(place).number(*count).end()
    }

    /// The next UUID of a place.
    pub(crate) fn uuid(&self, place: u64) -> String {
        let bytes = (u128::from(self.draw(place)) << 64) | u128::from(self.draw(place));
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid().to_string()
    }

    /// Digits that keep identities apart. On a server that others use too, every playing has its own.
    pub(crate) fn digits(&self, apart: Option<(usize, usize)>) -> String {
        let mut mix = StableHash::new(self.start).text("run");
        if let Some((repetition, attempt)) = apart {
            mix = mix.number(repetition as u64).number(attempt as u64);
        }
        let digits = mix.end() % (DIGITS / 10 * 9) + DIGITS / 10;
        digits.to_string()
    }

    /// Puts a list into the order of a place.
    pub(crate) fn shuffle<T>(&self, place: u64, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            let other = usize::try_from(self.draw(place) % (end as u64 + 1)).unwrap_or(end);
            list.swap(end, other);
        }
    }
}

/// The names that the templates of an identity see.
#[derive(Clone)]
pub(crate) struct Naming {
    pub(crate) names: BTreeMap<String, Value>,
    pub(crate) random: Arc<Random>,
    pub(crate) key: String,
}

impl Scope for Naming {
    fn lookup(&self, name: &str) -> Option<Value> {
        self.names.get(name).cloned()
    }

    fn uuid(&self, at: Position) -> Option<Value> {
        let spot = StableHash::new(0).text("identity").text(&self.key).number(at.line as u64).number(at.column as u64);
        Some(json!(self.random.uuid(spot.end())))
    }

    fn share(&self) -> Arc<dyn Scope> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_values_for_ever() {
        let random = Random::new(7, "talk/hello");
        assert_eq!(random.digits(None), "1223410696538420");
        assert_eq!(random.uuid(1), "d3724ae1-6703-490d-84d1-4d1074860036");
    }

    #[test]
    fn places_repetitions_and_labels_draw_values_of_their_own() {
        let one = Random::new(7, "a");
        let other = Random::new(7, "b");
        assert_ne!(one.uuid(1), other.uuid(1));
        assert_ne!(one.uuid(1), one.uuid(1));
        assert_ne!(one.digits(None), one.digits(Some((1, 1))));
    }

    #[test]
    fn what_one_place_draws_doesnt_depend_on_the_others() {
        let (one, other) = (Random::new(1, "a"), Random::new(1, "a"));
        let (a, b) = (one.uuid(1), one.uuid(2));
        assert_eq!((other.uuid(2), other.uuid(1)), (b, a));
    }

    proptest::proptest! {
        #[test]
        fn digits_have_sixteen_places_and_a_shuffle_loses_nothing(seed: u64, label in "[a-z]{0,9}", count in 0_usize..9) {
            let random = Random::new(seed, &label);
            proptest::prop_assert_eq!(random.digits(None).len(), 16);
            let mut list: Vec<usize> = (0..count).collect();
            random.shuffle(3, &mut list);
            list.sort_unstable();
            proptest::prop_assert_eq!(list, (0..count).collect::<Vec<_>>());
        }
    }
}
