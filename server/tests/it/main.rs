//! The server over real sockets: the parts that are hard to get right.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod ai;
mod client;
mod commits;
mod crash;
mod description;
mod lifecycle;
mod limits;
mod logs;
mod membership;
mod outage;
mod pages;
mod rest;
mod storage;
mod stream;
mod tokens;
