//! The server as a program: read the configuration, bind, serve, and end with a meaningful code.

mod program;

use std::process::ExitCode;

use roundtable_server::{Config, listen, serve_announced};

use crate::program::{cli, probe, ready, signals, telemetry};

/// The server that was asked is not ready.
const EXIT_UNREADY: u8 = 1;
/// Usage or configuration is wrong.
const EXIT_USAGE: u8 = 2;
/// The server could not be started.
const EXIT_START: u8 = 3;

fn main() -> ExitCode {
    let config = match cli::task() {
        Ok(cli::Task::Serve(config)) => config,
        Ok(cli::Task::Probe(config)) => {
            return probe::ready(&config).map_or_else(|problem| fail(EXIT_UNREADY, &problem), |()| ExitCode::SUCCESS);
        }
        Err(error) => return fail(EXIT_USAGE, &error),
    };
    // Lines are written by a thread of their own, which gets the last of them out when this is dropped.
    let _lines = match telemetry::install(&config) {
        Ok(lines) => lines,
        Err(error) => return fail(EXIT_USAGE, &error),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(config)),
        Err(error) => fail(EXIT_START, &error),
    }
}

async fn run(config: Config) -> ExitCode {
    let listeners = match listen::bind(&config).await {
        Ok(listeners) => listeners,
        Err(error) => return fail(code_of(&error), &error),
    };
    let ready_file = config.ready_file.clone();
    // As the first process of a container, it would be deaf to signals without listening to them from the start.
    let shutdown = match signals::shutdown() {
        Ok(shutdown) => shutdown,
        Err(error) => return fail(EXIT_START, &error),
    };
    let address = listeners.first().map(tokio::net::TcpListener::local_addr).and_then(Result::ok);
    let announce = async move || match address {
        Some(address) => ready::announce(address, ready_file).await,
        None => Ok(()),
    };
    match serve_announced(listeners, config, shutdown, announce).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(code_of(&error), &error),
    }
}

/// What the configuration forbids is a matter of usage.
fn code_of(error: &std::io::Error) -> u8 {
    match error.kind() {
        std::io::ErrorKind::InvalidInput => EXIT_USAGE,
        _ => EXIT_START,
    }
}

fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(code)
}
