//! What the server counts and measures, and how Prometheus reads it.
//!
//! Each server has its own registry, so several in one process do not mix.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use crate::domain::MessageKind;

/// Buckets in seconds, from the latency on one machine to longer than anybody would wait.
const LATENCY: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Records in a batch.
const BATCH: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Open sockets.
    pub(crate) connections: IntGauge,
    /// Conversations in memory.
    pub(crate) conversations: IntGauge,
    /// Messages accepted and not yet durable, in all.
    pub(crate) pending: IntGauge,
    /// The same for the conversation that has the most.
    pub(crate) pending_most: IntGauge,
    messages: IntCounterVec,
    /// Resends that were recognised.
    pub(crate) duplicates: IntCounter,
    /// From the commit of a message until the kernel took it for a socket.
    pub(crate) fan_out: Histogram,
    ack: HistogramVec,
    /// How often a socket did not keep up and was served from the log.
    pub(crate) slow_readers: IntCounter,
    shed: IntCounterVec,
    coalesced: IntCounterVec,
    refusals: IntCounterVec,
    requests: HistogramVec,
    ai_jobs: IntCounterVec,
    store: StoreMetrics,
}

/// What a store measures. Cheap to clone, so that a writer's thread can have its own.
#[derive(Debug, Clone)]
pub(crate) struct StoreMetrics {
    batch: Histogram,
    commit: Histogram,
    failures: IntCounter,
}

impl StoreMetrics {
    /// A transaction with so many records is durable, and took so long.
    pub(crate) fn committed(&self, records: usize, took: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        self.batch.observe(records as f64);
        self.commit.observe(took.as_secs_f64());
    }

    /// A transaction failed.
    pub(crate) fn failed(&self) {
        self.failures.inc();
    }
}

impl Metrics {
    /// All at zero.
    ///
    /// # Errors
    /// A name stands twice or is none; that is a mistake in this file.
    pub(crate) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new_custom(Some("roundtable".to_owned()), None)?;
        let gauge = |name, help| registered(&registry, IntGauge::new(name, help)?);
        let counter = |name, help| registered(&registry, IntCounter::new(name, help)?);
        let counters = |name: &str, help: &str, labels: &[&str]| {
            registered(&registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            registered(&registry, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?)
        };
        let histograms = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(LATENCY.to_vec());
            registered(&registry, HistogramVec::new(options, labels)?)
        };
        Ok(Self {
            connections: gauge("connections", "Open WebSockets.")?,
            conversations: gauge("conversations_loaded", "Conversations in memory.")?,
            pending: gauge("pending_messages", "Messages accepted and not yet durable.")?,
            pending_most: gauge("pending_messages_max", "The same for the conversation that has the most.")?,
            messages: counters("messages_total", "Messages that became durable, by kind.", &["kind"])?,
            duplicates: counter("duplicates_total", "Messages recognised as sent before.")?,
            fan_out: histogram(
                "fan_out_seconds",
                "From a message's commit until a socket's kernel took it.",
                &LATENCY,
            )?,
            ack: histograms("ack_seconds", "From the arrival of a message until its answer.", &["by"])?,
            slow_readers: counter(
                "slow_readers_total",
                "Times that a socket fell behind and was served from the log.",
            )?,
            coalesced: counters(
                "coalesced_total",
                "Frames whose effect waited for a later one, by kind: read positions, typing, presence.",
                &["kind"],
            )?,
            shed: counters("shed_frames_total", "Frames left out for slow sockets, by kind.", &["kind"])?,
            refusals: counters("refusals_total", "Requests and frames refused, by reason.", &["by", "reason"])?,
            requests: histograms("http_request_seconds", "Requests.", &["method", "route", "status"])?,
            ai_jobs: counters("ai_jobs_total", "Questions to the AI, by how they ended.", &["outcome"])?,
            store: StoreMetrics {
                batch: histogram("store_batch_records", "Records in one transaction.", &BATCH)?,
                commit: histogram("store_commit_seconds", "How long one transaction took.", &LATENCY)?,
                failures: counter("store_failures_total", "Transactions that failed.")?,
            },
            registry,
        })
    }

    /// What a store measures.
    pub(crate) fn store(&self) -> StoreMetrics {
        self.store.clone()
    }

    /// A message is durable.
    pub(crate) fn message(&self, kind: MessageKind) {
        let kind = match kind {
            MessageKind::Text => "text",
            MessageKind::NlwebResponse => "nlweb_response",
            MessageKind::Error => "error",
        };
        self.messages.with_label_values(&[kind]).inc();
    }

    /// A message over a socket was answered.
    pub(crate) fn acked_on_socket(&self, took: Duration) {
        self.ack.with_label_values(&["socket"]).observe(took.as_secs_f64());
    }

    /// A message over REST was answered.
    pub(crate) fn acked_over_rest(&self, took: Duration) {
        self.ack.with_label_values(&["rest"]).observe(took.as_secs_f64());
    }

    /// A frame of this kind was dropped for a slow socket.
    pub(crate) fn shed(&self, kind: &str) {
        self.shed.with_label_values(&[kind]).inc();
    }

    /// A frame of this kind waits for a later one, or is told with it.
    pub(crate) fn coalesced(&self, kind: &str) {
        self.coalesced.with_label_values(&[kind]).inc();
    }

    /// A request was refused.
    pub(crate) fn refused_request(&self, code: &str) {
        self.refusals.with_label_values(&["http", code]).inc();
    }

    /// A frame was refused.
    pub(crate) fn refused_frame(&self, error: &str) {
        self.refusals.with_label_values(&["socket", error]).inc();
    }

    /// A request was answered. `route` is the pattern, never the path.
    pub(crate) fn request(&self, method: &str, route: &str, status: &str, took: Duration) {
        self.requests.with_label_values(&[method, route, status]).observe(took.as_secs_f64());
    }

    /// An AI job ended.
    pub(crate) fn ai_job(&self, outcome: &str) {
        self.ai_jobs.with_label_values(&[outcome]).inc();
    }

    /// Prometheus text.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string fails only where a family has no metrics.
        let _ = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text);
        text
    }
}

fn registered<M: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    metric: M,
) -> prometheus::Result<M> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
