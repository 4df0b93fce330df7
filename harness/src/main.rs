//! The command line of Roundtable: parse, run, and map the result to an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use roundtable::cli::Cli;

fn main() -> ExitCode {
    roundtable::commands::execute(&Cli::parse()).into()
}
