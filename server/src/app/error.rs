//! Every error that HTTP shows, and the one mapping to its status and body.

use std::time::Duration;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::core::Rejection;

/// An error over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// No token.
    #[error("Authentication required")]
    AuthRequired,
    /// The token is invalid, or meant for another server.
    #[error("the token is not valid")]
    InvalidToken,
    /// The token has expired.
    #[error("the token has expired")]
    TokenExpired,
    /// No key to verify tokens could be had yet.
    #[error("tokens cannot be verified now")]
    AuthUnavailable(Duration),
    /// A web page from elsewhere wants a socket.
    #[error("the origin is not allowed")]
    OriginRefused,
    /// A web page of another site may have made the request with its visitor's cookie.
    #[error("a cookie alone may not change anything: send a token, or an Origin of this site")]
    CrossSite,
    /// The host that is asked is another one.
    #[error("this server is not the host that was asked")]
    MisdirectedRequest,
    /// A request of HTTP/1.1 names its host.
    #[error("the header host is missing")]
    MissingHost,
    /// Too many requests of a user.
    #[error("too many requests in a short time")]
    RateLimited(Duration),
    /// The request's head is too long.
    #[error("the request's head must have at most {bytes} bytes and {count} headers")]
    HeadersTooLarge {
        /// The most bytes.
        bytes: usize,
        /// The most headers.
        count: usize,
    },
    /// The body is no JSON.
    #[error("{0}")]
    InvalidJson(String),
    /// A field or parameter is wrong; the text names it.
    #[error("{0}")]
    InvalidRequest(String),
    /// The body is announced as something else than JSON.
    #[error("the content type must be application/json")]
    UnsupportedMediaType,
    /// Too many characters in a message.
    #[error("content must have at most {0} characters")]
    MessageTooLarge(usize),
    /// Too many bytes in a body.
    #[error("the request body must have at most {0} bytes")]
    PayloadTooLarge(usize),
    /// The body did not arrive in time.
    #[error("the request body did not arrive in time")]
    RequestTimeout,
    /// No such route.
    #[error("not found")]
    NotFound,
    /// The route exists, the method does not.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// A WebSocket route without a WebSocket handshake.
    #[error("this address speaks WebSocket: {0}")]
    UpgradeRequired(String),
    /// Only participants connect.
    #[error("not a participant of this conversation")]
    NotAdmitted,
    /// The limit of open sockets is reached.
    #[error("too many open connections")]
    ConnectionLimit(Duration),
    /// The conversation refused the command.
    #[error("{0}")]
    Refused(Rejection, Duration),
    /// Starting or stopping.
    #[error("the server is not ready")]
    NotReady(Duration),
}

/// The body of every error.
#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    error: String,
    code: &'a str,
}

impl ApiError {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::AuthRequired => (StatusCode::UNAUTHORIZED, "AUTH_REQUIRED"),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, "INVALID_TOKEN"),
            Self::TokenExpired => (StatusCode::UNAUTHORIZED, "TOKEN_EXPIRED"),
            Self::AuthUnavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "AUTH_UNAVAILABLE"),
            Self::OriginRefused => (StatusCode::FORBIDDEN, "ORIGIN_NOT_ALLOWED"),
            Self::CrossSite => (StatusCode::FORBIDDEN, "CROSS_SITE"),
            Self::MisdirectedRequest => (StatusCode::MISDIRECTED_REQUEST, "MISDIRECTED_REQUEST"),
            Self::MissingHost => (StatusCode::BAD_REQUEST, "INVALID_REQUEST"),
            Self::RateLimited(_) => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"),
            Self::HeadersTooLarge { .. } => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "HEADERS_TOO_LARGE"),
            Self::InvalidJson(_) => (StatusCode::BAD_REQUEST, "INVALID_JSON"),
            Self::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "INVALID_REQUEST"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
            Self::MessageTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "MESSAGE_TOO_LARGE"),
            Self::PayloadTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            Self::UpgradeRequired(_) => (StatusCode::BAD_REQUEST, "UPGRADE_REQUIRED"),
            Self::NotAdmitted => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Self::ConnectionLimit(_) => (StatusCode::TOO_MANY_REQUESTS, "CONNECTION_LIMIT"),
            Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, "NOT_READY"),
            Self::Refused(rejection, _) => {
                let names = rejection.names();
                (StatusCode::from_u16(names.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), names.code)
            }
        }
    }

    /// When to try again, where that makes sense.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::ConnectionLimit(after)
            | Self::NotReady(after)
            | Self::RateLimited(after)
            | Self::AuthUnavailable(after) => Some(*after),
            Self::Refused(rejection, after) if rejection.names().may_retry => Some(*after),
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.status_and_code();
        let body = ErrorBody { error: self.to_string(), code };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 6750, 3: a request without a token is not told of an error.
            let challenge = match self {
                Self::AuthRequired => "Bearer",
                Self::TokenExpired => "Bearer error=\"invalid_token\", error_description=\"expired\"",
                _ => "Bearer error=\"invalid_token\"",
            };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(after) = self.retry_after() {
            // Whole seconds are all that the header can say.
            let seconds = after.as_millis().div_ceil(1000);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                headers.insert(RETRY_AFTER, value);
            }
        }
        response.extensions_mut().insert(RefusalCode(code));
        response
    }
}

/// Carried by the answer, so that the observer of requests can count the refusal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefusalCode(pub(crate) &'static str);
