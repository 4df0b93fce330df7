//! What the frames of a client mean.

use tracing::debug;

use super::context::Connection;
use crate::core::{Change, Fault, FaultKind, MessageDraft, Signal};
use crate::domain::{MessageId, MessageKind};
use crate::frame::{ClientFrame, parse};
use crate::outbound::FramePermit;

impl Connection {
    /// Takes a frame, a text in UTF-8 or a binary one, and hands over what it asks for.
    pub(super) fn receive(&self, text: Option<&[u8]>, permit: FramePermit) {
        let parsed = match text {
            Some(text) => parse(text, self.settings.frames),
            None => Err(Fault {
                kind: FaultKind::UnsupportedData,
                message: "binary frames are not supported".to_owned(),
                message_id: None,
                retry_after: None,
            }),
        };
        match parsed {
            Ok(frame) => self.submit(frame, permit),
            Err(fault) => {
                debug!(socket = %self.id, kind = ?fault.kind, "faulty frame");
                self.conversation.signal(self.id, Signal::Faulty(Box::new(fault)), Some(permit));
            }
        }
    }

    fn submit(&self, frame: ClientFrame, permit: FramePermit) {
        let permit = Some(permit);
        let within_rates = self.rates.frame(&self.user).and_then(|()| match &frame {
            ClientFrame::Message { .. } => self.rates.message(&self.user),
            _ => Ok(()),
        });
        if let Err(wait) = within_rates {
            let (what, message_id) = match frame {
                ClientFrame::Message { message_id, .. } => ("messages", message_id),
                _ => ("frames", None),
            };
            let message = format!("too many {what} in a short time");
            let fault = Fault { kind: FaultKind::RateLimited, message, message_id, retry_after: Some(wait) };
            return self.conversation.signal(self.id, Signal::Faulty(Box::new(fault)), permit);
        }
        let signal = match frame {
            ClientFrame::Message { content, message_id, metadata } => {
                debug!(socket = %self.id, participant = %self.user, bytes = content.len(), "message frame");
                let change = Change::Post(MessageDraft {
                    id: MessageId::random(),
                    client_id: message_id.clone(),
                    sender: self.user.clone(),
                    socket: Some(self.id),
                    kind: MessageKind::Text,
                    content,
                    metadata,
                });
                return self.conversation.send_change(self.id, change, message_id, permit);
            }
            ClientFrame::Read(up_to) => {
                let change = Change::Read { user: self.user.clone(), socket: self.id, up_to };
                return self.conversation.send_change(self.id, change, None, permit);
            }
            ClientFrame::Join => return,
            ClientFrame::Typing(typing) => Signal::Typing(typing),
            ClientFrame::Sync(after) => Signal::Sync(after),
            ClientFrame::Ping => Signal::Ping,
        };
        debug!(socket = %self.id, participant = %self.user, ?signal, "frame");
        self.conversation.signal(self.id, signal, permit);
    }
}
