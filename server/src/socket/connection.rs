//! One WebSocket from the upgrade to the end: what is opened, and what is let go however it ends.

use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::context::Connection;
use super::life::Life;
use crate::conversation::ConversationHandle;
use crate::domain::SocketId;
use crate::outbound::{Outbound, Transport};

impl Connection {
    /// Serves the socket until it is closed; `read` came with the handshake. The conversation knows of the end before
    /// this returns.
    pub(crate) async fn serve(self, stream: TcpStream, read: Bytes) {
        let stream = Arc::new(stream);
        let work = Arc::new(Notify::new());
        let transport: Arc<dyn Transport> = Arc::<TcpStream>::clone(&stream);
        let outbound = Arc::new(Outbound::new(
            Some(transport),
            Arc::clone(self.conversation.recent()),
            self.settings.outbound,
            Arc::clone(&self.metrics),
            Arc::clone(&work),
        ));
        let connected = self.conversation.connect(self.id, self.user.clone(), self.start, Arc::clone(&outbound)).await;
        if let Err(reason) = connected {
            outbound.close(None, reason);
            outbound.flush(None);
        }
        let _disconnect = DisconnectOnDrop(&self.conversation, self.id);
        let _end = EndOnDrop(&outbound);
        let mut life = Life::new(&self, stream, &outbound, &work, &read);
        // It would keep the buffer of the handshake as long as the socket is open.
        drop(read);
        life.run().await;
    }
}

/// Tells the conversation of the end of a socket, also when its task is aborted.
struct DisconnectOnDrop<'a>(&'a ConversationHandle, SocketId);

impl Drop for DisconnectOnDrop<'_> {
    fn drop(&mut self) {
        self.0.disconnect(self.1);
    }
}

/// Lets go of the connection, which the conversation holds as well.
struct EndOnDrop<'a>(&'a Outbound);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
