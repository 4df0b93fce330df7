//! What each command does.
//!
//! - `dispatch`: from the command line to a command; the commands have files of their own names;
//! - `selection`, `narrow`: which scenarios; `servers`: which server each of them gets;
//! - `play`: plays jobs and prints what happens; `repeat`: plays them again and again;
//! - `output`: what is printed, without secrets; `terminal`: single keys; `interrupt`: Ctrl-C.

mod check;
mod completions;
mod diff;
mod dispatch;
mod init;
mod interrupt;
mod list;
mod narrow;
mod output;
mod play;
mod repeat;
mod report;
mod review;
mod run;
mod schema;
mod selection;
mod serve;
mod servers;
mod terminal;
mod unused;
mod watch;

pub use dispatch::execute;
