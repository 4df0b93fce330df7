//! One echo: a ping on a connection, and its answer.

use std::sync::Arc;

use serde_json::Value;

use super::arrival::{arrival, broken, ended_or_unread};
use super::barrier::{Proof, Reply};
use crate::event::Failure;
use crate::history::Payload;
use crate::lock::lock;
use crate::pattern::Pattern;
use crate::run::context::outgoing::rendered;
use crate::run::context::step_context::StepContext;
use crate::run::context::wait::from_now;
use crate::run::state::connection::{Connection, Sender};
use crate::run::state::inbox::Inbox;
use crate::scenario::model::Barrier;
use crate::wire::codec::Message;

/// One echo on one connection.
pub(super) async fn echo(context: &StepContext, connection: &Arc<Connection>) -> Result<Reply, Box<Failure>> {
    let mailbox = &connection.mailbox;
    let Some(owner) = context.world.cast.participants.get(&mailbox.owner) else {
        return Ok(Reply::Unasked(format!("`{}` is no participant", mailbox.owner)));
    };
    let protocol = &owner.spec.protocol;
    let Some(Barrier::Echo { send, receive }) = &protocol.barrier else {
        let why =
            format!("{} has sent, and the protocol `{}` declares no barrier `echo`", mailbox.who(), protocol.name);
        return Ok(Reply::Unasked(why));
    };
    match ended_or_unread(connection) {
        Some(Proof::Proven) => return Ok(Reply::Answered),
        Some(Proof::Unproven(why)) => return Ok(Reply::Unasked(why)),
        None => {}
    }
    let mut there = context.acting(owner);
    let marker = format!("marker-{}", context.world.random.uuid(there.spot()));
    there.locals.insert("marker".to_owned(), Value::String(marker));
    let (message, payload) = rendered(&there, send)?;
    let pong = Arc::new(there.pattern(receive)?);
    // Answers that are told apart by nothing come in the order of the pings, and of those on their way some may have been
    // lost: then as many answers as there are pings before this one, and one more, show that this one has arrived.
    let by_order = !receive.mentions("marker");
    let (sent, lost, goal) = {
        let inbox = lock(&mailbox.inbox);
        (inbox.sent, if by_order { inbox.doubtful_pings() } else { 0 }, inbox.pongs + inbox.pings.len() as u64 + 1)
    };
    let mut asked = vec![
        ping(connection, context, &message, &payload, &pong)
            .map_err(|why| broken(context, mailbox, "the barrier's ping", &why))?,
    ];
    let limit = from_now(context.world.settings.deadlines.of(None));
    loop {
        let seen = lock(&mailbox.inbox).pongs;
        let through = |inbox: &Inbox| inbox.passed.contains(&asked[0]) || (by_order && inbox.pongs >= goal);
        arrival(context, mailbox, "the answer to the barrier's ping", limit, || {
            let inbox = lock(&mailbox.inbox);
            through(&inbox) || inbox.pongs > seen
        })
        .await?;
        if through(&lock(&mailbox.inbox)) {
            break;
        }
        if asked.len() <= lost {
            asked.extend(ping(connection, context, &message, &payload, &pong).ok());
        }
    }
    // Only now, and only what was sent before the ping: another barrier at the same time must not skip this connection.
    let mut inbox = lock(&mailbox.inbox);
    inbox.flushed = inbox.flushed.max(sent);
    inbox.abandoned.extend(asked);
    Ok(Reply::Answered)
}

/// Sends a ping of a barrier; gives its number.
fn ping(
    connection: &Connection,
    context: &StepContext,
    message: &Message,
    payload: &Payload,
    pong: &Arc<Pattern>,
) -> Result<u64, String> {
    let number = {
        let mut inbox = lock(&connection.mailbox.inbox);
        inbox.barriers += 1;
        inbox.barriers
    };
    let sender = Sender::Barrier(number, Arc::clone(pong));
    connection.send(context.place.number, message.clone(), payload.clone(), sender).map(|_| number)
}
