//! What a scenario does to its server.

use serde_json::Value;

use super::here::Here;
use super::socket::from_now;
use super::world::lock;
use crate::event::{Failure, FailureKind, LoggedLine};
use crate::pattern::describe as describe_pattern;
use crate::scenario::model::ServerAction;
use crate::scenario::template::Template;
use crate::subject::SubjectError;
use crate::text::counted;

/// What is done, as a verb.
fn word(action: &ServerAction) -> &'static str {
    match action {
        ServerAction::Restart => "restart",
        ServerAction::Stop => "stop",
        ServerAction::Start => "start",
        ServerAction::Kill => "be killed",
        ServerAction::Logged { .. } => "log",
    }
}

/// Lines of the log that a failure of `logged` shows.
const LINES: usize = 12;

impl Here {
    pub(super) async fn server(&self, action: &ServerAction) -> Result<(), Box<Failure>> {
        let server = &self.world.server;
        let waits = match action {
            ServerAction::Logged { .. } => None,
            action => Some(self.waits(format!("the server to {}", word(action)))),
        };
        let done = match action {
            ServerAction::Restart => server.restart().await,
            ServerAction::Stop => server.stop().await,
            ServerAction::Start => server.start().await,
            ServerAction::Kill => server.kill().await,
            ServerAction::Logged { pattern, within } => return self.logged(pattern, *within).await,
        };
        drop(waits);
        if let Ok(fresh) = super::client(server.url()) {
            *lock(&self.world.http) = fresh;
        }
        done.map_err(|error| {
            let mut failure = self.failure(format!("the server: {error}"));
            failure.kind = match &error {
                SubjectError::Died { .. } | SubjectError::Gone { .. } => FailureKind::ServerDied,
                SubjectError::PortInUse { .. } | SubjectError::Io { .. } => FailureKind::Environment,
                SubjectError::NotOurs { .. } | SubjectError::Settings { .. } => FailureKind::Scenario,
                _ => failure.kind,
            };
            failure.details.extend(error.log_tail().iter().map(ToString::to_string));
            failure
        })
    }

    pub(super) async fn logged(
        &self,
        pattern: &Template,
        within: Option<std::time::Duration>,
    ) -> Result<(), Box<Failure>> {
        let wanted = self.render(pattern)?;
        let compiled = self.pattern(pattern)?;
        let fits = |line: &LoggedLine| match &wanted {
            Value::String(text) => line.text.contains(text),
            _ => compiled.matches(&Value::String(line.text.clone())),
        };
        let mut versions = self.world.log.version.subscribe();
        let patience = self.world.deadlines.of(within);
        let limit = from_now(patience);
        let _waits = self.waits(format!("a line of the server's log with {}", describe_pattern(&compiled)));
        loop {
            if lock(&self.world.log.lines).iter().any(fits) {
                return Ok(());
            }
            let more = tokio::select! {
                changed = versions.changed() => changed.is_ok(),
                () = tokio::time::sleep_until(limit) => false,
            };
            if !more {
                let shown = describe_pattern(&compiled);
                let mut failure =
                    self.failure(format!("the server logged nothing that fits {shown} within {patience:?}"));
                // On a server that others use too, the report shows the lines that name this scenario's people alone.
                let lines = lock(&self.world.log.lines);
                let said = |line: &LoggedLine| format!("{:>9.1} ms {}", line.at.as_secs_f64() * 1000.0, line.text);
                failure.details = lines.iter().skip(lines.len().saturating_sub(LINES)).map(said).collect();
                failure.details.insert(
                    0,
                    match lines.len() {
                        0 => "it logged nothing at all since the scenario began".to_owned(),
                        many => format!("the last of {} since the scenario began:", counted(many, "line", "lines")),
                    },
                );
                return Err(failure);
            }
        }
    }
}
