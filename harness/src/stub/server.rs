//! A stub: its port, its connections, and the answers for which there is no step.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::exchange::StubRequest;
use super::line::WatchedConnection;
use super::reply::RenderedReply;
use crate::lock::lock;

use crate::event::{Failure, FailureKind, Place};
use crate::history::Closing;
use crate::pattern::Pattern;
use crate::scenario::model::{Row, Scenario};
use crate::subject::port::OwnPort;

/// An event of a stub.
pub(crate) enum StubEvent {
    /// A request came.
    Asked(Arc<StubRequest>),
    /// It was answered without a step.
    Answered(Arc<StubRequest>, RenderedReply),
    /// Its connection ended.
    Ended(Arc<StubRequest>, Closing),
}

type StubEventSink = Box<dyn Fn(StubEvent) + Send>;

/// The events of a stub.
enum EventQueue {
    /// No listener yet.
    Kept(Vec<StubEvent>),
    Taken(StubEventSink),
}

/// What its port does.
enum PortState {
    /// Nobody listens: connections are refused.
    Shut,
    Open(JoinHandle<()>),
}

/// A stub that was started.
pub(crate) struct RunningStub {
    pub(crate) name: String,
    port: u16,
    door: tokio::sync::Mutex<(OwnPort, PortState)>,
    pub(super) answers: OnceLock<Vec<(Pattern, RenderedReply)>>,
    events: Mutex<EventQueue>,
    requests: AtomicUsize,
    /// Changes when connections without a request are to end.
    idle: watch::Sender<u64>,
}

impl RunningStub {
    /// Binds a port; nobody listens yet.
    pub(super) fn bind(name: &str) -> io::Result<Arc<Self>> {
        let port = OwnPort::bind()?;
        Ok(Arc::new(Self {
            name: name.to_owned(),
            port: port.number,
            door: tokio::sync::Mutex::new((port, PortState::Shut)),
            answers: OnceLock::new(),
            events: Mutex::new(EventQueue::Kept(Vec::new())),
            requests: AtomicUsize::new(0),
            idle: watch::Sender::new(0),
        }))
    }

    /// The value that templates see.
    pub(crate) fn object(&self) -> Value {
        json!({ "key": self.name, "url": self.url(), "port": self.port })
    }

    /// Its base URL, without a trailing slash.
    fn url(&self) -> String {
        format!("http://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))
    }

    /// Tells `sink` everything that happens, and first what has happened already.
    pub(crate) fn tell(&self, sink: StubEventSink) {
        let mut events = lock(&self.events);
        if let EventQueue::Kept(kept) = &mut *events {
            std::mem::take(kept).into_iter().for_each(&sink);
        }
        *events = EventQueue::Taken(sink);
    }

    fn emit(&self, event: StubEvent) {
        match &mut *lock(&self.events) {
            EventQueue::Kept(kept) => kept.push(event),
            EventQueue::Taken(sink) => sink(event),
        }
    }

    /// Takes connections from here on.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) async fn listen(self: &Arc<Self>) -> io::Result<()> {
        let (port, door) = &mut *self.door.lock().await;
        if matches!(door, PortState::Open(_)) {
            return Ok(());
        }
        let listener = TcpListener::from_std(port.listen()?)?;
        let stub = Arc::downgrade(self);
        *door = PortState::Open(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(stub) = stub.upgrade() else { return };
                let _ = stream.set_nodelay(true);
                tokio::spawn(stub.serve(stream));
            }
        }));
        Ok(())
    }

    /// Refuses connections from here on, and ends those that have asked nothing. Requests that came stay.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) async fn stop_listening(&self) -> io::Result<()> {
        let (port, door) = &mut *self.door.lock().await;
        if let PortState::Open(task) = door {
            task.abort();
            let _ = task.await;
            *door = PortState::Shut;
            port.refuse()?;
        }
        self.idle.send_modify(|changes| *changes += 1);
        Ok(())
    }

    /// One connection, which has one request.
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let (watched, line) = WatchedConnection::new(stream);
        let asked: OnceLock<Arc<StubRequest>> = OnceLock::new();
        let mut idle = self.idle.subscribe();
        let mut over = line.over();
        let (stub, slot) = (&self, &asked);
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let line = Arc::clone(&line);
            async move {
                let number = stub.requests.fetch_add(1, Ordering::Relaxed) + 1;
                let (exchange, answer) = StubRequest::read(number, request, line).await?;
                let _ = slot.set(Arc::clone(&exchange));
                stub.came(&exchange);
                // Gone where the exchange is; then the connection is, too.
                answer.await.map_err(|_| io::Error::from(io::ErrorKind::ConnectionAborted))
            }
        });
        let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(watched), service);
        let unasked = async {
            while idle.changed().await.is_ok() {
                if asked.get().is_none() {
                    return;
                }
            }
        };
        let ended = tokio::select! {
            // First: a stream that is hung up must not look as if it had ended well.
            biased;
            _ = over.wait_for(|over| *over) => return,
            () = unasked => return,
            ended = connection => ended.map_err(|error| error.to_string()),
        };
        if let Some(exchange) = asked.get()
            && let Some(end) = exchange.connection_ended(ended)
        {
            self.emit(StubEvent::Ended(Arc::clone(exchange), end));
        }
    }

    /// A request has come: tells it, and answers it where an answer stands for it.
    fn came(&self, exchange: &Arc<StubRequest>) {
        self.emit(StubEvent::Asked(Arc::clone(exchange)));
        let standing = self.answers.get().into_iter().flatten();
        if let Some((_, given)) = standing.clone().find(|(to, _)| to.matches(&exchange.request))
            && exchange.give(given)
        {
            self.emit(StubEvent::Answered(Arc::clone(exchange), given.clone()));
        }
    }
}

impl Drop for RunningStub {
    fn drop(&mut self) {
        if let (_, PortState::Open(task)) = self.door.get_mut() {
            task.abort();
        }
    }
}

/// The stubs of one scenario, in its order.
pub(crate) type RunningStubs = Vec<Arc<RunningStub>>;

/// What is known before the server starts: the row and where the stubs are.
pub(crate) fn scope(row: &Row, stubs: &RunningStubs) -> std::collections::BTreeMap<String, Value> {
    let mut scope = row.columns.clone();
    scope.extend(stubs.iter().map(|stub| (stub.name.clone(), stub.object())));
    scope
}

/// Starts the stubs of a scenario.
///
/// # Errors
/// No port, or an answer that can't be made, as the scenario's failure.
pub(crate) async fn start(scenario: &Scenario, row: &Row) -> Result<RunningStubs, Box<Failure>> {
    let environment = |name: &str, error: &io::Error| {
        Box::new(Failure::new(FailureKind::Environment, format!("the stub `{name}` can't listen: {error}")))
    };
    let mut stubs = RunningStubs::new();
    for name in scenario.stubs.keys() {
        stubs.push(RunningStub::bind(name).map_err(|error| environment(name, &error))?);
    }
    let scope = scope(row, &stubs);
    for (stub, declared) in stubs.iter().zip(scenario.stubs.values()) {
        let mut answers = Vec::new();
        for standing in &declared.answers {
            let wrong = |why: String| {
                let mut failure = Failure::new(FailureKind::Scenario, format!("an answer of `{}`: {why}", stub.name));
                failure.place = Some(Place::new(&scenario.source, standing.to.at));
                Box::new(failure)
            };
            let to = standing.to.render(&scope).map_err(|error| wrong(error.message))?;
            let to = Pattern::compile(&to).map_err(|error| wrong(format!("not a pattern: {error}")))?;
            answers.push((to, RenderedReply::of(&standing.reply, &scope).map_err(wrong)?));
        }
        let _ = stub.answers.set(answers);
        if declared.listening {
            stub.listen().await.map_err(|error| environment(&stub.name, &error))?;
        }
    }
    Ok(stubs)
}

#[cfg(test)]
mod tests;
