//! One request and its answer: over a client's connections, or over a connection of its own that holds the request's
//! last byte back.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use reqwest::Method;
use reqwest::cookie::CookieStore as _;
pub(crate) use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::dial::dial;
use super::error::{WireError, causes, is_local};
use super::latch::Latch;
use super::url::{Url, authority, path_and_query};

/// Sends requests and keeps connections open between them.
#[derive(Debug, Clone)]
pub(crate) struct Client(reqwest::Client);

impl Client {
    /// For a server's base URL. TLS roots are read only where they are needed, since that takes some milliseconds.
    ///
    /// # Errors
    /// Why there can be no client: the system's roots can't be read.
    pub(crate) fn for_server(url: &str) -> Result<Self, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("roundtable")
            .tcp_nodelay(true);
        if !url.starts_with("https:") {
            client = client.tls_certs_only([]);
        }
        client.build().map(Self).map_err(|error| error.to_string())
    }
}

/// The cookies of a participant.
#[derive(Debug, Default)]
pub(crate) struct Cookies(reqwest::cookie::Jar);

impl Cookies {
    /// The header `cookie` of a request to an address; none where no cookie is for it.
    pub(crate) fn header(&self, url: &Url) -> Option<HeaderValue> {
        self.0.cookies(url)
    }

    /// Keeps what an answer sets.
    pub(crate) fn keep(&self, headers: &HeaderMap, url: &Url) {
        let mut cookies = headers.get_all("set-cookie").iter().peekable();
        if cookies.peek().is_some() {
            self.0.set_cookies(&mut cookies, url);
        }
    }
}

/// A request as it goes out.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Option<&'a str>,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

type Answered = (hyper::Response<Incoming>, Bytes);

/// A request that is under way over a connection of its own.
pub(crate) struct Pending {
    asking: BoxFuture<'static, hyper::Result<Answered>>,
    /// The answer of a server that answered before it had everything.
    early: Option<hyper::Result<Answered>>,
    pub(crate) latch: Arc<Latch>,
}

impl Pending {
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
        let mut pending = Self { asking: asking.boxed(), early: None, latch };
        if hold {
            let held = Arc::clone(&pending.latch);
            tokio::select! {
                biased;
                answer = &mut pending.asking => pending.early = Some(answer),
                () = held.held() => {}
            }
        }
        pending
    }

    /// Waits for the answer with its whole body.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn response(self) -> Result<Response, WireError> {
        let (response, body) = self.answer().await.map_err(|error| WireError::from(causes(&error)))?;
        Ok(Response { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    /// The answer as hyper gives it, from which a connection can be upgraded.
    pub(super) async fn answer(self) -> hyper::Result<Answered> {
        match self.early {
            Some(early) => early,
            None => self.asking.await,
        }
    }
}

impl Request<'_> {
    fn method(&self) -> Result<Method, WireError> {
        Method::from_bytes(self.method.as_bytes()).map_err(|error| WireError::from(error.to_string()))
    }

    /// Sends it over a client's connections.
    pub(crate) async fn over(&self, client: &Client) -> Result<Response, WireError> {
        let mut request = client.0.request(self.method()?, self.url.clone()).headers(self.headers.clone());
        if let Some(body) = self.body {
            request = request.body(body.to_owned());
        }
        let asking = async {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok(Response { status, headers, body: response.bytes().await? })
        };
        asking.await.map_err(|error: reqwest::Error| WireError {
            why: causes(&error),
            unreached: error.is_connect(),
            local: is_local(&error),
        })
    }

    /// Brings it to the server over a connection of its own, but for its last byte.
    pub(crate) async fn held_back(&self) -> Result<Pending, WireError> {
        let (io, latch) = dial(self.url, None).await?;
        let broke = |error: hyper::Error| WireError::from(causes(&error));
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.map_err(broke)?;
        tokio::spawn(connection);
        let mut request = hyper::Request::builder().method(self.method()?).uri(path_and_query(self.url));
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
        let body = Full::new(Bytes::from(self.body.unwrap_or_default().to_owned()));
        let request = request.body(body).map_err(|error| WireError::from(error.to_string()))?;
        Ok(Pending::new(sender, request, latch, true).await)
    }
}
