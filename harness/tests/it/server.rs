//! The rooms application for the program's tests: in this process behind a URL, or as a command of `roundtable.toml`.

use std::collections::BTreeMap;
use std::sync::mpsc;

use axum::extract::ws::{Message, WebSocket};
use axum::extract::{Path, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::StreamExt as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{board, rooms};

/// The rooms, and what tests need besides: a path that never answers, one that tells the request's headers, one that
/// ends the server, and a socket that relays messages.
fn router(log: bool) -> Router {
    let mut router = rooms::router()
        .route("/ready", get(|| async { "ready" }))
        .route("/never", get(std::future::pending::<StatusCode>))
        .route("/endless", get(endless))
        .route("/echo", get(echo))
        .route("/exit/{code}", get(|Path(code): Path<i32>| async move { exit(code) }));
    router = router.merge(crate::courier::routes());
    let (said, _) = tokio::sync::broadcast::channel(64);
    router = router.route(
        "/ws",
        get(move |upgrade: WebSocketUpgrade| async move { upgrade.on_upgrade(move |socket| relay(socket, said)) }),
    );
    router = router.route("/plain/status", get(|| async { "fine" }));
    router = router.route("/keyed", get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(keyed) }));
    let seatless = || async { (axum::http::StatusCode::BAD_REQUEST, "player missing\n") };
    router = router.route("/quiz", get(seatless)).nest_service("/board", board::router());
    if log {
        router =
            router.layer(axum::middleware::from_fn(|request: axum::extract::Request, next: axum::middleware::Next| {
                // How often the runner asks for readiness differs from run to run.
                if request.uri().path() != "/ready" {
                    eprintln!(" INFO rooms: {} {}", request.method(), request.uri());
                }
                next.run(request)
            }));
    }
    // Everything once more below a base path.
    router.clone().nest("/mounted", router)
}

/// An answer that begins and never ends.
async fn endless() -> axum::response::Response {
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>("data: 1\n\n")]);
    let body = axum::body::Body::from_stream(pieces.chain(futures_util::stream::pending()));
    axum::response::Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

async fn echo(headers: HeaderMap) -> Json<BTreeMap<String, String>> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let all = |name| headers.get_all(name).iter().map(text).collect::<Vec<_>>().join(" and ");
    Json(headers.keys().map(|name| (name.to_string(), all(name))).collect())
}

/// Says nothing by itself, answers a ping by `op`, and ends a connection on which it understands nothing.
async fn keyed(mut socket: WebSocket) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let frame: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        match frame["op"].as_str() {
            Some("ping") => _ = socket.send(Message::text(r#"{"op":"pong"}"#)).await,
            Some(_) => {}
            None => return,
        }
    }
}

/// Greets, answers pings, and hands every message to the others.
async fn relay(mut socket: WebSocket, said: tokio::sync::broadcast::Sender<(uuid::Uuid, String)>) {
    let me = uuid::Uuid::new_v4();
    let mut heard = said.subscribe();
    let _ = socket.send(Message::text(r#"{"type":"welcome"}"#)).await;
    loop {
        let reply = tokio::select! {
            other = heard.recv() => match other {
                Ok((who, text)) if who != me => text,
                Ok(_) => continue,
                Err(_) => return,
            },
            frame = socket.recv() => match frame {
                Some(Ok(Message::Text(text))) if text.contains("ping") => r#"{"type":"pong"}"#.to_owned(),
                Some(Ok(Message::Text(text))) => {
                    let _ = said.send((me, text.to_string()));
                    continue;
                }
                _ => return,
            },
        };
        if socket.send(Message::text(reply)).await.is_err() {
            return;
        }
    }
}

fn exit(code: i32) -> StatusCode {
    eprintln!("ERROR rooms: the ceiling came down");
    std::process::exit(code)
}

/// Serves the rooms from a thread of this process; it ends with the process. Gives the base URL.
pub(crate) fn url() -> String {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, router(false)).await.unwrap();
        });
    });
    format!("http://{}", told.recv().unwrap())
}

/// The certificate that [`tls_url`] serves with, and which `SSL_CERT_FILE` makes trusted.
pub(crate) const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/localhost.cert.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/localhost.key.pem");

/// Serves the same over TLS: each connection is handed on to [`url`].
pub(crate) fn tls_url() -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let behind = url().replace("http://", "");
    let certificates = vec![CertificateDer::from_pem_file(CERTIFICATE).unwrap()];
    let key = PrivateKeyDer::from_pem_file(KEY).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    // A client that trusts nobody ends it here.
                    let Ok(mut socket) = acceptor.accept(socket).await else { return };
                    let mut server = tokio::net::TcpStream::connect(behind).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut socket, &mut server).await;
                });
            }
        });
    });
    format!("https://{}", told.recv().unwrap())
}

const PORT: &str = "ROOMS_PORT";

/// The table `[server]` of a roundtable.toml that starts this test program as the rooms application.
pub(crate) fn table() -> String {
    let program = std::env::current_exe().unwrap();
    // What the test harness itself prints is no server's log.
    let script = "exec \"$0\" --exact server::serves_rooms_where_a_port_is_given --nocapture > /dev/null";
    format!(
        "[server]\ncommand = [\"sh\", \"-c\", '{script}', {program:?}]\nenv = {{ {PORT} = \"{{port}}\" }}\nready = \"/ready\"\n"
    )
}

/// No test: the application, where [`table`] starts it.
#[tokio::test]
async fn serves_rooms_where_a_port_is_given() {
    let Ok(port) = std::env::var(PORT) else { return };
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
    eprintln!(" INFO rooms: listening");
    axum::serve(listener, router(true)).await.unwrap();
}
