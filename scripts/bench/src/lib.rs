//! Measures the chat server beside small servers that set a floor and a limit.
//!
//! In reading order: [`fanout`], [`sockets`] and [`growth`] are the three benchmarks; [`server`] starts what is measured
//! and [`process`] reads what it used; [`client`] plays the people; [`frame`] is their side of the WebSocket protocol;
//! [`table`] prints.

pub mod client;
pub mod fanout;
pub mod frame;
pub mod growth;
pub mod process;
pub mod server;
pub mod sockets;
pub mod table;

/// What goes wrong here ends the program with a sentence.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
