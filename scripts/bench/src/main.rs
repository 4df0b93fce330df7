//! The program behind `scripts/bench/fanout`, `sockets` and `growth`.

use std::process::ExitCode;

use clap::Parser;
use roundtable_bench::{fanout, growth, sockets};

/// Measures the chat server beside small servers that set a floor and a limit. Loopback only.
#[derive(Parser)]
#[command(name = "scripts/bench")]
enum Benchmark {
    Fanout(fanout::Options),
    Sockets(sockets::Options),
    Growth(growth::Options),
}

fn main() -> ExitCode {
    let benchmark = Benchmark::parse();
    // One thread: the load client shall leave the other processor to the server.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let tasks = tokio::task::LocalSet::new();
    let result = tasks.block_on(&runtime, async {
        match benchmark {
            Benchmark::Fanout(options) => fanout::run(&options).await,
            Benchmark::Sockets(options) => sockets::run(&options).await,
            Benchmark::Growth(options) => growth::run(&options).await,
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
