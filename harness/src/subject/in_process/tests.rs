//! Applications made from closures, and what a test asks of them.

use super::*;
use crate::config::ServerSettings;
use crate::subject::capture::keeping_sink;
use crate::subject::{LogSink, Server, Subject};
use axum::Router;
use axum::routing::get;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing::level_filters::LevelFilter;

const PATIENCE: Duration = Duration::from_secs(60);

fn silent() -> LogSink {
    Arc::new(|_| {})
}

async fn start(application: Arc<dyn Application>) -> Server {
    Subject::in_process(application).start(&ServerSettings::default(), silent()).await.unwrap()
}

fn hello() -> Arc<dyn Application> {
    application("hello", |listener, shutdown| async move {
        let routes = Router::new().route(
            "/",
            get(async || {
                tracing::info!(target: "hello", "asked");
                "hello"
            }),
        );
        axum::serve(listener, routes).with_graceful_shutdown(shutdown).await
    })
}

async fn ask(server: &Server) -> io::Result<String> {
    let address = server.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn an_application_serves_stops_and_comes_back_on_its_port() {
    let server = start(hello()).await;
    let url = server.url().to_owned();
    assert!(ask(&server).await.unwrap().ends_with("hello"));
    server.stop().await.unwrap();
    assert_eq!(ask(&server).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(server.died(), None);
    server.start().await.unwrap();
    server.restart().await.unwrap();
    assert!(ask(&server).await.unwrap().ends_with("hello"));
    assert_eq!(server.url(), url);
    server.kill().await.unwrap();
    assert!(ask(&server).await.is_err());
    assert_eq!(server.died(), None);
}

#[tokio::test]
async fn its_events_are_its_log() {
    let (sink, lines) = keeping_sink();
    let dispatch = log_dispatch(sink, LevelFilter::INFO);
    let _default = tracing::dispatcher::set_default(&dispatch);
    let server = start(hello()).await;
    ask(&server).await.unwrap();
    assert_eq!(lines.lock().unwrap()[0].text, "INFO hello: asked");
    assert_eq!(server.log_tail(9).len(), 1);
}

#[tokio::test]
async fn an_end_that_nobody_asked_for_is_told() {
    let panics = start(application("panics", |_, _| async { panic!("out of {}", "luck") })).await;
    let death = tokio::time::timeout(PATIENCE, panics.death()).await.unwrap();
    assert_eq!(death.description, "panicked: out of luck");
    assert_eq!(panics.died(), Some(death));

    let fails = start(application("fails", |_, _| async { Err(io::Error::other("no disk")) })).await;
    let death = tokio::time::timeout(PATIENCE, fails.death()).await.unwrap();
    assert_eq!(death.description, "failed: no disk");
    fails.start().await.unwrap();
}

#[tokio::test]
async fn one_that_does_not_listen_to_the_shutdown_is_dropped_at_once() {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = dropped.clone();
    let server = start(application("deaf", move |listener, _| {
        let flag = Flag(flag.clone());
        async move {
            let _both = (listener, flag);
            std::future::pending().await
        }
    }))
    .await;
    tokio::time::timeout(PATIENCE, server.stop()).await.unwrap().unwrap();
    assert!(dropped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn one_that_hangs_in_its_shutdown_is_dropped_and_the_log_says_so() {
    let mut subject = InProcess::new(application("hangs", |_, shutdown| async move {
        shutdown.await;
        std::future::pending().await
    }));
    subject.stop_timeout = Duration::from_millis(50);
    let subject = Subject::InProcess(subject);
    let server = subject.start(&ServerSettings::default(), silent()).await.unwrap();
    server.stop().await.unwrap();
    assert_eq!(server.log_tail(1)[0].text, "roundtable: the server did not stop within 50ms and was dropped");
}

/// A handler that tells when it is asked, then blocks its thread until the gate is given up.
fn blocking(asked: tokio::sync::mpsc::UnboundedSender<()>, gate: mpsc::Receiver<()>) -> Arc<dyn Application> {
    let gate = Arc::new(std::sync::Mutex::new(gate));
    application("blocking", move |listener, shutdown| {
        let (asked, gate) = (asked.clone(), Arc::clone(&gate));
        let blocks = get(async move || {
            let _ = asked.send(());
            let _ = gate.lock().unwrap().recv();
            "at last"
        });
        async move { axum::serve(listener, Router::new().route("/", blocks)).with_graceful_shutdown(shutdown).await }
    })
}

#[tokio::test]
async fn one_that_blocks_its_thread_stalls_nobody_and_is_left_behind() {
    let (open, gate) = mpsc::channel();
    let (asks, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let mut subject = InProcess::new(blocking(asks, gate));
    subject.stop_timeout = Duration::from_millis(50);
    let server = Subject::InProcess(subject).start(&ServerSettings::default(), silent()).await.unwrap();
    // Asked on this very thread, which goes on: the server is on another.
    let answer = tokio::select! {
        answer = ask(&server) => Some(answer),
        _ = asked.recv() => None,
    };
    assert!(answer.is_none() && !server.left_behind());
    server.stop().await.unwrap();
    assert!(server.left_behind());
    let said: Vec<String> = server.log_tail(2).into_iter().map(|line| line.text).collect();
    assert_eq!(
        said,
        [
            "roundtable: the server did not stop within 50ms and was dropped",
            "roundtable: a thread of the server is blocked and was left behind"
        ]
    );
    let port = server.url().rsplit(':').next().unwrap();
    assert_eq!(
        server.start().await.unwrap_err().to_string(),
        format!(
            "port {port} is in use by a thread of the server `blocking` that is blocked and was left behind; a command \
             could be ended (--server subprocess)"
        )
    );
    drop(open);
}

#[tokio::test]
async fn several_threads_handle_requests_at_the_same_time() {
    // Passed by two together alone.
    let both = Arc::new(Barrier::new(2));
    let meets = application("meets", move |listener, shutdown| {
        let both = Arc::clone(&both);
        let meet = get(async move || {
            both.wait();
            "met"
        });
        async move { axum::serve(listener, Router::new().route("/", meet)).with_graceful_shutdown(shutdown).await }
    });
    let settings = ServerSettings { threads: NonZeroUsize::new(2), ..ServerSettings::default() };
    let server = Subject::in_process(meets).start(&settings, silent()).await.unwrap();
    let (one, other) = tokio::join!(ask(&server), ask(&server));
    assert!(one.unwrap().ends_with("met") && other.unwrap().ends_with("met"));
    server.stop().await.unwrap();
    assert!(!server.left_behind());
}

#[tokio::test]
async fn what_it_spawned_ends_with_it() {
    let (ends, mut ended) = tokio::sync::mpsc::channel::<()>(1);
    let spawns = application("spawns", move |_, shutdown| {
        let ends = ends.clone();
        async move {
            tokio::spawn(async move {
                let _ends = ends;
                std::future::pending::<()>().await;
            });
            shutdown.await;
            Ok(())
        }
    });
    let server = start(spawns).await;
    assert!(ended.try_recv().is_err());
    server.stop().await.unwrap();
    drop(server);
    assert_eq!(tokio::time::timeout(PATIENCE, ended.recv()).await.unwrap(), None);
}

#[tokio::test]
async fn settings_and_a_taken_port_are_refused() {
    let mut settings = ServerSettings::default();
    settings.config.insert("queue".to_owned(), 1.into());
    let subject = Subject::in_process(hello());
    let error = subject.start(&settings, silent()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the settings of the server `hello` are wrong: `queue` can't be set: this application takes no settings"
    );

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut subject = InProcess::new(hello());
    let port = taken.local_addr().unwrap().port();
    subject.port = Some(port);
    let subject = Subject::InProcess(subject);
    let error = subject.start(&ServerSettings::default(), silent()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "port {port} is in use by another process, so the server `hello` can't listen on it; end that process \
             (`lsof -i :{port}` shows it) or choose another port"
        )
    );
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn the_embedded_chat_server_serves_and_names_a_wrong_key() {
    let chat = Subject::in_process(Arc::new(Chat));
    let server = chat.start(&ServerSettings::default(), silent()).await.unwrap();
    let answer = ask(&server).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    server.restart().await.unwrap();
    ask(&server).await.unwrap();
    server.stop().await.unwrap();
    assert_eq!(server.died(), None);

    let mut settings = ServerSettings::default();
    settings.config.insert("no_such_key".to_owned(), 1.into());
    let error = chat.start(&settings, silent()).await.unwrap_err();
    assert!(error.is_configuration() && error.to_string().contains("no_such_key"), "{error}");
}

/// Participants on any thread share a server, and a start may be spawned.
#[test]
fn servers_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    fn spawned<T: Send>(_: T) {}
    shared::<Server>();
    let (subject, settings) = (Subject::in_process(hello()), ServerSettings::default());
    spawned(subject.start(&settings, silent()));
}
