//! `roundtable.toml`: where the scenarios are, and which servers they run against.
//!
//! - [`model`]: what the file says, resolved into what the runner needs;
//! - `read`: from TOML to the model, with all mistakes of a file at once;
//! - [`duration`]: `5s`, `250ms`, `2m`, also in scenario files;
//! - [`error`]: mistakes with their places.

pub mod duration;
pub mod error;
pub mod model;

mod read;

pub use duration::parse_duration;
pub use error::{ConfigError, Problem};
pub use model::{Builtin, Config, FILE_NAME, Flaky, ServerConfig, SubjectChoice};
pub use read::{SERVER as SERVER_KEYS, TOP as KEYS};
