//! What a scenario does to its server.

use std::time::Duration;

use serde_json::Value;

use crate::event::{Failure, FailureKind, LoggedLine};
use crate::lock::lock;
use crate::pattern::describe;
use crate::run::context::step_context::StepContext;
use crate::run::context::wait::from_now;
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

pub(crate) async fn act_on_server(context: &StepContext, action: &ServerAction) -> Result<(), Box<Failure>> {
    let server = &context.world.target.server;
    let waits = match action {
        ServerAction::Logged { .. } => None,
        action => Some(context.waits(format!("the server to {}", word(action)))),
    };
    if !matches!(action, ServerAction::Logged { .. } | ServerAction::Start) {
        // Its connections end with it, however it ends them.
        for participant in context.world.cast.participants.values() {
            for connection in lock(&participant.connections).iter() {
                let mut inbox = lock(&connection.mailbox.inbox);
                inbox.end_expected |= inbox.end.is_none();
            }
        }
    }
    let done = match action {
        ServerAction::Restart => server.restart().await,
        ServerAction::Stop => server.stop().await,
        ServerAction::Start => server.start().await,
        ServerAction::Kill => server.kill().await,
        ServerAction::Logged { pattern, within } => return logged(context, pattern, *within).await,
    };
    drop(waits);
    done.map_err(|error| {
        let mut failure = context.failure(format!("the server: {error}"));
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

async fn logged(context: &StepContext, pattern: &Template, within: Option<Duration>) -> Result<(), Box<Failure>> {
    let wanted = context.render(pattern)?;
    let compiled = context.pattern(pattern)?;
    let fits = |line: &LoggedLine| match &wanted {
        Value::String(text) => line.text.contains(text),
        _ => compiled.matches(&Value::String(line.text.clone())),
    };
    let mut versions = context.world.log.version.subscribe();
    let patience = context.world.settings.deadlines.of(within);
    let limit = from_now(patience);
    let _waits = context.waits(format!("a line of the server's log with {}", describe(&compiled)));
    let mut looked_at = 0;
    loop {
        {
            let lines = lock(&context.world.log.lines);
            if lines[looked_at..].iter().any(fits) {
                return Ok(());
            }
            looked_at = lines.len();
        }
        let more = tokio::select! {
            changed = versions.changed() => changed.is_ok(),
            () = tokio::time::sleep_until(limit) => false,
        };
        if !more {
            let shown = describe(&compiled);
            let mut failure =
                context.failure(format!("the server logged nothing that fits {shown} within {patience:?}"));
            // On a server that others use too, the report shows the lines that name this scenario's people alone.
            let lines = lock(&context.world.log.lines);
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
