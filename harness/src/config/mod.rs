//! `roundtable.toml`: where the scenarios are, and which servers they run against.
//!
//! - [`model`]: what the file says, resolved into what the runner needs;
//! - `read`: from TOML to the model, with all mistakes of a file at once;
//! - [`settings`]: what one scenario asks of its server;
//! - [`error`]: mistakes with their places.

pub mod error;
pub mod model;
pub mod settings;

mod read;

pub use error::{ConfigError, Problem};
pub use model::{Builtin, Config, FILE_NAME, Flaky, ServerConfig, SubjectChoice};
pub use read::{SERVER as SERVER_KEYS, TOP as KEYS};
pub use settings::ServerSettings;
