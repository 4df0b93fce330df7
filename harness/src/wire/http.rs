//! One request and its answer, over a connection of its own; with the request's last byte held back where it races.
//!
//! No connection is used twice. One that was kept could be ended by the server at the very moment at which the next
//! request is sent, and nobody could say then whether the request was read.

use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use reqwest::Method;
use reqwest::cookie::CookieStore as _;

use crate::lock::lock;
pub(crate) use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::dial::{Dialed, Route, dial};
use super::error::{WireError, causes};
use super::latch::Latch;
use super::url::{Url, authority, path_and_query};

/// The largest body that is read; a server that sends more is at fault.
const LARGEST: usize = 64 << 20;

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
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What has come of an answer so far. Whoever waits for the answer can look at it meanwhile.
#[derive(Debug, Clone, Default)]
pub(crate) struct AnswerSoFar(Arc<Mutex<Option<Beginning>>>);

#[derive(Debug, Clone)]
struct Beginning {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl AnswerSoFar {
    fn lock(&self) -> MutexGuard<'_, Option<Beginning>> {
        // What is behind the lock is valid at every moment, also where a thread panicked.
        lock(&self.0)
    }

    /// The head and what came of the body; none where no head has come.
    pub(crate) fn so_far(&self) -> Option<Response> {
        let Beginning { status, headers, body } = self.lock().clone()?;
        Some(Response { status, headers, body: body.into() })
    }

    /// Notes the head of an answer, then reads its body to the end.
    async fn whole(&self, answer: &mut hyper::Response<Incoming>) -> Result<Bytes, WireError> {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        *self.lock() = Some(Beginning { status, headers, body: Vec::new() });
        // With 101 the connection is the WebSocket's and nothing is read.
        if answer.status() == hyper::StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Bytes::new());
        }
        while let Some(frame) = answer.frame().await {
            let frame = frame.map_err(|error| WireError::from(causes(&error)))?;
            let Some(piece) = frame.data_ref() else { continue };
            let mut heard = self.lock();
            let Some(Beginning { body, .. }) = &mut *heard else { continue };
            body.extend_from_slice(piece);
            if body.len() > LARGEST {
                return Err(format!("the answer has more than {} MiB", LARGEST >> 20).into());
            }
        }
        Ok(self.lock().as_mut().map(|heard| std::mem::take(&mut heard.body)).unwrap_or_default().into())
    }
}

type Answered = (hyper::Response<Incoming>, Bytes);

/// Sends a request and reads the whole answer.
async fn exchange<B>(
    mut sender: SendRequest<B>,
    request: hyper::Request<B>,
    heard: AnswerSoFar,
) -> Result<Answered, WireError>
where
    B: Body + Send + 'static,
{
    let mut answer = sender.send_request(request).await.map_err(|error| WireError::from(causes(&error)))?;
    let body = heard.whole(&mut answer).await?;
    Ok((answer, body))
}

/// A request that is under way over a connection that a task of its own moves on.
pub(crate) struct Pending {
    asking: BoxFuture<'static, Result<Answered, WireError>>,
    /// The answer of a server that answered before it had everything.
    early: Option<Result<Answered, WireError>>,
    pub(crate) latch: Arc<Latch>,
}

impl Pending {
    /// Sends a request; with `hold`, everything but its last byte, which the latch releases.
    pub(super) async fn new<B>(
        sender: SendRequest<B>,
        request: hyper::Request<B>,
        latch: Arc<Latch>,
        heard: &AnswerSoFar,
        hold: bool,
    ) -> Self
    where
        B: Body + Send + 'static,
    {
        if hold {
            latch.hold();
        }
        let asking = exchange(sender, request, heard.clone());
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
    /// Why no answer came.
    pub(crate) async fn response(self) -> Result<Response, WireError> {
        Ok(response(self.answer().await?))
    }

    /// The answer as hyper gives it, from which a connection can be upgraded.
    pub(super) async fn answer(self) -> Result<Answered, WireError> {
        match self.early {
            Some(early) => early,
            None => self.asking.await,
        }
    }
}

fn response((answer, body): Answered) -> Response {
    Response { status: answer.status().as_u16(), headers: answer.headers().clone(), body }
}

impl Request<'_> {
    /// Sends it, and waits for the whole answer.
    pub(crate) async fn answer(&self, route: &Route, heard: &AnswerSoFar) -> Result<Response, WireError> {
        let Dialed { io, by_proxy, .. } = dial(self.url, None, route, false).await?;
        let (sender, connection) =
            handshake(TokioIo::new(io)).await.map_err(|error| WireError::from(causes(&error)))?;
        let mut connection = std::pin::pin!(connection);
        let mut asking = std::pin::pin!(exchange(sender, self.message(by_proxy)?, heard.clone()));
        // The connection moves on here; what it has read is still to be taken when it has ended.
        tokio::select! {
            biased;
            answered = &mut asking => return answered.map(response),
            _ = &mut connection => {}
        }
        asking.await.map(response)
    }

    /// Brings it to the server but for its last byte.
    pub(crate) async fn held_back(&self, route: &Route, heard: &AnswerSoFar) -> Result<Pending, WireError> {
        let Dialed { io, latch, by_proxy } = dial(self.url, None, route, false).await?;
        let (sender, connection) =
            handshake(TokioIo::new(io)).await.map_err(|error| WireError::from(causes(&error)))?;
        tokio::spawn(connection);
        Ok(Pending::new(sender, self.message(by_proxy)?, latch, heard, true).await)
    }

    /// The request as it stands on the wire. A proxy is told the whole address (RFC 9112, section 3.2.2).
    fn message(&self, by_proxy: bool) -> Result<hyper::Request<Full<Bytes>>, WireError> {
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|error| WireError::from(error.to_string()))?;
        let target = if by_proxy { self.url.as_str().to_owned() } else { path_and_query(self.url) };
        let mut request = hyper::Request::builder().method(method).uri(target);
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(self.headers);
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
        request.body(body).map_err(|error| WireError::from(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
