//! What all scenarios of a run share, and what the runner sees of one that is under way.

use std::sync::Arc;
use std::time::Instant;

use super::desk::debugger::Desk;
use super::state::log_book::LogBook;
use super::state::progress::Progress;
use crate::event::EventSink;
use crate::plan::PlaySettings;
use crate::secret::Secrets;

/// What all scenarios of a run share.
#[derive(Clone)]
pub struct Session {
    /// How they are played.
    pub settings: PlaySettings,
    /// Where somebody says how scenarios go on; they are then played one at a time.
    pub desk: Option<Arc<Desk>>,
    /// Takes the events.
    pub sink: EventSink,
    /// What must not stand in snapshots, events and results.
    pub secrets: Option<Arc<Secrets>>,
}

/// What the runner sees of a scenario that is under way.
#[derive(Clone)]
pub(crate) struct Watch {
    /// Gets the server's lines.
    pub(crate) log: Arc<LogBook>,
    /// Who waits for what.
    pub(crate) progress: Arc<Progress>,
    /// What its times count from.
    pub(crate) began: Instant,
}
