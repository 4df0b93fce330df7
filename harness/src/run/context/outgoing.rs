//! A frame as a step or a barrier sends it.

use super::step_context::StepContext;
use crate::event::Failure;
use crate::history::Payload;
use crate::scenario::model::OutgoingFrame;
use crate::wire::codec::{Message, bytes_of_hex};

/// A frame as it goes out, and what the history keeps of it.
pub(crate) fn rendered(context: &StepContext, frame: &OutgoingFrame) -> Result<(Message, Payload), Box<Failure>> {
    Ok(match frame {
        OutgoingFrame::Json(template) => {
            let value = context.render(template)?;
            (Message::json(&value), Payload::json(value))
        }
        OutgoingFrame::Text(template) => {
            let text = context.text(template)?;
            let message = Message::Text(text);
            let payload = message.payload();
            (message, payload)
        }
        OutgoingFrame::Binary(template) => {
            let hex = context.text(template)?;
            let bytes = bytes_of_hex(&hex).ok_or_else(|| context.wrong("`send_binary` takes hexadecimal digits"))?;
            (Message::Binary(bytes.clone()), Payload::Binary(bytes))
        }
    })
}
