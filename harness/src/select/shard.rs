//! Shards: parts of a selection that several machines run. They are disjoint, together everything, and about equally long.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::last_run::Durations;

/// Which part of how many: `2/4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    pub part: usize,
    /// Of how many.
    pub of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = |text: &str| text.parse::<usize>().ok();
        match text.split_once('/').and_then(|(part, of)| Some((read(part)?, read(of)?))) {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Self { part, of }),
            _ => Err("a shard is I/N: the I-th of N parts, from 1/N to N/N".to_owned()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

impl Shard {
    /// The labels of this shard. The longest are assigned first, each to the shard that has the least so far; one whose
    /// duration isn't known counts as the median of the others. The result depends on the labels and durations alone, so
    /// that all machines with the same files agree.
    pub fn pick(self, labels: &BTreeSet<Arc<str>>, durations: &Durations) -> BTreeSet<Arc<str>> {
        let mut known: Vec<Duration> = labels.iter().filter_map(|label| durations.get(&**label).copied()).collect();
        known.sort();
        // Without any durations all count the same, so the shards have equally many scenarios.
        let usual = known.get(known.len() / 2).copied().unwrap_or(Duration::from_secs(1));
        let mut order: Vec<(Duration, &Arc<str>)> =
            labels.iter().map(|label| (durations.get(&**label).copied().unwrap_or(usual), label)).collect();
        order.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        let mut loads: BTreeMap<usize, (Duration, usize)> =
            (1..=self.of).map(|part| (part, Default::default())).collect();
        let mut mine = BTreeSet::new();
        for (took, label) in order {
            let least = loads.iter_mut().min_by_key(|(part, load)| (**load, **part));
            let Some((part, load)) = least else { break };
            *load = (load.0 + took, load.1 + 1);
            if *part == self.part {
                mine.insert(Arc::clone(label));
            }
        }
        mine
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(names: &[String]) -> BTreeSet<Arc<str>> {
        names.iter().map(|name| Arc::from(name.as_str())).collect()
    }

    proptest! {
        #[test]
        fn the_parts_are_disjoint_and_together_the_whole(
            known in proptest::collection::btree_map("[a-e]{1,3}", 0_u64..100_000, 0..40),
            more in proptest::collection::vec("[a-e]{1,3}", 0..40),
            of in 1_usize..9,
        ) {
            let names: Vec<String> = known.keys().cloned().chain(more).collect();
            let whole = labels(&names);
            // Some that are known aren't there any more, some that are there aren't known.
            let durations: Durations =
                known.iter().skip(2).map(|(label, took)| (label.clone(), Duration::from_micros(*took))).collect();
            let mut all: Vec<Arc<str>> = Vec::new();
            for part in 1..=of {
                all.extend(Shard { part, of }.pick(&whole, &durations));
            }
            prop_assert_eq!(all.len(), whole.len());
            prop_assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), whole);
        }

        #[test]
        fn no_part_is_longer_than_the_best_by_more_than_one_scenario(
            took in proptest::collection::vec(1_u64..1000, 1..60),
            of in 1_usize..6,
        ) {
            let names: Vec<String> = (0..took.len()).map(|number| format!("s/{number}")).collect();
            let durations: Durations =
                names.iter().cloned().zip(took.iter().map(|took| Duration::from_millis(*took))).collect();
            let loads: Vec<Duration> = (1..=of)
                .map(|part| Shard { part, of }.pick(&labels(&names), &durations).iter().map(|label| durations[&**label]).sum())
                .collect();
            let (least, most) = (loads.iter().min().copied(), loads.iter().max().copied());
            let longest = durations.values().max().copied();
            prop_assert!(most <= least.zip(longest).map(|(least, longest)| least + longest), "{:?}", loads);
        }
    }

    #[test]
    fn without_durations_the_counts_are_balanced() {
        let names: Vec<String> = (0..10).map(|number| format!("s/{number}")).collect();
        let counts: Vec<usize> =
            (1..=4).map(|part| Shard { part, of: 4 }.pick(&labels(&names), &Durations::new()).len()).collect();
        assert_eq!(counts, [3, 3, 2, 2]);
    }

    #[test]
    fn it_is_written_as_two_numbers() {
        assert_eq!("2/4".parse(), Ok(Shard { part: 2, of: 4 }));
        for wrong in ["0/4", "5/4", "1/0", "x/2", "2", "1/2/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
