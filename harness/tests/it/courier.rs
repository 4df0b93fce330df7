//! A server that asks others: what comes over its socket says whom, and what the other one answers goes back as it comes.
//! Stubs are tested with it.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, WebSocket};
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// The protocol of the courier.
pub(crate) const PROTOCOL: &str = r#"
protocol: courier
barrier: { echo: { send: { do: ping }, receive: { type: pong } } }
verbs:
  enter:
    steps: [{ me: { connect: /courier } }]
  asks:
    doc: Sends the courier to an address.
    takes: { url: "", method: POST, json: null, headers: {}, errand: 1 }
    steps:
      - me: { send: { do: ask, url: "{{ url }}", method: "{{ method }}", json: "{{ json }}", headers: "{{ headers }}", errand: "{{ errand }}" } }
  calls_back:
    doc: Calls the courier back.
    takes: { errand: 1 }
    steps: [{ me: { send: { do: give_up, errand: "{{ errand }}" } } }]
"#;

/// Where errands without an address go.
pub(crate) const ADDRESS: &str = "COURIER_ADDRESS";

/// The courier, at `/courier`.
pub(crate) fn routes() -> Router {
    Router::new().route("/courier", get(|upgrade: WebSocketUpgrade| async move { upgrade.on_upgrade(serve) }))
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().tls_certs_only([]).build().unwrap()
}

async fn serve(mut socket: WebSocket) {
    let (tell, mut told) = mpsc::unbounded_channel::<Value>();
    let client = client();
    let mut errands = BTreeMap::new();
    loop {
        let frame = tokio::select! {
            Some(news) = told.recv() => {
                if socket.send(Message::text(news.to_string())).await.is_err() {
                    return;
                }
                continue;
            }
            frame = socket.recv() => frame,
        };
        let Some(Ok(Message::Text(text))) = frame else { return };
        let Ok(order) = serde_json::from_str::<Value>(&text) else { return };
        match order["do"].as_str() {
            Some("ask") => {
                let errand = order["errand"].clone();
                let (key, tell, client) = (errand.to_string(), tell.clone(), client.clone());
                let running = tokio::spawn(async move {
                    if let Err(why) = ask(&client, &order, &errand, &tell).await {
                        let _ = tell.send(json!({ "type": "broken", "errand": errand, "why": why }));
                    }
                });
                errands.insert(key, running);
            }
            Some("give_up") => {
                if let Some(running) = errands.remove(&order["errand"].to_string()) {
                    running.abort();
                }
            }
            _ => {
                let _ = tell.send(json!({ "type": "pong" }));
            }
        }
    }
}

/// One errand: the head of the answer, its pieces, its end.
async fn ask(
    client: &reqwest::Client,
    order: &Value,
    errand: &Value,
    tell: &mpsc::UnboundedSender<Value>,
) -> Result<(), &'static str> {
    let url = match order["url"].as_str() {
        Some("") | None => std::env::var(ADDRESS).unwrap(),
        Some(url) => url.to_owned(),
    };
    let method = Method::from_bytes(order["method"].as_str().unwrap().as_bytes()).unwrap();
    let mut request = client.request(method, url);
    for (name, value) in order["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap());
    }
    if !order["json"].is_null() {
        request = request.header("content-type", "application/json").body(order["json"].to_string());
    }
    let why = |error: &reqwest::Error| match error {
        error if error.is_connect() => "refused",
        error if error.is_body() || error.is_decode() => "half an answer",
        _ => "no answer",
    };
    let mut answer = request.send().await.map_err(|error| why(&error))?;
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let status = answer.status().as_u16();
    let _ = tell.send(json!({ "type": "answer", "errand": errand, "status": status, "kind": kind }));
    while let Some(piece) = answer.chunk().await.map_err(|error| why(&error))? {
        let text = String::from_utf8_lossy(&piece);
        let _ = tell.send(json!({ "type": "piece", "errand": errand, "text": text }));
    }
    let _ = tell.send(json!({ "type": "end", "errand": errand, "text": "" }));
    Ok(())
}
