//! Runs many scenarios at once.
//!
//! Each scenario has a thread and an async runtime of its own, so that scenarios in parallel have separate logs. A server
//! in process is fresh for each scenario; a subprocess or a URL is shared by all scenarios that ask for the same
//! configuration.
//!
//! - [`run`](run()): the whole run, from the jobs to the summary;
//! - [`options`]: the options of a run, besides its jobs; [`server_choice`]: which server a scenario gets;
//! - `worker`: takes jobs from the queue; `retry`: the attempts of a job; `job`: one attempt;
//! - `servers`: shared servers; `beside`: which scenarios are under way at the same time; `crosstalk`: ids of other scenarios in a failure on a shared server;
//! - `stop`: what ends a run early.

mod beside;
mod crosstalk;
mod job;
pub mod options;
mod retry;
mod run;
pub mod server_choice;
mod servers;
mod stop;
mod worker;

pub use options::RunOptions;
pub use run::{Finished, run};
pub use server_choice::{ChooseServer, ServerChoice};
