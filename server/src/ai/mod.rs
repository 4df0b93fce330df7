//! AI participants: [`provider`] (what a provider is asked), and the providers.
//!
//! - `script`: answers from a script; for tests and demonstrations;
//! - `openai` and `nlweb`: ask a server over HTTP, with `remote` for what they have in common;
//! - `choose`: which of them the configuration asks for.

mod choose;
mod nlweb;
mod openai;
mod provider;
mod remote;
mod script;
mod text;

pub(crate) use self::choose::provider;
pub(crate) use self::provider::{AiError, Answering, Provider, Question};
