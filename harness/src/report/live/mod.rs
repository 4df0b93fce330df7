//! Output during a run and after it.
//!
//! - [`story`]: with `--debug`, every request, frame and log line as it happens; `lanes` lays its lines out;
//! - [`failure_list`]: the failures behind the scenarios' lines; of those that are alike the first in full.

pub mod failure_list;
mod lanes;
pub mod story;
#[cfg(test)]
mod tests;
