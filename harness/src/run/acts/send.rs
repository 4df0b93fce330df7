//! Sending a frame.

use crate::event::Failure;
use crate::history::Payload;
use crate::run::context::connections::connection;
use crate::run::context::step_context::{MainMode, StepContext};
use crate::run::state::connection::Sender;
use crate::scenario::model::Outgoing;
use crate::scenario::template::Template;
use crate::wire::codec::{Message, bytes_of_hex};

/// Plays a `send`: done when the frame is written.
pub(super) async fn send(
    context: &StepContext,
    frame: &Outgoing,
    via: Option<&Template>,
    is_main: bool,
) -> Result<(), Box<Failure>> {
    let connection = connection(context, via)?;
    let (message, payload) = match frame {
        Outgoing::Json(template) => {
            let value = context.render(template)?;
            (Message::json(&value), Payload::json(value))
        }
        Outgoing::Text(template) => {
            let text = context.text(template)?;
            {
                let message = Message::Text(text);
                let payload = message.payload();
                (message, payload)
            }
        }
        Outgoing::Binary(template) => {
            let hex = context.text(template)?;
            let bytes = bytes_of_hex(&hex).ok_or_else(|| context.wrong("`send_binary` takes hexadecimal digits"))?;
            (Message::Binary(bytes.clone()), Payload::Binary(bytes))
        }
    };
    let racer = match &context.main {
        MainMode::Released(racer) if is_main => Some(racer),
        _ => None,
    };
    let latch = racer.and_then(|_| connection.outlet.latch());
    if let Some(latch) = &latch {
        latch.hold();
    }
    let written = connection
        .send(context.place.number, message, payload, Sender::Step)
        .map_err(|why| context.failure(format!("the frame can't be sent: {why}")))?;
    // Awaited, so that a `drop` behind it doesn't take the frame along. A connection that ends meanwhile is told by
    // whatever expects something of it.
    let limit = context.patience(None);
    let waits = context.waits("the server to take a frame");
    let written = tokio::time::timeout(limit, written).await;
    drop(waits);
    if let Some(racer) = racer {
        let _waits = context.waits("the release of the race");
        racer.released(latch.as_ref()).await;
    }
    match written {
        Ok(_) => Ok(()),
        Err(_) => {
            Err(context.failure(format!("the server took no frame of {} for {limit:?}", connection.mailbox.owner)))
        }
    }
}
