//! The values of keys that are a choice.

use serde::{Deserialize, Serialize};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What a commit waits for before anybody hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// The disk has it: what is acked survives the end of the process, of the system, and of the power.
    #[default]
    Full,
    /// The system has it: what is acked survives the end of the process, even by SIGKILL. When the system itself ends
    /// without notice (power, kernel), what was acked in the last moments may be missing; what is there has no gaps
    /// and is not damaged.
    Relaxed,
    /// As `relaxed`, and when the system ends without notice the SQLite database may be damaged. For tests on a file
    /// that is thrown away.
    None,
}

/// Which store `store` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreChoice {
    Memory,
    Sqlite,
    Postgres,
}

/// Who answers for the AI participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AiProvider {
    /// A script; for tests and demonstrations.
    Scripted,
    /// An NLWeb server: `GET /ask` answering server-sent events.
    Nlweb,
    /// A server that speaks as OpenAI's does: `POST /v1/chat/completions` with `stream: true`.
    Openai,
}

impl AiProvider {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Scripted => "scripted",
            Self::Nlweb => "nlweb",
            Self::Openai => "openai",
        }
    }
}

/// Which user a token identifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    /// Every token is accepted and names a user: for development, on loopback.
    #[default]
    Dev,
    /// JSON Web Tokens, verified with the configured key.
    Jwt,
}

/// The algorithm of [`Config::jwt_secret`](super::Config::jwt_secret). A public key tells its algorithm itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    #[default]
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl JwtAlgorithm {
    /// The least bytes of a secret. A secret shorter than the hash makes guessing it easier than it should be (RFC 7518, 3.2).
    pub(super) fn least_secret(self) -> usize {
        match self {
            Self::Hs256 => 32,
            Self::Hs384 => 48,
            Self::Hs512 => 64,
        }
    }
}

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// What it is.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("[hidden]")
    }
}

/// Whether commits pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Commits pass.
    #[default]
    Open,
    /// Commits wait until the gate is opened.
    Closed,
}
