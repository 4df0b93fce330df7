//! One request and its answer over the network: over the scenario's client, or as a racer over a connection of its own.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Url};

use super::http::target;
use super::release::Racer;
use super::socket::{answered, line_up};
use super::wire::dial;

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

/// Why there is no answer.
pub(super) enum Broken {
    /// Nobody listens.
    Unreached(String),
    /// The connection broke.
    Broke(String),
    /// It took too long.
    Late,
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        let why = chain(&error);
        if error.is_connect() { Self::Unreached(why) } else { Self::Broke(why) }
    }
}

impl From<hyper::Error> for Broken {
    fn from(error: hyper::Error) -> Self {
        Self::Broke(error.to_string())
    }
}

impl From<tokio::time::error::Elapsed> for Broken {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::Late
    }
}

impl Request<'_> {
    /// Sends it over a client's connections.
    pub(super) async fn over(&self, client: &reqwest::Client, limit: Duration) -> Result<Got, Broken> {
        let mut request = client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone());
        if let Some(body) = self.body {
            request = request.body(body.clone());
        }
        tokio::time::timeout(limit, async {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok(Got { status, headers, body: response.bytes().await? })
        })
        .await?
    }

    /// Sends it as a racer: everything but its last byte before the release. `released` is called behind that.
    pub(super) async fn raced(&self, racer: &Racer, limit: Duration, released: impl FnOnce()) -> Result<Got, Broken> {
        let made = async {
            let (io, latch) = dial(self.url, None).await.map_err(Broken::Unreached)?;
            let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await?;
            Ok::<_, Broken>((sender, connection, latch))
        };
        let (mut sender, connection, latch) = tokio::time::timeout(limit, made).await??;
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
        let request = request.body(body).map_err(|error| Broken::Broke(error.to_string()))?;
        latch.hold();
        let asking = answered(sender.send_request(request));
        tokio::pin!(asking);
        let early = line_up(&mut asking, &latch, racer, limit).await?;
        released();
        let (response, body) = match early {
            Some(answer) => answer?,
            None => tokio::time::timeout(limit, asking).await??,
        };
        Ok(Got { status: response.status().as_u16(), headers: response.headers().clone(), body })
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
