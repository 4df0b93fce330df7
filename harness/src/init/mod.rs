//! The first files for a server: what is known of it, what a probe finds, and the files that are written from both.
//!
//! - [`server`]: how the server is started or reached;
//! - [`probe`](mod@probe): examines the running server from outside; [`found`]: its results;
//! - `frames`: which fields say a frame's kind, and frames as YAML;
//! - [`files`]: from what was found to `roundtable.toml`, a protocol file and a scenario that passes; pure.

pub mod files;
pub mod found;
mod frames;
pub mod probe;
pub mod server;

pub use found::{FoundSocket, HttpAnswer, MessageTest, PingTest, ProbeResult};
pub use server::{ServerFacts, ServerStart};
