//! The program around the server: options, signals, the ready file, asking a running server, logs.

pub(crate) mod cli;
pub(crate) mod probe;
pub(crate) mod ready;
pub(crate) mod signals;
pub(crate) mod telemetry;
