//! What happens around every request: it is logged and counted once, its head is measured, and the answer forbids
//! browsers to guess types.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    CACHE_CONTROL, HOST, ORIGIN, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::{Instrument, field, info, info_span};

use crate::app::{ApiError, App, RefusalCode};
use crate::auth::CrossOrigin;
use crate::config::Config;
use crate::core::Rejection;

/// Names a request in logs, here and at whoever sent it.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Logs each request by the pattern of its route: a path holds what admits (the id of a conversation, an invite), a query
/// may hold a token.
pub(super) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = info_span!(
        "request",
        id = %id.0,
        trace = field::Empty,
        method = %method,
        path = %route,
        participant = field::Empty,
    );
    if let Some(trace) = trace(request.headers()) {
        span.record("trace", trace);
    }
    async {
        let start = Instant::now();
        let cross_origin = app.admission.origins.cross_origin(request.headers());
        let mut response = match check(&request, &app) {
            Ok(()) if is_preflight(&request) => preflight(cross_origin.is_some()),
            Ok(()) => {
                let mut request = request;
                request.extensions_mut().insert(id.clone());
                next.run(request).await
            }
            Err(error) => error.into_response(),
        };
        let headers = response.headers_mut();
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        share(headers, cross_origin);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(id) = HeaderValue::from_str(&id.0) {
            headers.insert(&REQUEST_ID, id);
        }
        let status = response.status();
        if let Some(RefusalCode(code)) = response.extensions().get() {
            app.metrics.refused_request(code);
        }
        app.metrics.request(method_name(&method), &route, status.as_str(), start.elapsed());
        info!(status = status.as_u16(), micros = start.elapsed().as_micros() as u64, "answered");
        response
    }
    .instrument(span)
    .await
}

/// What names a request.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) Arc<str>);

impl RequestId {
    /// The one that came with the request if it is a plain word, else a new one.
    fn of(headers: &HeaderMap) -> Self {
        const LONGEST: usize = 64;
        let given = headers.get(&REQUEST_ID).and_then(|id| id.to_str().ok());
        let plain = |id: &&str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            (1..=LONGEST).contains(&id.len()) && id.bytes().all(is_plain)
        };
        match given.filter(plain) {
            Some(id) => Self(id.into()),
            None => Self(uuid::Uuid::new_v4().simple().to_string().into()),
        }
    }
}

/// The trace id of a `traceparent` header (W3C Trace Context, 3.2), if it is a good one.
pub(super) fn trace(headers: &HeaderMap) -> Option<&str> {
    let mut parts = headers.get("traceparent")?.to_str().ok()?.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let says = |text: &str| text.bytes().any(|byte| byte != b'0');
    // Version 00 has four parts; a later one may have more.
    let ends = version != "00" || parts.next().is_none();
    let good = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    (good && ends && says(trace) && says(parent)).then_some(trace)
}

/// What is looked at before anything else: whether the request is for this server, and its size.
fn check(request: &Request, app: &App) -> Result<(), ApiError> {
    check_head(request, &app.config)?;
    let header = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    let host = header.or_else(|| request.uri().authority().map(Authority::as_str));
    match host {
        Some(host) if !app.admission.hosts.allows(host) => return Err(ApiError::MisdirectedRequest),
        None if request.version() == Version::HTTP_11 => return Err(ApiError::MissingHost),
        _ => {}
    }
    let is_about_the_server = matches!(request.uri().path(), "/" | "/ready" | "/health" | "/health/chat" | "/metrics");
    if app.running.is_closing() && !is_about_the_server {
        return Err(app.refused(Rejection::ShuttingDown));
    }
    Ok(())
}

/// Whether a browser asks what a page may do (the Fetch standard, 3.2.2).
fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(is_allowed: bool) -> Response {
    if !is_allowed {
        return ApiError::OriginRefused.into_response();
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST, PATCH, DELETE");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    let names = HeaderValue::from_static("authorization, content-type, traceparent, x-request-id");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// Lets a page read the answer that may.
fn share(headers: &mut HeaderMap, cross_origin: Option<CrossOrigin>) {
    headers.append(VARY, HeaderValue::from_static("origin"));
    let Some(CrossOrigin { origin, with_credentials }) = cross_origin else {
        return;
    };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if with_credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    let names = HeaderValue::from_static("retry-after, www-authenticate, x-request-id");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names);
}

fn check_head(request: &Request, config: &Config) -> Result<(), ApiError> {
    /// Of a line: its colon, space and end.
    const BETWEEN: usize = 4;
    let headers = request.headers();
    let line = request.method().as_str().len() + request.uri().to_string().len();
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + BETWEEN).sum::<usize>() + line;
    if bytes > config.max_header_bytes || headers.len() > config.max_headers {
        return Err(ApiError::HeadersTooLarge { bytes: config.max_header_bytes, count: config.max_headers });
    }
    Ok(())
}

/// A method as a label: whoever asks must not be able to make new ones.
fn method_name(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn a_good_traceparent_is_taken_over() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let good = [format!("00-{id}-00f067aa0ba902b7-01"), format!("01-{id}-00f067aa0ba902b7-01-more")];
        for text in good {
            assert_eq!(trace(&headers("traceparent", &text)), Some(id), "{text}");
        }
        let zeros = "0".repeat(32);
        let bad = [
            String::new(),
            id.to_owned(),
            format!("00-{id}-00f067aa0ba902b7-01-more"),
            format!("ff-{id}-00f067aa0ba902b7-01"),
            format!("00-{zeros}-00f067aa0ba902b7-01"),
            format!("00-{id}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()),
        ];
        for text in bad {
            assert_eq!(trace(&headers("traceparent", &text)), None, "{text}");
        }
    }

    #[test]
    fn a_request_id_is_a_plain_word() {
        let id = |text: &str| RequestId::of(&headers("x-request-id", text)).0;
        assert_eq!(&*id("abc-1_2.3"), "abc-1_2.3");
        for strange in ["", "a b", "a\tb", "{}", &"x".repeat(65)] {
            assert_eq!(id(strange).len(), 32, "{strange}");
        }
    }
}
