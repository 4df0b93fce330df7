//! Reports in files.
//!
//! - [`request`]: a report as it is asked for; [`reporter`]: what each of them is;
//! - [`reports`]: all reports of a run, written on a thread of their own;
//! - [`details`]: which events they get, in which order;
//! - [`event_file`]: the event file, from which all others can be made afterwards; [`merge`]: several of them as one run;
//! - [`junit`]: for everything that reads JUnit's XML;
//! - [`github`]: annotations, and the summary of a step;
//! - [`html`]: a page of the whole run, with durations and outcomes of earlier ones;
//! - [`trace`]: a page a scenario that shows who saw what, and when.

pub mod details;
pub mod event_file;
pub mod github;
pub mod html;
pub mod junit;
pub mod merge;
pub mod reporter;
pub mod reports;
pub mod request;
mod template;
#[cfg(test)]
mod tests;
pub mod trace;
