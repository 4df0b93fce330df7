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
    /// How log lines look.
    pub log_format: LogFormat,
    /// Accept any token although bound to an address that others can reach.
    pub force_dev_auth: bool,
    /// Mount the endpoint that injects store faults. Loopback only.
    pub testing: bool,

    /// Where conversations are kept: `sqlite`, `postgres://USER:PASSWORD@HOST/DATABASE`, or `memory` (gone with the
    /// process).
    pub store: String,
    /// Folder of the SQLite database; made where it is missing, and used by one process at a time.
    pub data: String,
    /// What a commit waits for.
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
    /// Whether the store's commit gate starts open or closed (with `testing`).
    pub store_gate: Gate,
    /// How many of the first commits fail (with `testing`).
    pub store_fail_next: u64,
    /// Of how many of the first commits the outcome gets lost (with `testing`).
    pub store_doubt_next: u64,
    /// How long each commit takes besides, in milliseconds (with `testing`).
    pub store_delay_ms: u64,

    /// What the scripted AI participant answers: a file's path or a list of rules. Without it there is no AI.
    pub ai_script: Option<AiScript>,
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
            force_dev_auth: false,
            testing: false,
            store: "sqlite".to_owned(),
            data: "roundtable-data".to_owned(),
            durability: Durability::Full,
            store_readers: 4,
            store_batch: 512,
            store_timeout_ms: 10_000,
            idle_unload_ms: 300_000,
            store_gate: Gate::Open,
            store_fail_next: 0,
            store_doubt_next: 0,
            store_delay_ms: 0,
            ai_script: None,
            ai_participant_id: "nlweb_1".to_owned(),
            ai_participant_name: "NLWeb Assistant".to_owned(),
            ai_timeout_ms: 20_000,
            ai_queue_capacity: 100,
            queue_capacity: 1_000,
            outbound_capacity: 1_024,
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
            max_sockets: 10_000,
            max_sockets_per_user: 0,
            max_participants_at_creation: 10,
            max_participants: 100,
            max_headers: 100,
            heartbeat_interval_ms: 30_000,
            heartbeat_timeout_ms: 10_000,
            write_timeout_ms: 10_000,
            close_timeout_ms: 5_000,
            header_timeout_ms: 60_000,
            body_timeout_ms: 30_000,
            typing_interval_ms: 3_000,
            retry_after_ms: 1_000,
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
            ("store_timeout_ms", self.store_timeout_ms),
        ];
        for (key, value) in periods {
            in_range(key, value, 1, DAY_MS)?;
        }
        let optional_periods = [
            ("store_delay_ms", self.store_delay_ms),
            ("idle_unload_ms", self.idle_unload_ms),
            ("typing_interval_ms", self.typing_interval_ms),
            ("retry_after_ms", self.retry_after_ms),
            ("drain_timeout_ms", self.drain_timeout_ms),
            ("input_timeout_single_ms", self.input_timeout_single_ms),
            ("input_timeout_multi_ms", self.input_timeout_multi_ms),
        ];
        for (key, value) in optional_periods {
            in_range(key, value, 0, DAY_MS)?;
        }
        let sizes = [
            ("queue_capacity", self.queue_capacity, 1_000_000),
            ("outbound_capacity", self.outbound_capacity, 1_000_000),
            ("max_in_flight", self.max_in_flight, 1_000_000),
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
        if let Some(script) = &self.ai_script {
            script.load()?;
        }
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

    /// Which store `store` names.
    pub(crate) fn store_choice(&self) -> StoreChoice {
        match self.store.as_str() {
            "memory" => StoreChoice::Memory,
            url if is_postgres(url) => StoreChoice::Postgres,
            _ => StoreChoice::Sqlite,
        }
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
