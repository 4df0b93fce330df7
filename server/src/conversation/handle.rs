//! How the rest of the server talks to a conversation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::command::{Change, Draft, Edit, Outcome, Rejection, Signal};
use super::event::CloseReason;
use super::letter::{Letter, Query, Ticket};
use super::record::Invite;
use super::state::View;
use crate::domain::{ClientMessageId, ConversationId, InviteId, Message, SequenceId, SocketId, UserId};
use crate::socket::outbound::{Outbound, Permit, Tail};
use crate::storage::{Store, StoreError};

/// The address of the task that owns a conversation.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(super) id: ConversationId,
    pub(super) mailbox: mpsc::UnboundedSender<Letter>,
    pub(super) store: Arc<dyn Store>,
    pub(super) tail: Arc<Tail>,
    pub(super) pending: Arc<AtomicUsize>,
}

/// What a user may know of a conversation before it connects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admission {
    /// The newest message.
    pub(crate) current: SequenceId,
}

/// A page of the log as a participant reads it.
#[derive(Debug)]
pub(crate) struct LogPage {
    /// Ascending.
    pub(crate) messages: Vec<Arc<Message>>,
    /// The newest message.
    pub(crate) current: SequenceId,
}

/// A view with the number that only the log can tell.
#[derive(Debug)]
pub(crate) struct ReadView {
    /// What the reader sees.
    pub(crate) view: View,
    /// Messages by others behind the reader's position.
    pub(crate) unread: u64,
}

impl Handle {
    /// Which conversation this is.
    pub(crate) fn id(&self) -> &ConversationId {
        &self.id
    }

    /// The newest messages as frames.
    pub(crate) fn tail(&self) -> &Arc<Tail> {
        &self.tail
    }

    /// Whether the conversation's task has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.mailbox.is_closed()
    }

    /// Messages that are accepted and not yet durable.
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Posts a message over REST.
    pub(crate) async fn say(&self, draft: Draft) -> Result<(Arc<Message>, bool), Rejection> {
        match self.change(Change::Say(draft)).await? {
            Outcome::Said { message, duplicate } => Ok((message, duplicate)),
            _ => Err(Rejection::ShuttingDown),
        }
    }

    /// Makes `user` a participant.
    pub(crate) async fn join(&self, by: UserId, user: UserId, name: String) -> Result<ReadView, Rejection> {
        let outcome = self.change(Change::Join { by, user, name }).await?;
        self.seen(outcome).await
    }

    /// Makes an invite.
    pub(crate) async fn invite(&self, by: UserId, lasts: Duration, max_uses: Option<u32>) -> Result<Invite, Rejection> {
        match self.change(Change::Invite { by, id: InviteId::random(), lasts, max_uses }).await? {
            Outcome::Invited(invite) => Ok(invite),
            _ => Err(Rejection::ShuttingDown),
        }
    }

    /// Makes `user` a participant by an invite.
    pub(crate) async fn accept(&self, invite: InviteId, user: UserId, name: String) -> Result<ReadView, Rejection> {
        let outcome = self.change(Change::Accept { invite, user, name }).await?;
        self.seen(outcome).await
    }

    /// Leaves; says how many remain.
    pub(crate) async fn leave(&self, user: UserId) -> Result<usize, Rejection> {
        remaining(&self.change(Change::Leave { user }).await?)
    }

    /// Takes somebody out; says how many remain.
    pub(crate) async fn remove(&self, by: UserId, user: UserId) -> Result<usize, Rejection> {
        remaining(&self.change(Change::Remove { by, user }).await?)
    }

    /// Changes properties. An empty edit changes nothing and tells nobody.
    pub(crate) async fn edit(&self, by: UserId, edit: Edit) -> Result<ReadView, Rejection> {
        if edit.is_empty() {
            return self.view(by).await;
        }
        let outcome = self.change(Change::Edit { by, edit }).await?;
        self.seen(outcome).await
    }

    /// What the conversation looks like to a participant.
    pub(crate) async fn view(&self, reader: UserId) -> Result<ReadView, Rejection> {
        let view = self.query(|reply| Query::View(reader, reply)).await?;
        with_unread(&*self.store, &self.id, view).await
    }

    /// Whether a user may connect.
    pub(crate) async fn admit(&self, user: UserId) -> Result<Admission, Rejection> {
        self.query(|reply| Query::Admit(user, reply)).await
    }

    /// Messages after a place, for a participant.
    pub(crate) async fn page(&self, reader: UserId, after: SequenceId, limit: usize) -> Result<LogPage, Rejection> {
        let current = self.admit(reader).await?.current;
        let mut messages = self.read_log(after, limit).await.map_err(|_| Rejection::StorageUnavailable)?;
        // What was committed since the question is not in this answer.
        messages.retain(|message| message.sequence <= current);
        Ok(LogPage { messages, current })
    }

    /// Messages after a place, unguarded: for a socket that was admitted.
    pub(crate) async fn read_log(&self, after: SequenceId, limit: usize) -> Result<Vec<Arc<Message>>, StoreError> {
        self.store.messages_after(&self.id, after, limit).await
    }

    /// Opens a socket, or says how to close it: its user is no participant (any more), or the server closes.
    pub(crate) async fn connect(
        &self,
        socket: SocketId,
        user: UserId,
        after: Option<SequenceId>,
        outbound: Arc<Outbound>,
    ) -> Result<(), CloseReason> {
        let (reply, answer) = oneshot::channel();
        self.send(Letter::Connect { socket, user, after, outbound, reply });
        answer.await.unwrap_or(Err(CloseReason::Shutdown))
    }

    /// A socket closed.
    pub(crate) fn disconnect(&self, socket: SocketId) {
        self.send(Letter::Disconnect(socket));
    }

    /// The server wants a socket closed.
    pub(crate) fn hang_up(&self, socket: SocketId, reason: CloseReason) {
        self.send(Letter::HangUp(socket, reason));
    }

    /// A socket sent something that will be stored.
    pub(crate) fn socket_change(
        &self,
        socket: SocketId,
        change: Change,
        message_id: Option<ClientMessageId>,
        permit: Permit,
    ) {
        let ticket = Ticket::Socket { socket, message_id, permit };
        self.send(Letter::Change(change, ticket));
    }

    /// A socket sent something that will not be stored.
    pub(crate) fn signal(&self, socket: SocketId, signal: Signal, permit: Permit) {
        self.send(Letter::Signal(socket, signal, permit));
    }

    /// Tells all sockets that the server closes, finishes what waits, and closes them. Returns when that is done.
    pub(crate) async fn drain(&self) {
        let (reply, done) = oneshot::channel();
        self.send(Letter::Drain(reply));
        let _ = done.await;
    }

    /// Closes all sockets now, whatever still waits.
    pub(crate) fn cut(&self) {
        self.send(Letter::Cut);
    }

    async fn change(&self, change: Change) -> Result<Outcome, Rejection> {
        let (reply, answer) = oneshot::channel();
        self.send(Letter::Change(change, Ticket::Request(reply)));
        answer.await.unwrap_or(Err(Rejection::ShuttingDown))
    }

    async fn query<T>(&self, ask: impl FnOnce(oneshot::Sender<Option<T>>) -> Query) -> Result<T, Rejection> {
        let (reply, answer) = oneshot::channel();
        self.send(Letter::Query(ask(reply)));
        answer.await.map_err(|_| Rejection::ShuttingDown)?.ok_or(Rejection::NotFound)
    }

    async fn seen(&self, outcome: Outcome) -> Result<ReadView, Rejection> {
        match outcome {
            Outcome::Seen(view) => with_unread(&*self.store, &self.id, *view).await,
            _ => Err(Rejection::ShuttingDown),
        }
    }

    /// A letter to a conversation that ended is lost; whoever waits for the answer learns it by that.
    fn send(&self, letter: Letter) {
        let _ = self.mailbox.send(letter);
    }
}

/// Adds what only the log can tell.
pub(super) async fn with_unread(store: &dyn Store, id: &ConversationId, view: View) -> Result<ReadView, Rejection> {
    let after = view.durable.read_position(&view.reader);
    let up_to = view.durable.last_sequence;
    let unread = store.count_by_others(id, &view.reader, after, up_to).await;
    let unread = unread.map_err(|_| Rejection::StorageUnavailable)?;
    Ok(ReadView { view, unread })
}

fn remaining(outcome: &Outcome) -> Result<usize, Rejection> {
    match outcome {
        Outcome::Left { remaining } => Ok(*remaining),
        _ => Err(Rejection::ShuttingDown),
    }
}
