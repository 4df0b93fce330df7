//! The command line as it is typed: a file for the options of each command.

mod check;
mod command;
mod diff;
mod init;
mod pipeline;
mod report;
mod review;
mod run;
mod schema;
mod select;
mod serve;

pub use check::CheckArgs;
pub use command::{Cli, Color, Command};
pub use diff::DiffArgs;
pub use init::InitArgs;
pub use pipeline::PipelineArgs;
pub use report::{MergeReportsArgs, ReportArgs, ReportsArgs};
pub use review::{ListFormat, ReviewArgs};
pub use run::RunArgs;
pub use schema::SchemaArgs;
pub use select::{ListArgs, NarrowArgs, SelectArgs};
pub use serve::ServeArgs;
