//! What the configuration means for the parts of the server.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::conversation::{Environment, Reconnect};
use crate::core::{BATCH, Limits, Rules, TypingLimits};
use crate::domain::{Clock, MessageLimits};
use crate::frame::FrameSettings;
use crate::limits::Rates;
use crate::metrics::Metrics;
use crate::outbound::OutboundLimits;
use crate::socket::SocketSettings;
use crate::storage::FaultSettings;

fn millis(period: u64) -> Duration {
    Duration::from_millis(period)
}

/// What frames tell about the configuration.
pub(super) fn frames(config: &Config) -> FrameSettings {
    FrameSettings {
        max_message_chars: config.max_message_chars,
        heartbeat: millis(config.heartbeat_interval_ms),
        retry_after: millis(config.retry_after_ms),
        input_timeout_single: config.input_timeout_single_ms,
        input_timeout_multi: config.input_timeout_multi_ms,
    }
}

/// Limits and periods of conversations.
pub(super) fn conversations(config: &Config) -> Limits {
    Limits {
        rules: Rules {
            max_participants: config.max_participants,
            max_invites: config.max_invites,
            open_join: config.open_join,
        },
        queue_capacity: config.queue_capacity,
        ai_capacity: config.ai_queue_capacity,
        batch: config.store_batch.min(BATCH),
        history: config.history_limit,
        typing: TypingLimits {
            interval: millis(config.typing_interval_ms),
            ends_per_second: config.typing_ends_per_second,
        },
    }
}

/// What a message may be.
pub(super) fn messages(config: &Config) -> MessageLimits {
    MessageLimits {
        max_message_chars: config.max_message_chars,
        max_id_chars: config.max_id_chars,
        max_mode_chars: config.max_mode_chars,
        max_sites: config.max_sites,
    }
}

/// Limits and periods of sockets.
pub(super) fn sockets(config: &Config) -> SocketSettings {
    SocketSettings {
        frames: messages(config),
        max_frame_bytes: config.max_frame_bytes,
        max_in_flight: config.max_in_flight,
        outbound: OutboundLimits {
            frames: config.outbound_capacity,
            bytes: config.outbound_bytes,
            presence_bytes: config.presence_bytes,
            max_faults_per_minute: config.max_faults_per_minute,
        },
        sync_page: config.sync_page,
        page_bytes: config.page_bytes,
        heartbeat_interval: millis(config.heartbeat_interval_ms),
        heartbeat_timeout: millis(config.heartbeat_timeout_ms),
        write_timeout: millis(config.write_timeout_ms),
        close_timeout: millis(config.close_timeout_ms),
    }
}

/// What all conversations share beside the store.
pub(super) fn environment(config: &Config, clock: Clock, metrics: Arc<Metrics>, rates: Arc<Rates>) -> Environment {
    let reconnect = Reconnect { after: millis(config.retry_after_ms), spread: millis(config.reconnect_spread_ms) };
    Environment {
        clock,
        metrics,
        read_interval: millis(config.read_interval_ms),
        recent_bytes: config.page_bytes,
        rates,
        reconnect,
    }
}

/// The faults that the store shows from the start.
pub(super) fn faults(config: &Config) -> FaultSettings {
    FaultSettings {
        pass_next: 0,
        gate: config.store_gate,
        fail_next: config.store_fail_next,
        doubt_next: config.store_doubt_next,
        delay: millis(config.store_delay_ms),
    }
}
