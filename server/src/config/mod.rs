//! Configuration: one flat set of keys, the same in a file, in the environment and in code.
//!
//! `keys` (every key, declared once), `choices` and `script` (values of keys), `check` and `ai` (what must hold between
//! keys), `read` (defaults, then a file, the environment, flags), `error`.

mod ai;
mod check;
mod choices;
mod error;
mod file;
mod keys;
mod read;
mod script;

pub(crate) use self::choices::StoreChoice;
pub use self::choices::{AiProvider, AuthMode, Durability, Gate, JwtAlgorithm, LogFormat, Secret};
pub use self::error::ConfigError;
pub use self::keys::Config;
pub use self::read::Layers;
pub use self::script::{AiScript, Rule, ScriptChunk, ScriptedReply};
