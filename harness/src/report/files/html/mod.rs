//! A page to look at: overview, failures whole, durations and their history, with a link to each trace. One file that
//! loads nothing: its data stands in it as JSON, and its script shows them as text alone, never as markup.
//!
//! - `report`: writes the page whenever it is flushed, from `harness/assets/report`;
//! - `scenario`: a scenario as the page shows it; `earlier_runs`: durations and outcomes of earlier runs.

mod earlier_runs;
mod report;
mod scenario;
#[cfg(test)]
mod tests;

pub use report::HtmlReport;
