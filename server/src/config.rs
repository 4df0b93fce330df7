//! Configuration: one flat set of keys, the same in a file, in the environment and in code.

mod error;
mod layers;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::error::ConfigError;
pub use self::layers::Layers;
pub(crate) use self::layers::parse_by_extension;
pub use crate::ai::script::{AiScript, Reply, Rule, ScriptChunk};
pub use crate::storage::Gate;

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
    fn name(self) -> &'static str {
        match self {
            Self::Scripted => "scripted",
            Self::Nlweb => "nlweb",
            Self::Openai => "openai",
        }
    }
}

/// What tokens mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    /// Every token is accepted and names a user: for development, on loopback.
    #[default]
    Dev,
    /// JSON Web Tokens, verified with the configured key.
    Jwt,
}

/// The algorithm of [`Config::jwt_secret`]. A public key tells its algorithm itself.
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
    /// A secret shorter than the hash makes guessing it easier than it should be (RFC 7518, 3.2).
    fn least_secret(self) -> usize {
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

/// Everything that can be set. `Config::default()` is a development server on loopback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on. Without one: IPv4 and IPv6 loopback.
    pub host: Option<String>,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// File that gets the server's URL once it serves.
    pub ready_file: Option<String>,
    /// What is logged: a level or a list of `target=level`.
    pub log: String,
    /// How log lines look: `text` for people, `json` for programs.
    pub log_format: LogFormat,
    /// Mount the endpoints under `/testing/`, which inject store faults and move the clock. Loopback only.
    pub testing: bool,

    /// What tokens mean: with `dev` any token names a user, for development on loopback; with `jwt` they are verified
    /// with the keys below.
    pub auth: AuthMode,
    /// Accept any token although bound to an address that others can reach.
    pub force_dev_auth: bool,
    /// The secret that signs tokens, at least as long as the hash of `jwt_algorithm`.
    pub jwt_secret: Option<Secret>,
    /// The algorithm of `jwt_secret`: `HS256`, `HS384` or `HS512`.
    pub jwt_algorithm: JwtAlgorithm,
    /// The public key that verifies tokens, in PEM or the path of such a file. RSA keys verify RS256, P-256 keys
    /// ES256, Ed25519 keys EdDSA.
    pub jwt_public_key: Option<String>,
    /// The JSON Web Key Set with the public keys that verify tokens: an `https://` or `http://` URL, a
    /// file, or the set itself.
    pub jwt_jwks: Option<String>,
    /// What `iss` of a token must be.
    pub jwt_issuer: Option<String>,
    /// What `aud` of a token must be or contain. Without it a token that names an audience is refused.
    pub jwt_audience: Option<String>,
    /// How far clocks may differ when `exp` and `nbf` are judged, in seconds.
    pub jwt_leeway_seconds: u64,
    /// The key set is read at most once in this period for keys that it lacks, in milliseconds.
    pub jwks_refresh_ms: u64,
    /// A key set older than this is read again, in milliseconds.
    pub jwks_max_age_ms: u64,
    /// The web pages that may open sockets, as `https://host:port`; `*` is all. Without a list: the server's own
    /// origin, and in mode `dev` pages of this machine.
    pub allowed_origins: Option<Vec<String>>,
    /// Whether `/metrics` needs no token.
    pub metrics_public: bool,

    /// Where conversations are kept: `sqlite`, `postgres://USER:PASSWORD@HOST/DATABASE`, or `memory` (gone with the
    /// process).
    pub store: String,
    /// Folder of the SQLite database; made where it is missing, and used by one process at a time.
    pub data: String,
    /// What a commit waits for: with `full` the disk, with `relaxed` the system, with `none` nothing (for tests).
    pub durability: Durability,
    /// Connections to the database that only read.
    pub store_readers: usize,
    /// The most changes that go into one transaction; 1 commits each on its own.
    pub store_batch: usize,
    /// How long the database server may take for an answer, in milliseconds.
    pub store_timeout_ms: u64,
    /// A conversation that nobody is connected to is put away after this long without a request, in milliseconds; 0
    /// keeps it in memory.
    pub idle_unload_ms: u64,
    /// Whether the store's commit gate starts `open` or `closed` (with `testing`).
    pub store_gate: Gate,
    /// How many of the first commits fail (with `testing`).
    pub store_fail_next: u64,
    /// Of how many of the first commits the outcome gets lost (with `testing`).
    pub store_doubt_next: u64,
    /// How long each commit takes besides, in milliseconds (with `testing`).
    pub store_delay_ms: u64,

    /// Who answers for the AI participant: `scripted`, `nlweb` or `openai`. Without it a script does, where there is
    /// one; else there is no AI.
    pub ai_provider: Option<AiProvider>,
    /// What the scripted AI participant answers: a file's path or a list of rules.
    pub ai_script: Option<AiScript>,
    /// Where the provider is. Of `nlweb` what stands before `/ask`; of `openai` what stands before
    /// `/chat/completions`, by default with the path `/v1`.
    pub ai_url: Option<String>,
    /// The key that the provider wants, sent as a bearer token.
    pub ai_key: Option<Secret>,
    /// A file with that key.
    pub ai_key_file: Option<String>,
    /// The model that `openai` is asked for.
    pub ai_model: Option<String>,
    /// What `openai` is told before the talk; by default that several people talk and that it answers the last.
    pub ai_prompt: Option<String>,
    /// The site that `nlweb` is asked about where neither the message nor the conversation names any.
    pub ai_site: Option<String>,
    /// How long a connection to the provider may take, in milliseconds.
    pub ai_connect_timeout_ms: u64,
    /// The most characters of a provider's answer; of `nlweb` with the data that comes along.
    pub ai_answer_chars: usize,
    /// User id of the AI participant.
    pub ai_participant_id: String,
    /// Name of the AI participant.
    pub ai_participant_name: String,
    /// How long an AI may take for an answer, in milliseconds.
    pub ai_timeout_ms: u64,
    /// The most messages of a conversation that wait for the AI; the oldest go first.
    pub ai_queue_capacity: usize,

    /// The most messages of a conversation that are accepted and not yet durable.
    pub queue_capacity: usize,
    /// The most frames other than messages that wait for a socket.
    pub outbound_capacity: usize,
    /// The most bytes of such frames; beyond either limit typing, presence and AI pieces are dropped, changes of
    /// membership become one list, and the socket is not read.
    pub outbound_bytes: usize,
    /// The most frames of a socket that wait for their outcome; beyond it the socket is not read.
    pub max_in_flight: usize,
    /// How many messages a new socket is shown.
    pub history_limit: u64,
    /// The most messages in one sync frame.
    pub sync_page: usize,

    /// The most characters (Unicode scalar values) of a message.
    pub max_message_chars: usize,
    /// A WebSocket message above this many bytes closes the socket.
    pub max_frame_bytes: usize,
    /// A request body above this many bytes is refused.
    pub max_body_bytes: usize,
    /// The most characters of a title.
    pub max_title_chars: usize,
    /// The most characters of a participant's name.
    pub max_name_chars: usize,
    /// The most characters of a user id or a client's message id.
    pub max_id_chars: usize,
    /// The most characters of a conversation's mode or of a site.
    pub max_mode_chars: usize,
    /// The most sites of a conversation.
    pub max_sites: usize,
    /// A socket with more faulty frames in a minute is closed.
    pub max_faults_per_minute: usize,
    /// The most messages of one user a minute, over all of its sockets and REST; 0 is no limit. Without a value 600
    /// in mode `jwt` and no limit in mode `dev`.
    pub messages_per_minute: Option<u32>,
    /// How many of them may come at once.
    pub message_burst: u32,
    /// The most requests of one user a minute; 0 is no limit. Without a value 1200 in mode `jwt` and no limit in mode
    /// `dev`.
    pub requests_per_minute: Option<u32>,
    /// How many of them may come at once.
    pub request_burst: u32,
    /// The most conversations that one user can come to be in by creating or joining; 0 is no limit. Without a value
    /// 1000 in mode `jwt` and no limit in mode `dev`.
    pub max_conversations_per_user: Option<usize>,
    /// How long an invite is good that says nothing else, in seconds.
    pub invite_seconds: u64,
    /// The longest that an invite can be good, in seconds.
    pub max_invite_seconds: u64,
    /// The most invites of a conversation that are good at a time.
    pub max_invites: usize,
    /// The most open sockets of the server.
    pub max_sockets: usize,
    /// The most open sockets of one user; 0 is no limit.
    pub max_sockets_per_user: usize,
    /// The most people at the creation of a conversation.
    pub max_participants_at_creation: usize,
    /// The most people in a conversation.
    pub max_participants: usize,
    /// The most headers of a request.
    pub max_headers: usize,
    /// The most bytes of a request's line and headers.
    pub max_header_bytes: usize,

    /// Every so often the server pings a socket, in milliseconds.
    pub heartbeat_interval_ms: u64,
    /// A socket that is silent this long after a ping was due is closed, in milliseconds.
    pub heartbeat_timeout_ms: u64,
    /// A write that makes no progress for this long closes the socket, in milliseconds.
    pub write_timeout_ms: u64,
    /// How long a closing socket waits for the other side, in milliseconds.
    pub close_timeout_ms: u64,
    /// How long the head of a request may take, the idle time of the connection before it included, in milliseconds.
    pub header_timeout_ms: u64,
    /// How long the body of a request may take, in milliseconds.
    pub body_timeout_ms: u64,
    /// At most one "types" of a sender is relayed in this period, in milliseconds.
    pub typing_interval_ms: u64,
    /// What `retry_after` says when a queue is full or the server closes, in milliseconds.
    pub retry_after_ms: u64,
    /// By how much `retry_after` of a closing server differs from socket to socket, so that not all come back at
    /// once, in milliseconds.
    pub reconnect_spread_ms: u64,
    /// How long a server that is to go down serves on while `/ready` says no, in milliseconds.
    pub drain_delay_ms: u64,
    /// How long a shutdown waits for what is under way, in milliseconds.
    pub drain_timeout_ms: u64,
    /// `input_timeout` of a conversation in mode `single`, in milliseconds.
    pub input_timeout_single_ms: u64,
    /// `input_timeout` of a conversation in mode `multi`, in milliseconds.
    pub input_timeout_multi_ms: u64,

    /// Send buffer of each connection in the kernel, in bytes; the system's own choice without it.
    pub socket_send_buffer: Option<usize>,
    /// Receive buffer of each connection in the kernel, in bytes; the system's own choice without it.
    pub socket_receive_buffer: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: None,
            port: 8000,
            ready_file: None,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            testing: false,
            store: "sqlite".to_owned(),
            data: "roundtable-data".to_owned(),
            durability: Durability::Full,
            store_readers: 4,
            store_batch: 512,
            store_timeout_ms: 10_000,
            idle_unload_ms: 300_000,
            auth: AuthMode::Dev,
            force_dev_auth: false,
            jwt_secret: None,
            jwt_algorithm: JwtAlgorithm::Hs256,
            jwt_public_key: None,
            jwt_jwks: None,
            jwt_issuer: None,
            jwt_audience: None,
            jwt_leeway_seconds: 30,
            jwks_refresh_ms: 60_000,
            jwks_max_age_ms: 3_600_000,
            allowed_origins: None,
            metrics_public: true,
            store_gate: Gate::Open,
            store_fail_next: 0,
            store_doubt_next: 0,
            store_delay_ms: 0,
            ai_provider: None,
            ai_script: None,
            ai_url: None,
            ai_key: None,
            ai_key_file: None,
            ai_model: None,
            ai_prompt: None,
            ai_site: None,
            ai_connect_timeout_ms: 5_000,
            ai_answer_chars: 50_000,
            ai_participant_id: "nlweb_1".to_owned(),
            ai_participant_name: "NLWeb Assistant".to_owned(),
            ai_timeout_ms: 20_000,
            ai_queue_capacity: 100,
            queue_capacity: 1_000,
            outbound_capacity: 1_024,
            outbound_bytes: 1_048_576,
            max_in_flight: 1_100,
            history_limit: 50,
            sync_page: 500,
            max_message_chars: 10_000,
            max_frame_bytes: 262_144,
            max_body_bytes: 262_144,
            max_title_chars: 500,
            max_name_chars: 200,
            max_id_chars: 256,
            max_mode_chars: 100,
            max_sites: 100,
            max_faults_per_minute: 100,
            messages_per_minute: None,
            message_burst: 60,
            requests_per_minute: None,
            request_burst: 120,
            max_conversations_per_user: None,
            invite_seconds: 604_800,
            max_invite_seconds: 31_536_000,
            max_invites: 1_000,
            max_sockets: 10_000,
            max_sockets_per_user: 0,
            max_participants_at_creation: 10,
            max_participants: 100,
            max_headers: 100,
            max_header_bytes: 16_384,
            heartbeat_interval_ms: 30_000,
            heartbeat_timeout_ms: 10_000,
            write_timeout_ms: 10_000,
            close_timeout_ms: 5_000,
            header_timeout_ms: 60_000,
            body_timeout_ms: 30_000,
            typing_interval_ms: 3_000,
            retry_after_ms: 1_000,
            reconnect_spread_ms: 5_000,
            drain_delay_ms: 0,
            drain_timeout_ms: 10_000,
            input_timeout_single_ms: 100,
            input_timeout_multi_ms: 2_000,
            socket_send_buffer: None,
            socket_receive_buffer: None,
        }
    }
}

/// Two ids of so many characters, four bytes each, fit one entry of an index.
const POSTGRES_ID_CHARS: usize = 300;

fn is_postgres(store: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| store.starts_with(scheme))
}

/// A day: the longest period that makes sense here.
const DAY_MS: u64 = 86_400_000;

impl Config {
    /// The defaults with the keys of a JSON object in their place.
    ///
    /// # Errors
    /// Names the key that does not exist (with the nearest one that does), has a wrong type, or is out of range.
    pub fn from_value(value: Value) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        layers.value(value)?;
        layers.finish()
    }

    /// Checks that every value makes sense, and that the AI script can be read.
    ///
    /// # Errors
    /// Names the key and its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let periods = [
            ("heartbeat_interval_ms", self.heartbeat_interval_ms),
            ("heartbeat_timeout_ms", self.heartbeat_timeout_ms),
            ("write_timeout_ms", self.write_timeout_ms),
            ("close_timeout_ms", self.close_timeout_ms),
            ("header_timeout_ms", self.header_timeout_ms),
            ("body_timeout_ms", self.body_timeout_ms),
            ("ai_timeout_ms", self.ai_timeout_ms),
            ("ai_connect_timeout_ms", self.ai_connect_timeout_ms),
            ("store_timeout_ms", self.store_timeout_ms),
            ("jwks_max_age_ms", self.jwks_max_age_ms),
        ];
        for (key, value) in periods {
            in_range(key, value, 1, DAY_MS)?;
        }
        let optional_periods = [
            ("store_delay_ms", self.store_delay_ms),
            ("idle_unload_ms", self.idle_unload_ms),
            ("typing_interval_ms", self.typing_interval_ms),
            ("retry_after_ms", self.retry_after_ms),
            ("reconnect_spread_ms", self.reconnect_spread_ms),
            ("drain_delay_ms", self.drain_delay_ms),
            ("drain_timeout_ms", self.drain_timeout_ms),
            ("jwks_refresh_ms", self.jwks_refresh_ms),
            ("input_timeout_single_ms", self.input_timeout_single_ms),
            ("input_timeout_multi_ms", self.input_timeout_multi_ms),
        ];
        for (key, value) in optional_periods {
            in_range(key, value, 0, DAY_MS)?;
        }
        let sizes = [
            ("ai_answer_chars", self.ai_answer_chars, 1 << 20),
            ("queue_capacity", self.queue_capacity, 1_000_000),
            ("outbound_capacity", self.outbound_capacity, 1_000_000),
            ("outbound_bytes", self.outbound_bytes, 1 << 30),
            ("max_in_flight", self.max_in_flight, 1_000_000),
            ("max_invites", self.max_invites, 1_000_000),
            ("max_header_bytes", self.max_header_bytes, 1 << 20),
            ("sync_page", self.sync_page, 10_000),
            ("max_message_chars", self.max_message_chars, 1 << 24),
            ("max_frame_bytes", self.max_frame_bytes, 1 << 26),
            ("max_body_bytes", self.max_body_bytes, 1 << 26),
            ("max_title_chars", self.max_title_chars, 100_000),
            ("max_name_chars", self.max_name_chars, 100_000),
            ("max_id_chars", self.max_id_chars, 100_000),
            ("max_mode_chars", self.max_mode_chars, 100_000),
            ("max_sites", self.max_sites, 100_000),
            ("max_faults_per_minute", self.max_faults_per_minute, 1_000_000),
            ("max_sockets", self.max_sockets, 10_000_000),
            ("max_participants_at_creation", self.max_participants_at_creation, 100_000),
            ("max_participants", self.max_participants, 100_000),
            ("max_headers", self.max_headers, 10_000),
            ("store_readers", self.store_readers, 256),
            ("store_batch", self.store_batch, 100_000),
        ];
        for (key, value, most) in sizes {
            in_range(key, value, 1, most)?;
        }
        for (key, value) in
            [("socket_send_buffer", self.socket_send_buffer), ("socket_receive_buffer", self.socket_receive_buffer)]
        {
            if let Some(bytes) = value {
                in_range(key, bytes, 1_024, 1 << 30)?;
            }
        }
        for (key, value) in
            [("ai_participant_id", &self.ai_participant_id), ("ai_participant_name", &self.ai_participant_name)]
        {
            if value.is_empty() {
                return Err(ConfigError::wrong(key, "must not be empty"));
            }
        }
        for (key, burst) in [("message_burst", self.message_burst), ("request_burst", self.request_burst)] {
            in_range(key, burst, 1, 1_000_000)?;
        }
        in_range("jwt_leeway_seconds", self.jwt_leeway_seconds, 0, 3_600)?;
        in_range("max_invite_seconds", self.max_invite_seconds, 1, 3_153_600_000)?;
        in_range("invite_seconds", self.invite_seconds, 1, self.max_invite_seconds)?;
        self.check_auth()?;
        self.check_ai()?;
        self.check_store()
    }

    fn check_store(&self) -> Result<(), ConfigError> {
        if !["memory", "sqlite"].contains(&self.store.as_str()) && !is_postgres(&self.store) {
            return Err(ConfigError::wrong("store", "must be `sqlite`, `memory`, or a URL `postgres://…`"));
        }
        if self.data.is_empty() {
            return Err(ConfigError::wrong("data", "must not be empty"));
        }
        if is_postgres(&self.store) && self.max_id_chars > POSTGRES_ID_CHARS {
            let problem =
                format!("must be at most {POSTGRES_ID_CHARS} with PostgreSQL, whose indexes hold no longer keys");
            return Err(ConfigError::wrong("max_id_chars", problem));
        }
        Ok(())
    }

    /// Only what the provider uses: a key that is set and ignored is a mistake.
    fn check_ai(&self) -> Result<(), ConfigError> {
        use AiProvider::{Nlweb, Openai, Scripted};
        let choice = self.ai_provider_choice();
        let given: [(&str, bool, &[AiProvider]); 7] = [
            ("ai_script", self.ai_script.is_some(), &[Scripted]),
            ("ai_url", self.ai_url.is_some(), &[Nlweb, Openai]),
            ("ai_key", self.ai_key.is_some(), &[Nlweb, Openai]),
            ("ai_key_file", self.ai_key_file.is_some(), &[Nlweb, Openai]),
            ("ai_model", self.ai_model.is_some(), &[Openai]),
            ("ai_prompt", self.ai_prompt.is_some(), &[Openai]),
            ("ai_site", self.ai_site.is_some(), &[Nlweb]),
        ];
        for (key, is_set, users) in given {
            if is_set && !choice.is_some_and(|choice| users.contains(&choice)) {
                let users: Vec<String> = users.iter().map(|user| format!("`{}`", user.name())).collect();
                return Err(ConfigError::wrong(key, format!("needs `ai_provider` to be {}", users.join(" or "))));
            }
        }
        if self.ai_key.is_some() && self.ai_key_file.is_some() {
            return Err(ConfigError::wrong("ai_key_file", "cannot be set beside `ai_key`: keep one of them"));
        }
        crate::ai::provider(self).map(drop)
    }

    /// Who answers for the AI participant.
    pub(crate) fn ai_provider_choice(&self) -> Option<AiProvider> {
        self.ai_provider.or_else(|| self.ai_script.as_ref().map(|_| AiProvider::Scripted))
    }

    /// The key for the AI provider, read from its file where it has one.
    ///
    /// # Errors
    /// The file cannot be read, or is empty.
    pub(crate) fn ai_key_text(&self) -> Result<Option<String>, ConfigError> {
        let Some(path) = &self.ai_key_file else {
            return Ok(self.ai_key.as_ref().map(|key| key.0.clone()));
        };
        let wrong = |problem: String| ConfigError::wrong("ai_key_file", format!("is not usable: {path}: {problem}"));
        let key = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        match key.trim() {
            "" => Err(wrong("the file is empty".to_owned())),
            key => Ok(Some(key.to_owned())),
        }
    }

    /// Which store `store` names.
    pub(crate) fn store_choice(&self) -> StoreChoice {
        match self.store.as_str() {
            "memory" => StoreChoice::Memory,
            url if is_postgres(url) => StoreChoice::Postgres,
            _ => StoreChoice::Sqlite,
        }
    }

    /// One key, and only where it is used: a key that is set and ignored would look like protection.
    fn check_auth(&self) -> Result<(), ConfigError> {
        let keys = [
            ("jwt_secret", self.jwt_secret.is_some()),
            ("jwt_public_key", self.jwt_public_key.is_some()),
            ("jwt_jwks", self.jwt_jwks.is_some()),
        ];
        let mut given = keys.iter().filter(|(_, is_set)| *is_set).map(|(key, _)| *key);
        match (self.auth, given.next(), given.next()) {
            (AuthMode::Dev, Some(key), _) => {
                return Err(ConfigError::wrong(key, "needs `auth` to be `jwt`; in mode `dev` every token is accepted"));
            }
            (AuthMode::Jwt, None, _) => {
                let problem = "is `jwt` but there is no key: set `jwt_secret`, `jwt_public_key` or `jwt_jwks`";
                return Err(ConfigError::wrong("auth", problem));
            }
            (AuthMode::Jwt, Some(first), Some(second)) => {
                return Err(ConfigError::wrong(second, format!("cannot be set beside `{first}`: keep one of them")));
            }
            _ => {}
        }
        for origin in self.allowed_origins.iter().flatten() {
            let authority = origin.split_once("://").map(|(_, authority)| authority.trim_end_matches('/'));
            if origin != "*" && authority.is_none_or(|authority| authority.is_empty() || authority.contains('/')) {
                let problem =
                    format!("has {origin:?}, which is no origin; write `https://host`, `https://host:port` or `*`");
                return Err(ConfigError::wrong("allowed_origins", problem));
            }
        }
        if let Some(secret) = &self.jwt_secret {
            let (least, given) = (self.jwt_algorithm.least_secret(), secret.0.len());
            if given < least {
                let problem = format!("must have at least {least} bytes for its algorithm, not {given}");
                return Err(ConfigError::wrong("jwt_secret", problem));
            }
        }
        Ok(())
    }

    /// A limit that is off in development unless it is set; 0 switches it off anywhere.
    pub(crate) fn by_mode<N: Default + PartialEq>(&self, given: Option<N>, in_production: N) -> Option<N> {
        let default = (self.auth == AuthMode::Jwt).then_some(in_production);
        given.or(default).filter(|limit| *limit != N::default())
    }
}

fn in_range<N: PartialOrd + Copy + std::fmt::Display>(
    key: &str,
    value: N,
    least: N,
    most: N,
) -> Result<(), ConfigError> {
    if value < least || value > most {
        let problem = format!("must be from {least} to {most}, not {value}");
        return Err(ConfigError::wrong(key, problem));
    }
    Ok(())
}
