//! Every key: its name, type, default, range and meaning, declared once.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::choices::{AiProvider, AuthMode, Durability, Gate, JwtAlgorithm, LogFormat, Secret};
use super::error::ConfigError;
use super::script::AiScript;

/// A day: the longest period that makes sense here.
const DAY_MS: u64 = 86_400_000;

/// A number that a key may leave out.
trait MaybeNumber<N> {
    fn number(&self) -> Option<N>;
}

impl<N: Copy> MaybeNumber<N> for N {
    fn number(&self) -> Option<N> {
        Some(*self)
    }
}

impl<N: Copy> MaybeNumber<N> for Option<N> {
    fn number(&self) -> Option<N> {
        *self
    }
}

/// Checks a key against its range.
fn in_range<N: PartialOrd + Copy + Display>(
    key: &str,
    value: &impl MaybeNumber<N>,
    range: &RangeInclusive<N>,
) -> Result<(), ConfigError> {
    match value.number() {
        Some(value) if !range.contains(&value) => {
            Err(ConfigError::wrong(key, format!("must be from {} to {}, not {value}", range.start(), range.end())))
        }
        _ => Ok(()),
    }
}

/// Makes the type of the configuration from lines `name: type = default, range;`, the range only for numbers.
macro_rules! keys {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr $(, $range:expr)?;)+) => {
        /// Everything that can be set. `Config::default()` is a development server on loopback.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Config {
            /// The names of all keys with what they mean, in the order of the documentation.
            pub const KEYS: &[(&str, &str)] = &[$((stringify!($name), concat!($($doc),+)),)+];

            /// Checks each key that is a number against its range.
            pub(super) fn check_ranges(&self) -> Result<(), ConfigError> {
                $($(in_range(stringify!($name), &self.$name, &($range))?;)?)+
                Ok(())
            }
        }
    };
}

keys! {
    /// Address to listen on. Without one: IPv4 and IPv6 loopback.
    host: Option<String> = None;
    /// Port to listen on; 0 takes a free one.
    port: u16 = 8000;
    /// File that gets the server's URL once it serves.
    ready_file: Option<String> = None;
    /// What is logged: a level or a list of `target=level`.
    log: String = "info".to_owned();
    /// How log lines look: `text` for people, `json` for programs.
    log_format: LogFormat = LogFormat::Text;
    /// Mount the endpoints under `/testing/`, which inject store faults and move the clock. Loopback only.
    testing: bool = false;

    /// What tokens mean: with `dev` any token names a user, for development on loopback; with `jwt` they are verified
    /// with the keys below.
    auth: AuthMode = AuthMode::Dev;
    /// Accept any token although bound to an address that others can reach.
    force_dev_auth: bool = false;
    /// The secret that signs tokens, at least as long as the hash of `jwt_algorithm`.
    jwt_secret: Option<Secret> = None;
    /// The algorithm of `jwt_secret`: `HS256`, `HS384` or `HS512`.
    jwt_algorithm: JwtAlgorithm = JwtAlgorithm::Hs256;
    /// The public key that verifies tokens, in PEM or the path of such a file. RSA keys verify RS256, P-256 keys
    /// ES256, Ed25519 keys EdDSA.
    jwt_public_key: Option<String> = None;
    /// The JSON Web Key Set with the public keys that verify tokens: an `https://` or `http://` URL, a
    /// file, or the set itself.
    jwt_jwks: Option<String> = None;
    /// What `iss` of a token must be.
    jwt_issuer: Option<String> = None;
    /// What `aud` of a token must be or contain. Without it a token that names an audience is refused.
    jwt_audience: Option<String> = None;
    /// How far clocks may differ when `exp` and `nbf` are judged, in seconds.
    jwt_leeway_seconds: u64 = 30, 0..=3_600;
    /// The key set is read at most once in this period for keys that it lacks, in milliseconds.
    jwks_refresh_ms: u64 = 60_000, 0..=DAY_MS;
    /// A key set older than this is read again, in milliseconds.
    jwks_max_age_ms: u64 = 3_600_000, 1..=DAY_MS;
    /// The web pages that may open sockets and read answers, as `https://host:port`; `*` is all. Without a list: the server's own
    /// origin, and in mode `dev` pages of this machine.
    allowed_origins: Option<Vec<String>> = None;
    /// The names under which the server may be asked (`chat.example`, with or without a port), so that no web page reaches
    /// it under a name of its own; `*` is all. Addresses, `localhost` and its subdomains always are. Without a list: no
    /// further name where the server listens on loopback alone, any name elsewhere.
    allowed_hosts: Option<Vec<String>> = None;
    /// Whether `/metrics` needs no token.
    metrics_public: bool = true;

    /// Where conversations are kept: `sqlite`, `postgres://USER:PASSWORD@HOST/DATABASE`, or `memory` (gone with the
    /// process). With `?sslmode=require` the connection is encrypted, with `verify-ca` or `verify-full` and
    /// `sslrootcert=FILE` the database is verified as well.
    store: String = "sqlite".to_owned();
    /// Folder of the SQLite database; made where it is missing, and used by one process at a time.
    data: String = "roundtable-data".to_owned();
    /// What a commit waits for: with `full` the disk, with `relaxed` the system, with `none` nothing (for tests).
    durability: Durability = Durability::Full;
    /// Connections to the database that only read.
    store_readers: usize = 4, 1..=256;
    /// The most changes that go into one transaction; 1 commits each on its own.
    store_batch: usize = 512, 1..=100_000;
    /// How long the database server may take to answer, in milliseconds.
    store_timeout_ms: u64 = 10_000, 1..=DAY_MS;
    /// How long `/ready` and `/health` reuse the result of a check of the store, in milliseconds.
    health_interval_ms: u64 = 1_000, 0..=DAY_MS;
    /// A conversation without sockets and requests is removed from memory after this long, in milliseconds; 0
    /// keeps it in memory.
    idle_unload_ms: u64 = 300_000, 0..=DAY_MS;
    /// Whether the store's commit gate starts `open` or `closed` (with `testing`).
    store_gate: Gate = Gate::Open;
    /// How many of the first commits fail (with `testing`).
    store_fail_next: u64 = 0;
    /// How many of the first commits end in doubt: the answer is lost (with `testing`).
    store_doubt_next: u64 = 0;
    /// Extra delay of each commit, in milliseconds (with `testing`).
    store_delay_ms: u64 = 0, 0..=DAY_MS;

    /// Who answers for the AI participant: `scripted`, `nlweb` or `openai`. Without it the script answers, where there is
    /// one; else there is no AI.
    ai_provider: Option<AiProvider> = None;
    /// What the scripted AI participant answers: a file's path or a list of rules.
    ai_script: Option<AiScript> = None;
    /// URL of the provider. For `nlweb` the part before `/ask`; for `openai` the part before
    /// `/chat/completions`, by default with the path `/v1`.
    ai_url: Option<String> = None;
    /// The key that the provider wants, sent as a bearer token.
    ai_key: Option<Secret> = None;
    /// A file with that key.
    ai_key_file: Option<String> = None;
    /// The model that `openai` shall use.
    ai_model: Option<String> = None;
    /// The system message for `openai`; by default it says that several people talk and that it answers the last.
    ai_prompt: Option<String> = None;
    /// The site that `nlweb` is asked about where neither the message nor the conversation names any.
    ai_site: Option<String> = None;
    /// How long a connection to the provider may take, in milliseconds.
    ai_connect_timeout_ms: u64 = 5_000, 1..=DAY_MS;
    /// The most characters of a provider's answer; of `nlweb` with the data that comes along.
    ai_answer_chars: usize = 50_000, 1..=1 << 20;
    /// User id of the AI participant.
    ai_participant_id: String = "nlweb_1".to_owned();
    /// Name of the AI participant.
    ai_participant_name: String = "NLWeb Assistant".to_owned();
    /// How long an AI may take to answer, in milliseconds.
    ai_timeout_ms: u64 = 20_000, 1..=DAY_MS;
    /// The most questions of one user to the AI a minute, over all conversations; 0 is no limit. Without a value 30 in
    /// mode `jwt` and no limit in mode `dev`.
    ai_jobs_per_user: Option<u32> = None;
    /// The most questions to the AI a minute; 0 is no limit. Without a value 600 in mode `jwt` and no limit in mode `dev`.
    ai_jobs_per_minute: Option<u32> = None;
    /// The most characters of an earlier answer in the context for a provider.
    ai_context_chars: usize = 4_000, 1..=1 << 20;
    /// The most bytes of the URL of a request to `nlweb`; earlier messages are cut to fit.
    ai_url_bytes: usize = 7_500, 1_000..=1 << 20;
    /// The most messages of a conversation that wait for the AI; the oldest go first.
    ai_queue_capacity: usize = 100;

    /// The most messages of a conversation that are accepted and not yet durable.
    queue_capacity: usize = 1_000, 1..=1_000_000;
    /// The most frames other than messages that wait for a socket.
    outbound_capacity: usize = 1_024, 1..=1_000_000;
    /// The most bytes of such frames; beyond either limit typing, presence and AI pieces are dropped, changes of
    /// membership become one list, and the socket is not read.
    outbound_bytes: usize = 1_048_576, 1..=1 << 30;
    /// The most bytes of presence that wait for a socket; when a crowd comes or goes at once and there would be more, one
    /// list of the participants tells it.
    presence_bytes: usize = 65_536, 1..=1 << 30;
    /// The most frames of a socket that wait for their outcome; beyond it the socket is not read.
    max_in_flight: usize = 1_100, 1..=1_000_000;
    /// How many messages a new socket is shown.
    history_limit: u64 = 50;
    /// The most bytes of one page: a sync frame, a page of messages, the messages of a conversation, what a conversation
    /// keeps at hand.
    page_bytes: usize = 1_048_576, 1_024..=1 << 26;
    /// The most messages in one sync frame.
    sync_page: usize = 500, 1..=10_000;

    /// The most characters (Unicode scalar values) of a message.
    max_message_chars: usize = 10_000, 1..=1 << 24;
    /// A WebSocket message above this many bytes closes the socket.
    max_frame_bytes: usize = 262_144, 1..=1 << 26;
    /// A request body above this many bytes is refused.
    max_body_bytes: usize = 262_144, 1..=1 << 26;
    /// The most characters of a title.
    max_title_chars: usize = 500, 1..=100_000;
    /// The most characters of a participant's name.
    max_name_chars: usize = 200, 1..=100_000;
    /// The most characters of a user id or a client's message id.
    max_id_chars: usize = 256, 1..=100_000;
    /// The most characters of a conversation's mode or of a site.
    max_mode_chars: usize = 100, 1..=100_000;
    /// The most sites of a conversation.
    max_sites: usize = 100, 1..=100_000;
    /// A socket with more faulty frames in a minute is closed.
    max_faults_per_minute: usize = 100, 1..=1_000_000;
    /// The most messages of one user a minute, over all of its sockets and REST; 0 is no limit. Without a value 600
    /// in mode `jwt` and no limit in mode `dev`.
    messages_per_minute: Option<u32> = None;
    /// How many of them may come at once.
    message_burst: u32 = 60, 1..=1_000_000;
    /// The most frames of one user a minute, messages and all others together; 0 is no limit. Without a value 6000 in
    /// mode `jwt` and no limit in mode `dev`.
    frames_per_minute: Option<u32> = None;
    /// How many of them may come at once.
    frame_burst: u32 = 600, 1..=1_000_000;
    /// The most requests of one user a minute; 0 is no limit. Without a value 1200 in mode `jwt` and no limit in mode
    /// `dev`.
    requests_per_minute: Option<u32> = None;
    /// How many of them may come at once.
    request_burst: u32 = 120, 1..=1_000_000;
    /// The most conversations that one user can come to be in by creating or joining; 0 is no limit. Without a value
    /// 1000 in mode `jwt` and no limit in mode `dev`.
    max_conversations_per_user: Option<usize> = None;
    /// Whether whoever knows the id of a conversation may join it; else an invite is needed, or a participant who adds
    /// one.
    open_join: bool = true;
    /// How long an invite is valid by default, in seconds.
    invite_seconds: u64 = 604_800;
    /// The longest validity of an invite, in seconds.
    max_invite_seconds: u64 = 31_536_000, 1..=3_153_600_000;
    /// The most valid invites of a conversation at a time.
    max_invites: usize = 1_000, 1..=1_000_000;
    /// The most open connections that are no sockets; one more is answered 503.
    max_connections: usize = 10_000, 1..=10_000_000;
    /// The most open sockets of the server.
    max_sockets: usize = 10_000, 1..=10_000_000;
    /// The most open sockets of one user; 0 is no limit.
    max_sockets_per_user: usize = 100;
    /// The most people at the creation of a conversation.
    max_participants_at_creation: usize = 10, 1..=100_000;
    /// The most people in a conversation.
    max_participants: usize = 100, 1..=100_000;
    /// The most headers of a request.
    max_headers: usize = 100, 1..=10_000;
    /// The most bytes of a request's line and headers.
    max_header_bytes: usize = 16_384, 1..=1 << 20;

    /// How often the server pings a socket, in milliseconds.
    heartbeat_interval_ms: u64 = 30_000, 1..=DAY_MS;
    /// A socket that is silent this long after a ping was due is closed, in milliseconds.
    heartbeat_timeout_ms: u64 = 10_000, 1..=DAY_MS;
    /// A write that makes no progress for this long closes the socket, or the connection that reads an answer, in
    /// milliseconds.
    write_timeout_ms: u64 = 10_000, 1..=DAY_MS;
    /// How long a closing socket waits for the other side, in milliseconds.
    close_timeout_ms: u64 = 5_000, 1..=DAY_MS;
    /// How long the head of a request may take, the idle time of the connection before it included, in milliseconds.
    header_timeout_ms: u64 = 60_000, 1..=DAY_MS;
    /// How long the body of a request may take, in milliseconds.
    body_timeout_ms: u64 = 30_000, 1..=DAY_MS;
    /// At most one `typing: true` of a sender is relayed in this period, in milliseconds.
    typing_interval_ms: u64 = 3_000, 0..=DAY_MS;
    /// A read position is stored at most this long after its frame, in milliseconds.
    read_interval_ms: u64 = 1_000, 0..=DAY_MS;
    /// At most this many `typing: false` of a sender are relayed in a second; the last state is always relayed.
    typing_ends_per_second: usize = 4, 1..=1_000;
    /// What `retry_after` says when a queue is full or the server closes, in milliseconds.
    retry_after_ms: u64 = 1_000, 0..=DAY_MS;
    /// By how much `retry_after` of a closing server differs from socket to socket, so that not all come back at
    /// once, in milliseconds.
    reconnect_spread_ms: u64 = 5_000, 0..=DAY_MS;
    /// How long a server that is shutting down goes on serving while `/ready` answers 503, in milliseconds.
    drain_delay_ms: u64 = 0, 0..=DAY_MS;
    /// How long a shutdown waits for open requests and commits, in milliseconds.
    drain_timeout_ms: u64 = 10_000, 0..=DAY_MS;
    /// `input_timeout` of a conversation in mode `single`, in milliseconds.
    input_timeout_single_ms: u64 = 100, 0..=DAY_MS;
    /// `input_timeout` of a conversation in mode `multi`, in milliseconds.
    input_timeout_multi_ms: u64 = 2_000, 0..=DAY_MS;

    /// Send buffer of each connection in the kernel, in bytes; the system's own choice without it.
    socket_send_buffer: Option<usize> = None, 1_024..=1 << 30;
    /// Receive buffer of each connection in the kernel, in bytes; the system's own choice without it.
    socket_receive_buffer: Option<usize> = None, 1_024..=1 << 30;
}
