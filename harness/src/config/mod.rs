//! `roundtable.toml`: where the scenarios are, and which servers they run against.
//!
//! - [`model`]: what the file says, resolved into what the runner needs;
//! - [`command`]: the command that starts a server; [`placeholder`]: the placeholders in it;
//! - [`choice`]: the value of `--server`;
//! - [`settings`]: what one scenario asks of its server;
//! - `load`: finding the file; `read`: from TOML to the model, with all mistakes of a file at once, by
//!   `reader`: TOML's values by their types;
//! - [`error`]: mistakes with their places.

pub mod choice;
pub mod command;
pub mod error;
pub mod model;
pub mod placeholder;
pub mod settings;

mod load;
mod read;
mod reader;

pub use choice::SubjectChoice;
pub use command::CommandConfig;
pub use error::{ConfigError, Problem};
pub use model::{Builtin, Config, FILE_NAME, Flaky, ServerConfig};
pub use read::{SERVER as SERVER_KEYS, TOP as KEYS};
pub use settings::ServerSettings;
