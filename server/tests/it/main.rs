//! The server over real sockets: the parts that are hard to get right.

mod ai;
mod client;
mod commits;
mod lifecycle;
mod limits;
mod membership;
mod rest;
mod stream;
