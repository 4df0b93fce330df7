//! The end of a connection: waiting for it, and comparing it with what a step expects.

use std::time::Duration;

use serde_json::json;

use crate::event::{Failure, Nearest};
use crate::pattern::{Difference, Pattern, describe};
use crate::run::context::step_context::StepContext;
use crate::run::context::wait::{changed_before, from_now, patiently};
use crate::run::state::connection::described;
use crate::run::state::lock::lock;
use crate::run::state::mailbox::Mailbox;

/// Waits so long for the end of a connection; whether it came.
pub(crate) async fn end_of(mailbox: &Mailbox, limit: Duration) -> bool {
    let mut changes = mailbox.changes();
    let limit = from_now(limit);
    while mailbox.is_open() {
        if !changed_before(&mut changes, limit).await {
            return !mailbox.is_open();
        }
    }
    true
}

/// Waits for the end of a connection so long, and then a moment more, to say whether it came late or never.
pub(crate) async fn ends_within(
    context: &StepContext,
    mailbox: &Mailbox,
    limit: Duration,
    missed: impl FnOnce() -> String,
) -> Result<(), Box<Failure>> {
    let _waits = context.waits(format!("the end of connection {}", mailbox.name));
    // Longer than anybody listens: what it says then is not asked for.
    let long = limit + context.world.settings.deadlines.late() + Duration::from_secs(1);
    let Err(mut failure) = patiently(context, limit, end_of(mailbox, long), missed).await else {
        return Ok(());
    };
    failure.came = mailbox.came(0);
    Err(failure)
}

/// The server must close a connection, and as the pattern says.
pub(crate) async fn closed(
    context: &StepContext,
    mailbox: &Mailbox,
    pattern: &Pattern,
    within: Option<Duration>,
) -> Result<(), Box<Failure>> {
    let limit = context.patience(within);
    let missed = || {
        let (who, name) = (&mailbox.owner, &mailbox.name);
        format!("the server didn't close {who}'s connection {name} within {limit:?}")
    };
    ends_within(context, mailbox, limit, missed).await.map_err(|mut failure| {
        failure.expected = Some(format!("a close that matches {}", describe(pattern)));
        failure
    })?;
    let end = lock(&mailbox.inbox).end.clone();
    let Some(end) = end else { return Ok(()) };
    let value = json!({ "code": end.code, "reason": end.reason });
    let found = pattern.differences(&value);
    if found.is_empty() {
        return Ok(());
    }
    let mut failure = context.failure(format!(
        "{}'s connection {} was closed {}: {}",
        mailbox.owner,
        mailbox.name,
        described(&end),
        found[0]
    ));
    failure.nearest = Some(Nearest {
        what: "the close".to_owned(),
        entry: None,
        whole: None,
        differences: found.iter().map(Difference::to_string).collect(),
    });
    failure.came = mailbox.came(0);
    Err(failure)
}
