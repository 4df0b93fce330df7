//! How the rest of the server talks to a conversation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::actor_message::{ActorMessage, Query, ReplyTo};
use crate::core::{Change, CloseReason, MessageDraft, Outcome, Rejection, Signal, StartAt, View};
use crate::domain::{ClientMessageId, ConversationId, InviteId, Message, SequenceId, SocketId, UserId};
use crate::log::{Edit, Invite};
use crate::outbound::{Outbound, Permit, RecentFrames};
use crate::storage::{Store, StoreError};

/// The address of the task that owns a conversation.
#[derive(Clone)]
pub(crate) struct ConversationHandle {
    pub(super) id: ConversationId,
    pub(super) mailbox: mpsc::UnboundedSender<ActorMessage>,
    pub(super) store: Arc<dyn Store>,
    pub(super) recent: Arc<RecentFrames>,
    pub(super) counters: Arc<Counters>,
}

/// What can be seen of a conversation from outside.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Messages that are accepted and not yet durable.
    pub(super) pending: AtomicUsize,
    /// Read positions that wait to be stored.
    pub(super) unstored_reads: AtomicUsize,
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

impl ConversationHandle {
    /// Which conversation this is.
    pub(crate) fn id(&self) -> &ConversationId {
        &self.id
    }

    /// The newest messages as frames.
    pub(crate) fn recent(&self) -> &Arc<RecentFrames> {
        &self.recent
    }

    /// Whether both are of the same owner, or one of the owners has ended.
    #[cfg(test)]
    pub(super) fn has_same_owner(&self, other: &Self) -> bool {
        self.mailbox.same_channel(&other.mailbox)
    }

    /// Whether read positions wait to be stored.
    pub(super) fn has_unstored_reads(&self) -> bool {
        self.counters.unstored_reads.load(Ordering::Relaxed) > 0
    }

    /// Stores a user's read position, if one waits.
    pub(super) async fn store_read(&self, user: UserId) {
        let (reply, done) = oneshot::channel();
        self.send(ActorMessage::StoreRead(user, reply));
        // Whatever comes of it: the socket that said so is told.
        let _ = done.await;
    }

    /// Messages that are accepted and not yet stored.
    pub(crate) fn pending(&self) -> usize {
        self.counters.pending.load(Ordering::Relaxed)
    }

    /// Posts a message over REST.
    pub(crate) async fn post(&self, draft: MessageDraft) -> Result<(Arc<Message>, bool), Rejection> {
        match self.change(Change::Post(draft)).await? {
            Outcome::Posted { message, duplicate } => Ok((message, duplicate)),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes `user` a participant.
    pub(crate) async fn join(&self, by: UserId, user: UserId, name: String) -> Result<ReadView, Rejection> {
        let outcome = self.change(Change::Join { by, user, name }).await?;
        self.view_of(outcome).await
    }

    /// Makes an invite.
    pub(crate) async fn invite(&self, by: UserId, lasts: Duration, max_uses: Option<u32>) -> Result<Invite, Rejection> {
        match self.change(Change::CreateInvite { by, id: InviteId::random(), lasts, max_uses }).await? {
            Outcome::Invited(invite) => Ok(invite),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes `user` a participant by an invite.
    pub(crate) async fn accept(&self, invite: InviteId, user: UserId, name: String) -> Result<ReadView, Rejection> {
        let outcome = self.change(Change::AcceptInvite { invite, user, name }).await?;
        self.view_of(outcome).await
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
        self.view_of(outcome).await
    }

    /// What the conversation looks like to a participant.
    pub(crate) async fn view(&self, reader: UserId) -> Result<ReadView, Rejection> {
        let view = self.query(|reply| Query::View(reader, reply)).await?;
        with_unread(&*self.store, &self.id, view).await
    }

    /// The newest message, for a participant; to everybody else the conversation does not exist.
    pub(crate) async fn newest_message(&self, user: UserId) -> Result<SequenceId, Rejection> {
        self.query(|reply| Query::NewestMessage(user, reply)).await
    }

    /// Messages after a place, for a participant.
    pub(crate) async fn page(
        &self,
        reader: UserId,
        after: SequenceId,
        limit: usize,
        bytes: usize,
    ) -> Result<LogPage, Rejection> {
        let current = self.newest_message(reader).await?;
        let mut messages = self.read_log(after, limit, bytes).await.map_err(|_| Rejection::StorageUnavailable)?;
        // What was committed since the question is not in this answer.
        messages.retain(|message| message.sequence <= current);
        let mut total = 0;
        let fitting = messages.iter().take_while(|message| {
            total += message.bytes();
            total <= bytes
        });
        // One message always fits.
        messages.truncate(fitting.count().max(1));
        Ok(LogPage { messages, current })
    }

    /// Messages after a place, unguarded: for a socket that was admitted.
    pub(crate) async fn read_log(
        &self,
        after: SequenceId,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<Arc<Message>>, StoreError> {
        self.store.messages_after(&self.id, after, limit, bytes).await
    }

    /// Opens a socket, or says how to close it: its user is no participant (any more), or the server closes.
    pub(crate) async fn connect(
        &self,
        socket: SocketId,
        user: UserId,
        start: StartAt,
        outbound: Arc<Outbound>,
    ) -> Result<(), CloseReason> {
        let (reply, answer) = oneshot::channel();
        self.send(ActorMessage::Connect { socket, user, start, outbound, reply });
        answer.await.unwrap_or(Err(CloseReason::ConversationLost))
    }

    /// A socket closed.
    pub(crate) fn disconnect(&self, socket: SocketId) {
        self.send(ActorMessage::Disconnect(socket));
    }

    /// The server wants a socket closed.
    pub(crate) fn close_socket(&self, socket: SocketId, reason: CloseReason) {
        self.send(ActorMessage::CloseSocket(socket, reason));
    }

    /// A socket sent something that will be stored.
    pub(crate) fn send_change(
        &self,
        socket: SocketId,
        change: Change,
        message_id: Option<ClientMessageId>,
        permit: Permit,
    ) {
        let ticket = ReplyTo::Socket { socket, message_id, permit };
        self.send(ActorMessage::Change(Box::new(change), ticket));
    }

    /// A socket sent something that will not be stored.
    pub(crate) fn signal(&self, socket: SocketId, signal: Signal, permit: Permit) {
        self.send(ActorMessage::Signal(socket, signal, permit));
    }

    /// Tells all sockets that the server closes, finishes what waits, and closes them. Returns when that is done.
    pub(crate) async fn drain(&self) {
        let (reply, done) = oneshot::channel();
        self.send(ActorMessage::Drain(reply));
        let _ = done.await;
    }

    /// Closes all sockets now, whatever still waits.
    pub(crate) fn close_now(&self) {
        self.send(ActorMessage::CloseNow);
    }

    async fn change(&self, change: Change) -> Result<Outcome, Rejection> {
        let (reply, answer) = oneshot::channel();
        self.send(ActorMessage::Change(Box::new(change), ReplyTo::Request(reply)));
        answer.await.unwrap_or(Err(Rejection::StorageUnavailable))
    }

    async fn query<T>(&self, ask: impl FnOnce(oneshot::Sender<Option<T>>) -> Query) -> Result<T, Rejection> {
        let (reply, answer) = oneshot::channel();
        self.send(ActorMessage::Query(ask(reply)));
        answer.await.map_err(|_| Rejection::StorageUnavailable)?.ok_or(Rejection::NotFound)
    }

    async fn view_of(&self, outcome: Outcome) -> Result<ReadView, Rejection> {
        match outcome {
            Outcome::View(view) => with_unread(&*self.store, &self.id, *view).await,
            other => Err(unexpected(&other)),
        }
    }

    /// A message to a conversation that ended is lost; whoever waits for the answer learns it by that.
    fn send(&self, message: ActorMessage) {
        let _ = self.mailbox.send(message);
    }
}

/// Adds what only the log can tell.
pub(super) async fn with_unread(store: &dyn Store, id: &ConversationId, view: View) -> Result<ReadView, Rejection> {
    let after = view.stored.read_position(&view.reader);
    let up_to = view.stored.last_sequence;
    let unread = store.count_by_others(id, &view.reader, after, up_to).await;
    let unread = unread.map_err(|_| Rejection::StorageUnavailable)?;
    Ok(ReadView { view, unread })
}

/// An outcome that no such change has.
fn unexpected(outcome: &Outcome) -> Rejection {
    debug_assert!(false, "unexpected outcome {outcome:?}");
    Rejection::StorageUnavailable
}

fn remaining(outcome: &Outcome) -> Result<usize, Rejection> {
    match outcome {
        Outcome::Left { remaining } => Ok(*remaining),
        other => Err(unexpected(other)),
    }
}
