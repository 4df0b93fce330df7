//! The program as people run it. Each snapshot below `snapshots/` is what somebody sees: read it as such.

mod attempts;
mod check;
mod developer;
mod files;
mod first;
mod limits;
mod markers;
mod parts;
mod results;
mod review;
mod secrets;
mod selection;
mod servers;
mod shown;
mod stored;
mod stubs;
mod traces;
mod watch;
mod words;
