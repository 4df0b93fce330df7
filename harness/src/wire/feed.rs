//! What an open connection is to a scenario: a feed, which pushes messages and its end, and the outlet at its other side.
//! Every transport opens one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};

use super::codec::{Message, RawMessage};
use super::latch::Latch;
use crate::history::Closing;
use crate::lock::lock;

/// Takes what a feed pushes, in the order of arrival.
pub(crate) trait FeedReceiver: Send + Sync + 'static {
    /// A message came.
    fn message(&self, message: RawMessage<'_>);

    /// The feed ended; nothing follows.
    fn end(&self, end: Closing);
}

/// What moves messages between a receiver and an inlet, until the connection's end.
type Run = Box<dyn FnOnce(Arc<dyn FeedReceiver>, Inlet) -> BoxFuture<'static, ()> + Send>;

/// A connection that is open and that nobody reads yet.
pub(crate) struct Feed {
    /// None where nothing can be held back.
    latch: Option<Arc<Latch>>,
    run: Run,
}

impl Feed {
    /// A feed of a transport: `run` reads and writes until the connection's end.
    pub(super) fn new<F>(
        latch: Arc<Latch>,
        run: impl FnOnce(Arc<dyn FeedReceiver>, Inlet) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { latch: Some(latch), run: Box::new(|receiver, inlet| Box::pin(run(receiver, inlet))) }
    }

    /// A feed without a transport, for tests: each message that is sent is answered at once with these texts, and a close
    /// frame with the same.
    #[cfg(test)]
    pub(crate) fn in_memory(mut answer: impl FnMut(&Message) -> Vec<String> + Send + 'static) -> Self {
        let run = move |receiver: Arc<dyn FeedReceiver>, mut inlet: Inlet| async move {
            let end = loop {
                tokio::select! {
                    order = inlet.outgoing.recv() => match order {
                        Some(WriteOrder::Message(message, written)) => {
                            let _ = written.send(true);
                            answer(&message).iter().for_each(|text| receiver.message(RawMessage::Text(text)));
                        }
                        Some(WriteOrder::Close(code, reason)) => {
                            break Closing { by_participant: true, ..Closing::by_server(Some(code), reason) };
                        }
                        None => break Closing::dropped(""),
                    },
                    why = &mut inlet.dropped => break Closing::dropped(why.unwrap_or_default()),
                }
            };
            receiver.end(end);
        };
        Self { latch: None, run: Box::new(|receiver, inlet| Box::pin(run(receiver, inlet))) }
    }

    /// Starts the task that reads and writes; the receiver, which is made around the outlet, gets every message, and the
    /// end.
    pub(crate) fn start<R: FeedReceiver>(self, receive: impl FnOnce(Outlet) -> Arc<R>) -> Arc<R> {
        let Self { latch, run } = self;
        let (outlet, inlet) = Outlet::new(latch.as_ref());
        let receiver = receive(outlet);
        let running = run(Arc::clone(&receiver) as Arc<dyn FeedReceiver>, inlet);
        tokio::spawn(async move {
            let _latch = latch;
            running.await;
        });
        receiver
    }
}

/// The connection is gone: nothing can be sent any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub(crate) struct Gone;

/// What the task of a connection is asked to write.
pub(super) enum WriteOrder {
    /// A message; the sender is told when it is written, or that it could not be.
    Message(Message, oneshot::Sender<bool>),
    /// A close frame.
    Close(u16, String),
}

/// The participant's side of an open connection. The connection ends without a close frame when this is dropped.
pub(crate) struct Outlet {
    outgoing: mpsc::UnboundedSender<WriteOrder>,
    reading: watch::Sender<bool>,
    /// Whether the participant has begun to close.
    closing: Arc<AtomicBool>,
    /// Dropped to end the connection's task; the reason is told as the end's.
    dropping: Mutex<Option<oneshot::Sender<String>>>,
    /// Holds what it writes back, for races. It is the connection's own, so that a dropped one is closed.
    latch: Weak<Latch>,
}

/// The task's side of an outlet.
pub(super) struct Inlet {
    pub(super) outgoing: mpsc::UnboundedReceiver<WriteOrder>,
    pub(super) reading: watch::Receiver<bool>,
    pub(super) closing: Arc<AtomicBool>,
    pub(super) dropped: oneshot::Receiver<String>,
}

impl Outlet {
    pub(super) fn new(latch: Option<&Arc<Latch>>) -> (Self, Inlet) {
        let (outgoing, written) = mpsc::unbounded_channel();
        let (reading, reads) = watch::channel(true);
        let (dropping, dropped) = oneshot::channel();
        let closing = Arc::new(AtomicBool::new(false));
        let inlet = Inlet { outgoing: written, reading: reads, closing: Arc::clone(&closing), dropped };
        let dropping = Mutex::new(Some(dropping));
        (Self { outgoing, reading, closing, dropping, latch: latch.map(Arc::downgrade).unwrap_or_default() }, inlet)
    }

    /// Puts a message on its way; what it gives tells when the message is written, or `false` where it could not be; it errs
    /// where the connection ended first.
    ///
    /// # Errors
    /// The connection's task has ended.
    pub(crate) fn send(&self, message: Message) -> Result<oneshot::Receiver<bool>, Gone> {
        let (written, done) = oneshot::channel();
        self.outgoing.send(WriteOrder::Message(message, written)).map_err(|_| Gone)?;
        Ok(done)
    }

    /// Begins the closing handshake.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        self.closing.store(true, Ordering::Relaxed);
        let _ = self.outgoing.send(WriteOrder::Close(code, reason.to_owned()));
    }

    /// Ends the connection without a close frame; the reason is told as that of its end.
    pub(crate) fn drop_now(&self, reason: &str) {
        let dropping = lock(&self.dropping).take();
        if let Some(dropping) = dropping {
            let _ = dropping.send(reason.to_owned());
        }
    }

    /// Stops or resumes reading.
    pub(crate) fn read(&self, on: bool) {
        self.reading.send_replace(on);
    }

    /// What holds its writing back, while it is open.
    pub(crate) fn latch(&self) -> Option<Arc<Latch>> {
        self.latch.upgrade()
    }
}
