//! The life of one WebSocket, from the upgrade to the end.

use std::pin::pin;
use std::sync::Arc;

use axum::extract::ws::WebSocket;
use futures_util::StreamExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::context::Connection;
use super::{reader, writer};
use crate::conversation::ConversationHandle;
use crate::domain::SocketId;
use crate::outbound::Outbound;

impl Connection {
    /// Serves the socket until it is closed. The conversation knows of the end before this returns.
    pub(crate) async fn serve(self, socket: WebSocket) {
        let recent = Arc::clone(self.conversation.recent());
        let outbound = Arc::new(Outbound::new(recent, self.settings.outbound, Arc::clone(&self.metrics)));
        let connected = self.conversation.connect(self.id, self.user.clone(), self.after, Arc::clone(&outbound)).await;
        if let Err(reason) = connected {
            outbound.close(reason);
        }
        let _departure = DisconnectOnDrop(&self.conversation, self.id);

        let permits = Arc::new(Semaphore::new(self.settings.max_in_flight));
        let (sink, mut stream) = socket.split();
        let mut writing = pin!(writer::write(&self, sink, &outbound));
        let ending = {
            let reading = reader::read(&self, &mut stream, permits, &outbound);
            tokio::select! {
                () = &mut writing => None,
                ending = reading => Some(ending),
                () = self.expiry() => Some(reader::Ending::expired()),
            }
        };
        // What the other side sends from here on is dropped, but read, so that it gets our close.
        let patience = self.settings.close_timeout;
        match ending {
            Some(reader::Ending::Gone) => self.conversation.disconnect(self.id),
            Some(reader::Ending::HangUp { reason, readable }) => {
                self.conversation.close_socket(self.id, reason);
                let discarding = async {
                    if readable {
                        reader::discard(&mut stream).await;
                    }
                };
                let _ = timeout(patience, async { tokio::join!(writing, discarding) }).await;
            }
            None => {
                self.conversation.disconnect(self.id);
                let _ = timeout(patience, reader::discard(&mut stream)).await;
            }
        }
    }
}

/// Tells the conversation of the end of a socket, also when its task is aborted.
struct DisconnectOnDrop<'a>(&'a ConversationHandle, SocketId);

impl Drop for DisconnectOnDrop<'_> {
    fn drop(&mut self) {
        self.0.disconnect(self.1);
    }
}
