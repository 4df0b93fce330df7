//! One request and its answer over the network: over the scenario's client, or as a racer over a connection of its own.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Url};

use super::http::{is_ours, target};
use super::wire::{Broken, Latch, dial};

/// A request as it goes out.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Option<&'a String>,
}

/// An answer as it came.
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

type Response = (hyper::Response<Incoming>, Bytes);

/// A request that is under way over a connection of its own.
pub(super) struct Asked {
    asking: BoxFuture<'static, hyper::Result<Response>>,
    /// The answer of a server that answered before it had everything.
    early: Option<hyper::Result<Response>>,
    pub(super) latch: Arc<Latch>,
}

impl Asked {
    /// Sends a request; with `hold`, everything but its last byte, which the latch releases.
    pub(super) async fn new<B>(
        mut sender: SendRequest<B>,
        request: hyper::Request<B>,
        latch: Arc<Latch>,
        hold: bool,
    ) -> Self
    where
        B: Body + Send + 'static,
    {
        if hold {
            latch.hold();
        }
        let sent = sender.send_request(request);
        let asking = async move {
            let mut response = sent.await?;
            // With 101 the connection is the WebSocket's and nothing is read.
            if response.status() == hyper::StatusCode::SWITCHING_PROTOCOLS {
                return Ok((response, Bytes::new()));
            }
            let body = response.body_mut().collect().await?.to_bytes();
            drop(sender);
            Ok((response, body))
        };
        let mut asked = Self { asking: asking.boxed(), early: None, latch };
        if hold {
            let held = Arc::clone(&asked.latch);
            tokio::select! {
                biased;
                answer = &mut asked.asking => asked.early = Some(answer),
                () = held.held() => {}
            }
        }
        asked
    }

    /// Waits for the answer with its whole body.
    pub(super) async fn answer(self) -> hyper::Result<Response> {
        match self.early {
            Some(early) => early,
            None => self.asking.await,
        }
    }
}

impl Request<'_> {
    /// Sends it over a client's connections.
    pub(super) async fn over(&self, client: &reqwest::Client) -> Result<Got, Broken> {
        let mut request = client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone());
        if let Some(body) = self.body {
            request = request.body(body.clone());
        }
        let asking = async {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok(Got { status, headers, body: response.bytes().await? })
        };
        asking.await.map_err(|error: reqwest::Error| Broken {
            why: chain(&error),
            unreached: error.is_connect(),
            ours: is_ours(&error),
        })
    }

    /// Brings it to the server over a connection of its own, but for its last byte.
    pub(super) async fn held_back(&self) -> Result<Asked, Broken> {
        let (io, latch) = dial(self.url, None).await?;
        let broke = |error: hyper::Error| Broken::from(chain(&error));
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.map_err(broke)?;
        tokio::spawn(connection);
        let mut request = hyper::Request::builder().method(self.method.clone()).uri(target(self.url));
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(self.headers);
            // What the client adds to every other request.
            let mut add = |name: &'static str, value: &str| {
                if !headers.contains_key(name)
                    && let Ok(value) = HeaderValue::from_str(value)
                {
                    headers.insert(name, value);
                }
            };
            add("host", &authority(self.url));
            add("accept", "*/*");
            add("user-agent", "roundtable");
        }
        let body = Full::new(Bytes::from(self.body.cloned().unwrap_or_default()));
        let request = request.body(body).map_err(|error| Broken::from(error.to_string()))?;
        Ok(Asked::new(sender, request, latch, true).await)
    }
}

impl Got {
    /// The answer to a request that was held back.
    pub(super) async fn of(asked: Asked) -> Result<Self, Broken> {
        let (response, body) = asked.answer().await.map_err(|error| Broken::from(chain(&error)))?;
        Ok(Self { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }
}

/// Host and port of an address, as the header `host` names them.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// An error's causes; what it says itself only repeats the request.
fn chain(error: &dyn std::error::Error) -> String {
    let first = error.source().unwrap_or(error);
    let mut text = first.to_string();
    let mut cause = first.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    text
}
