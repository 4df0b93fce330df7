//! Waits for a barrier's answer; and what is known of a connection without asking.

use crate::event::Failure;
use crate::lock::lock;
use crate::run::context::step_context::StepContext;
use crate::run::context::wait::{changed_before, or_death, server_died};
use crate::run::prove::barrier::Proof;
use crate::run::state::connection::{Connection, described};
use crate::run::state::mailbox::Mailbox;

use tokio::time::Instant;

/// What a barrier would show of a connection that has ended or isn't read, without asking.
pub(super) fn ended_or_unread(watcher: &Connection) -> Option<Proof> {
    let inbox = lock(&watcher.mailbox.inbox);
    let who = watcher.mailbox.who();
    match &inbox.end {
        // Nothing follows a close frame (RFC 6455, section 1.4). One that nobody expects fails the scenario at its end.
        Some(end) if end.code.is_some() => Some(Proof::Proven),
        Some(end) => Some(Proof::Unproven(format!("{who}'s connection has ended {}", described(end)))),
        None if inbox.stalled => Some(Proof::Unproven(format!("{who}'s connection isn't read"))),
        None => None,
    }
}

/// Waits for what a barrier asked for on a connection. An end, a death or a time-out breaks the barrier.
pub(super) async fn arrival(
    context: &StepContext,
    mailbox: &Mailbox,
    what: &str,
    limit: Instant,
    arrived: impl Fn() -> bool,
) -> Result<(), Box<Failure>> {
    let mut changes = mailbox.changes();
    let patience = context.world.settings.deadlines.of(None);
    let mut waits = None;
    loop {
        if arrived() {
            return Ok(());
        }
        let end = lock(&mailbox.inbox).end.clone();
        if let Some(end) = end {
            let why = format!("its connection was closed {}", described(&end));
            let failure = broken(context, mailbox, what, &why);
            return Err(if end.code.is_none() { or_death(context, failure).await } else { failure });
        }
        waits.get_or_insert_with(|| context.world.progress.wait(Some(&mailbox.owner), what, context.place.own()));
        let more = tokio::select! {
            more = changed_before(&mut changes, limit) => more,
            death = context.world.target.server.death() => return Err(server_died(context, &death)),
        };
        if !more {
            return Err(broken(context, mailbox, what, &format!("it did not come within {patience:?}")));
        }
    }
}

/// A barrier that was asked and not answered as declared.
pub(super) fn broken(context: &StepContext, mailbox: &Mailbox, what: &str, why: &str) -> Box<Failure> {
    let (name, owner) = (&mailbox.name, &mailbox.owner);
    let mut failure = context.failure(format!("the barrier on connection {name} of `{owner}` broke: {what}: {why}"));
    failure.participant = Some(owner.clone());
    failure.came = mailbox.came(0);
    failure
}

/// Whether a connection has sent what no barrier has shown to be through.
pub(super) fn unflushed(connection: &Connection) -> bool {
    let inbox = lock(&connection.mailbox.inbox);
    inbox.sent > inbox.flushed
}
