//! Which server a scenario is played against.

use std::sync::Arc;

use crate::scenario::model::Scenario;
use crate::subject::Subject;

/// Which server a scenario is played against, or why it isn't played.
#[derive(Debug, Clone)]
pub enum ServerChoice {
    /// Play it against this server.
    Play(Subject),
    /// Skip it, for this reason.
    Skip(String),
    /// The configuration is wrong, in this way.
    Refuse(String),
}

/// Chooses the server of each scenario.
pub type ChooseServer = Arc<dyn Fn(&Scenario) -> ServerChoice + Send + Sync>;
