//! The end of a connection: waiting for it, and comparing it with what a step expects.

use std::time::Duration;

use serde_json::{Value, json};

use crate::event::{Failure, FailureKind, Nearest};
use crate::history::Closing;
use crate::lock::lock;
use crate::pattern::{Difference, Pattern, describe};
use crate::run::context::step_context::StepContext;
use crate::run::context::wait::patiently;
use crate::run::state::connection::described;
use crate::run::state::mailbox::Mailbox;

/// Unexpected ends of connections: those that the server ended without a step that awaits it or that stopped the
/// server, and without leave of the protocol. Those that the runner caused by a limit of its own are told too.
pub(crate) fn unexpected_ends(context: &StepContext) -> Result<Vec<Failure>, Box<Failure>> {
    let mut failures = Vec::new();
    for participant in context.world.cast.participants.values() {
        let closes = &participant.spec.protocol.closes;
        for mailbox in participant.all_mailboxes() {
            let (end, line) = {
                let inbox = lock(&mailbox.inbox);
                match &inbox.end {
                    Some(end) if !end.by_participant && !inbox.end_expected => (end.clone(), inbox.end_line),
                    _ => continue,
                }
            };
            let there = context.acting(participant);
            let value = end_value(&end);
            if end.is_by_server() && there.patterns(closes)?.iter().any(|allowed| allowed.matches(&value)) {
                continue;
            }
            failures.push(unexpected(&mailbox, &end, line));
        }
    }
    Ok(failures)
}

/// What `closed` and `closes` see of an end: its code and reason, or that there was no close frame.
fn end_value(end: &Closing) -> Value {
    match end.code {
        Some(code) => json!({ "code": code, "reason": end.reason }),
        None => json!({ "none": true, "code": null, "reason": end.reason }),
    }
}

fn unexpected(mailbox: &Mailbox, end: &Closing, line: usize) -> Failure {
    let (owner, name) = (&mailbox.owner, &mailbox.name);
    let behind = if line == 0 { "before the first step".to_owned() } else { format!("after line {line}") };
    let headline = match end {
        _ if end.by_runner => format!("{owner}'s connection {name} was ended by the runner {behind}: {}", end.reason),
        Closing { code: Some(code), reason, .. } if reason.is_empty() => {
            format!("{owner}'s connection {name} was closed by the server with {code} {behind}; no step expects it")
        }
        Closing { code: Some(code), reason, .. } => {
            format!(
                "{owner}'s connection {name} was closed by the server with {code} {reason:?} {behind}; no step expects it"
            )
        }
        Closing { reason, .. } => {
            let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            format!("{owner}'s connection {name} was lost without a close frame{why} {behind}; no step expects it")
        }
    };
    let kind = if end.by_runner { FailureKind::Environment } else { FailureKind::Expectation };
    let mut failure = Failure::new(kind, headline);
    failure.participant = Some(owner.clone());
    if !end.by_runner {
        failure.details.push(
            "a step awaits it with `closed`, or the protocol file allows it with `closes: [{ code: …, reason: … }]`"
                .to_owned(),
        );
    }
    failure.came = mailbox.came(0);
    failure
}

/// The end of a connection, when it has come.
async fn end_of(mailbox: &Mailbox) -> Closing {
    let mut changes = mailbox.changes();
    loop {
        let end = lock(&mailbox.inbox).end.clone();
        if let Some(end) = end {
            return end;
        }
        if changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for the end of a connection so long, and then a moment more, to say whether it came late or never.
pub(crate) async fn ends_within(
    context: &StepContext,
    mailbox: &Mailbox,
    limit: Duration,
    missed: impl FnOnce() -> String,
) -> Result<Closing, Box<Failure>> {
    let _waits = context.waits(format!("the end of connection {}", mailbox.name));
    patiently(context, limit, end_of(mailbox), missed).await.map_err(|mut failure| {
        failure.came = mailbox.came(0);
        failure
    })
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
    let end = ends_within(context, mailbox, limit, missed).await.map_err(|mut failure| {
        failure.expected = Some(format!("a close that matches {}", describe(pattern)));
        failure
    })?;
    let value = end_value(&end);
    let found = pattern.differences(&value);
    if found.is_empty() {
        lock(&mailbox.inbox).end_expected = true;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::state::mailbox::MailboxKind;

    #[test]
    fn an_unexpected_end_says_whose_and_when() {
        let mailbox = Mailbox::new("ann", "main", MailboxKind::Frames, None);
        let told = |end: &Closing, line| unexpected(&mailbox, end, line).headline;
        assert_eq!(
            told(&Closing::by_server(Some(1011), "internal error"), 6),
            "ann's connection main was closed by the server with 1011 \"internal error\" after line 6; no step expects it"
        );
        assert_eq!(
            told(&Closing::by_server(Some(1000), ""), 0),
            "ann's connection main was closed by the server with 1000 before the first step; no step expects it"
        );
        assert_eq!(
            told(&Closing::by_server(None, "reset"), 6),
            "ann's connection main was lost without a close frame (reset) after line 6; no step expects it"
        );
        let limit = Closing { by_runner: true, ..Closing::by_server(None, "the message is too large") };
        assert_eq!(
            told(&limit, 6),
            "ann's connection main was ended by the runner after line 6: the message is too large"
        );
        assert_eq!(unexpected(&mailbox, &limit, 6).kind, FailureKind::Environment);
    }

    #[test]
    fn a_loss_without_a_close_frame_has_a_word_of_its_own() {
        let none = Pattern::compile(&json!({ "none": true })).unwrap();
        assert!(none.matches(&end_value(&Closing::by_server(None, ""))));
        assert!(!none.matches(&end_value(&Closing::by_server(Some(1005), ""))));
    }
}
