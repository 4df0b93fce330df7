//! Sending a frame.

use std::sync::Arc;

use crate::event::Failure;
use crate::history::Payload;
use crate::lock::lock;
use crate::pattern::Pattern;
use crate::run::context::connections::connection;
use crate::run::context::outgoing::rendered;
use crate::run::context::step_context::{MainMode, StepContext};
use crate::run::state::connection::{Connection, Sender, StepPing, described};
use crate::scenario::model::{Barrier, OutgoingFrame};
use crate::scenario::template::Template;

/// Plays a `send`: done when the frame is written.
pub(super) async fn send(
    context: &StepContext,
    frame: &OutgoingFrame,
    via: Option<&Template>,
    is_main: bool,
) -> Result<(), Box<Failure>> {
    let connection = connection(context, via)?;
    let (message, payload) = rendered(context, frame)?;
    let sender = sender(context, &connection, frame, &payload);
    let racer = match &context.main {
        MainMode::Released(racer) if is_main => Some(racer),
        _ => None,
    };
    let latch = racer.and_then(|_| connection.outlet.latch());
    if let Some(latch) = &latch {
        latch.hold();
    }
    let written = connection
        .send(context.place.number, message, payload, sender)
        .map_err(|why| context.failure(format!("the frame can't be sent: {why}")))?;
    // Awaited, so that a `drop` behind it doesn't take the frame along, and that one that can't be written is told.
    let limit = context.patience(None);
    let waits = context.waits("the server to take a frame");
    let written = tokio::time::timeout(limit, written).await;
    drop(waits);
    if let Some(racer) = racer {
        let _waits = context.waits("the release of the race");
        racer.released(latch.as_ref()).await;
    }
    let gone = |how: &str| {
        let end = lock(&connection.mailbox.inbox).end.as_ref().map(described);
        let why = end.map_or_else(|| how.to_owned(), |end| format!("the connection is closed: {end}"));
        context.failure(format!("the frame can't be sent: {why}"))
    };
    match written {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(gone("it could not be written")),
        Ok(Err(_)) => Err(gone("the connection ended")),
        Err(_) => {
            Err(context.failure(format!("the server took no frame of {} for {limit:?}", connection.mailbox.owner)))
        }
    }
}

/// Who sends a step's frame: where it is what the protocol's barrier sends, its answer belongs to the step.
fn sender(context: &StepContext, connection: &Connection, frame: &OutgoingFrame, payload: &Payload) -> Sender {
    let barrier = context.me.as_ref().and_then(|me| me.spec.protocol.barrier.as_ref());
    let Some(Barrier::Echo { send, receive }) = barrier else { return Sender::Step };
    // With a marker in the answer nobody takes a step's ping for the barrier's.
    if receive.mentions("marker") || std::mem::discriminant(send) != std::mem::discriminant(frame) {
        return Sender::Step;
    }
    let made = || -> Option<StepPing> {
        let (_, ping) = rendered(context, send).ok()?;
        let ping = Pattern::compile(&ping.value()).ok()?;
        Some(StepPing { ping, pong: Arc::new(context.pattern(receive).ok()?) })
    };
    let fixed = send.template().as_literal().is_some() && receive.as_literal().is_some();
    let fresh = if fixed { None } else { made() };
    let known = if fixed { connection.step_ping.get_or_init(made) } else { &fresh };
    match known {
        Some(known) if known.ping.matches(&payload.value()) => Sender::StepPing(Arc::clone(&known.pong)),
        Some(_) | None => Sender::Step,
    }
}
