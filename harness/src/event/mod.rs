//! The events of a run: one enum is the whole contract between running and reporting.
//!
//! Events are also a file format, JSON Lines: `roundtable run --report json=FILE` writes them, `roundtable report`
//! reads them. Times are whole microseconds and their names end in `_us`. The first line, `run_started`, carries
//! [`VERSION`]; readers take files of the same version, and leave out fields that they don't know.
//!
//! - `kind`: the events; `instance`: which playing of a scenario they belong to; `place`: a place in a file;
//! - `result`, `outcome`, `failure`, `race`: how a scenario ended; `summary`: how a run did;
//! - `times`: how durations are written; `mask`: events without secrets;
//! - [`schema`] and [`page`]: the JSON Schema and `docs/events.md`, made from the types.

mod failure;
mod instance;
mod invariant_result;
mod kind;
mod mask;
mod outcome;
pub mod page;
mod place;
mod race;
mod result;
#[cfg(test)]
pub(crate) mod sample;
pub mod schema;
mod summary;
#[cfg(test)]
mod tests;
mod times;

pub use failure::{Came, Class, Failure, FailureKind, Nearest, SnapshotChange};
pub use instance::Instance;
pub use invariant_result::{InvariantCounts, InvariantResult, InvariantVerdict};
pub use kind::{Event, EventKind, EventSink, VERSION};
pub use outcome::{Outcome, Waiting};
pub use place::Place;
pub use race::{Raced, RacerStart};
pub use result::{Attempt, LoggedLine, Person, Quarantined, ScenarioResult, StreamPattern};
pub use summary::Summary;
