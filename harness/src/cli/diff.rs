//! `diff`.

use clap::Args;

/// `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// One or two event files of `run --report json=FILE --trace on`, then a scenario where they hold several: in two
    /// files its passing and its failing playing, in one file an attempt or repetition that passed and one that failed.
    #[arg(value_name = "FILE|SCENARIO", required = true, num_args = 1..=3)]
    pub what: Vec<String>,
}
