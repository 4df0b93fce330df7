//! Holds the core against a simple model, over random interleavings of commands, commits and failures.
//!
//! [`op`] is what happens, [`rules`] the model, [`bench`] the core beside it. The model knows nothing of batches, drafts or
//! cursors. It keeps a list of what waits, decides each change when its answer comes, and writes down what every socket
//! must have received.

mod bench;
mod op;
mod rules;

use proptest::prelude::*;

use self::bench::Bench;
use self::op::op;

const USERS: [&str; 4] = ["ann", "ben", "cat", "dan"];
const CAPACITY: usize = 4;
const HISTORY: u64 = 3;
const MOST: usize = 3;

/// The number of a change.
type Ticket = usize;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_core_does_what_the_model_says(ops in prop::collection::vec(op(), 1..80)) {
        let mut bench = Bench::new();
        for op in &ops {
            bench.perform(op);
        }
        bench.finish();
    }
}
