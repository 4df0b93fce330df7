//! The options of a run, besides its jobs.

use jiff::civil::Date;
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;

use crate::plan::RunLimits;

/// The options of a run, besides its jobs.
#[derive(Clone)]
pub struct RunOptions {
    /// How many at once, how many retries, and what ends it early.
    pub limits: RunLimits,
    /// The day on which quarantines are judged, in UTC.
    pub today: Date,
    /// Which shard this is, such as `2/4`, where it is one.
    pub shard: Option<String>,
    /// The options of the command line that a scenario must be played with to be played in the same way again.
    pub replay_options: Vec<String>,
    /// The least severe level that a server in process logs.
    pub log_level: LevelFilter,
    /// Turns true when the run is to end.
    pub interrupted: watch::Receiver<bool>,
    /// Which server, for people.
    pub server: String,
    /// Whether shared servers are left running.
    pub keep_servers: bool,
}

impl RunOptions {
    /// A run of everything that ends all of its servers.
    pub fn new(limits: RunLimits, server: String, interrupted: watch::Receiver<bool>) -> Self {
        Self {
            limits,
            today: today(),
            shard: None,
            replay_options: Vec::new(),
            log_level: LevelFilter::INFO,
            interrupted,
            server,
            keep_servers: false,
        }
    }
}

/// The day on which quarantines are judged: that of UTC, so that it is the same day for everybody.
fn today() -> Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}
