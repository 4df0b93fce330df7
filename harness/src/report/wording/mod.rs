//! Results, failures and the summary in words: the same in what is printed and inside of reports.

pub mod brief;
pub mod failures;
pub mod replay;
pub mod result_line;
mod row;
pub mod server_log;
pub mod short_ids;
pub mod summary;
#[cfg(test)]
mod tests;
