//! For GitHub Actions: annotations at the scenarios' lines, and the summary of the step.
//!
//! The forms are those of "Workflow commands for GitHub Actions": `::error file=…,line=…,title=…::message` on standard
//! output, and Markdown in the file that `GITHUB_STEP_SUMMARY` names, of which 1 MiB is shown.

mod annotation;
mod markdown;
mod report;
mod summary;
#[cfg(test)]
mod tests;

pub use report::GithubReport;
