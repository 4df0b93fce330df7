//! Reports: made from events and results alone, never from what is still running.
//!
//! - [`wording`]: results, failures and the summary in words, for all others;
//! - [`live`]: output during a run and after it;
//! - [`files`]: what is left in files: the event file, JUnit's XML, pages, a summary for GitHub.

pub mod files;
pub mod live;
pub mod wording;
