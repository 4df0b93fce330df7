//! What providers over HTTP have in common: the request, its events, and errors described in words that give
//! away neither addresses nor keys.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, Url};
use sse_stream::SseByteStream;
use tokio::task::JoinHandle;
use tracing::warn;

use super::provider::{AiError, Answering};
use crate::config::{Config, ConfigError};

/// The most bytes of an answer that are read, whatever stands in them.
const MAX_BYTES: usize = 8 << 20;

/// How long the end of a body may take whose last event has come.
const REST: Duration = Duration::from_secs(1);

/// A server that answers questions.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    client: Client,
    key: Option<HeaderValue>,
    /// The most characters of an answer.
    pub(super) most: usize,
    /// The most characters of an earlier answer that it is told.
    pub(super) context_chars: usize,
}

impl Remote {
    /// A client as the configuration asks for it.
    ///
    /// # Errors
    /// The key is no text for a header, or no client can be made.
    pub(super) fn new(config: &Config, url: &Url) -> Result<Self, ConfigError> {
        // One provider of cryptography for the whole process; installing it again changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .connect_timeout(Duration::from_millis(config.ai_connect_timeout_ms))
            // A provider that sends elsewhere would get the key there.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("roundtable-server");
        if url.scheme() == "http" {
            // Reading the system's certificates takes some milliseconds.
            client = client.tls_certs_only([]);
        }
        if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            client = client.no_proxy();
        }
        let client = client
            .build()
            .map_err(|error| ConfigError::wrong("ai_url", format!("cannot be asked: {}", error.without_url())))?;
        let key = config.ai_authorization()?;
        Ok(Self { client, key, most: config.ai_answer_chars, context_chars: config.ai_context_chars })
    }

    pub(super) fn get(&self, url: Url) -> RequestBuilder {
        self.client.get(url)
    }

    pub(super) fn post(&self, url: Url) -> RequestBuilder {
        self.client.post(url)
    }

    /// Sends a request and reads the head of its answer.
    pub(super) async fn ask(&self, request: RequestBuilder) -> Result<Response, AiError> {
        let request = match &self.key {
            Some(key) => request.header(AUTHORIZATION, key.clone()),
            None => request,
        };
        let answer = request.header(ACCEPT, "text/event-stream").send().await.map_err(|error| {
            let unreached = error.is_connect();
            warn!(error = %describe(error), "the AI provider gave no answer");
            AiError::Failed(if unreached { "it cannot be reached" } else { "it gave no answer" }.to_owned())
        })?;
        if !answer.status().is_success() {
            return Err(AiError::Failed(format!("it answered {}", answer.status().as_u16())));
        }
        Ok(answer)
    }
}

/// An error with its causes, without the address.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The answer can't be understood.
pub(super) fn unreadable(why: impl std::fmt::Display) -> AiError {
    warn!(%why, "the AI provider's answer makes no sense");
    AiError::Failed("its answer makes no sense".to_owned())
}

/// The answer ended early.
pub(super) fn broke_off() -> AiError {
    AiError::Failed("its answer broke off".to_owned())
}

/// The answer is longer than the limit.
pub(super) fn too_long() -> AiError {
    AiError::Failed("its answer is too long".to_owned())
}

/// Whether an answer says that it is of this type.
pub(super) fn is(answer: &Response, kind: &str) -> bool {
    let given = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|given| given.trim().eq_ignore_ascii_case(kind))
}

/// Why no more of a body comes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum BodyError {
    #[error("the connection ended")]
    Broken,
    #[error("too many bytes")]
    TooLong,
}

impl From<BodyError> for AiError {
    fn from(cut: BodyError) -> Self {
        match cut {
            BodyError::Broken => broke_off(),
            BodyError::TooLong => too_long(),
        }
    }
}

/// The bytes of a body, so many at most.
fn body(answer: Response) -> BoxStream<'static, Result<axum::body::Bytes, BodyError>> {
    stream::try_unfold((answer, 0_usize), |(mut answer, read)| async move {
        match answer.chunk().await {
            Ok(None) => Ok(None),
            Ok(Some(piece)) if read + piece.len() <= MAX_BYTES => {
                let read = read + piece.len();
                Ok(Some((piece, (answer, read))))
            }
            Ok(Some(_)) => Err(BodyError::TooLong),
            Err(_) => Err(BodyError::Broken),
        }
    })
    .boxed()
}

/// The data of the events of an answer, one after another.
pub(super) struct Events {
    events: BoxStream<'static, Result<sse_stream::Sse, sse_stream::Error>>,
}

impl Events {
    pub(super) fn of(answer: Response) -> Self {
        Self { events: SseByteStream::new(body(answer)).boxed() }
    }

    /// Nothing more of the answer matters. What is behind it is read in passing, so that the connection serves the next
    /// question too; a body that goes on is cut.
    pub(super) fn done(self) {
        let mut events = self.events;
        tokio::spawn(tokio::time::timeout(REST, async move { while let Ok(Some(_)) = events.try_next().await {} }));
    }

    /// The next event that has data, or `None` where the answer has ended as answers do.
    pub(super) async fn next(&mut self) -> Result<Option<String>, AiError> {
        loop {
            match self.events.try_next().await {
                Ok(None) => return Ok(None),
                Ok(Some(event)) => {
                    if let Some(data) = event.data {
                        return Ok(Some(data));
                    }
                }
                Err(sse_stream::Error::Body(error)) => {
                    return Err(error.downcast_ref::<BodyError>().map_or_else(broke_off, |cut| AiError::from(*cut)));
                }
                Err(error) => return Err(unreadable(error)),
            }
        }
    }
}

/// All of a body that is no stream of events.
pub(super) async fn whole(answer: Response) -> Result<Vec<u8>, AiError> {
    let pieces: Vec<_> = body(answer).try_collect().await?;
    Ok(pieces.concat())
}

/// Lets a job run on a task of its own, so that reading what a provider sends keeps no conversation. It ends when
/// what this gives is dropped.
pub(super) fn spawn_job(job: impl Future<Output = Result<Option<String>, AiError>> + Send + 'static) -> Answering {
    let mut job = AbortOnDrop(tokio::spawn(job));
    Box::pin(async move { Pin::new(&mut job.0).await.unwrap_or_else(|_| Err(AiError::Failed("it failed".to_owned()))) })
}

struct AbortOnDrop(JoinHandle<Result<Option<String>, AiError>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The URL of an endpoint below the configured one. A URL without a path gets the path that servers of its kind have.
pub(super) fn endpoint(base: &Url, usual: &str, name: &str) -> Url {
    let path = base.path().trim_end_matches('/');
    let path = if path.is_empty() { usual } else { path };
    let mut url = base.clone();
    url.set_path(&format!("{path}/{name}"));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_stands_below_the_configured_url() {
        let at = |base: &str| endpoint(&Url::parse(base).unwrap(), "/v1", "chat/completions").to_string();
        assert_eq!(at("http://llm:8080"), "http://llm:8080/v1/chat/completions");
        assert_eq!(at("http://llm:8080/"), "http://llm:8080/v1/chat/completions");
        assert_eq!(at("http://llm/v1"), "http://llm/v1/chat/completions");
        assert_eq!(at("https://llm/proxy/v1/"), "https://llm/proxy/v1/chat/completions");
    }
}
