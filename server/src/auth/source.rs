//! Where in a request the token stands.

use axum::extract::Query;
use axum::http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};

/// The name of both the cookie and the query parameter.
const AUTH_TOKEN: &str = "auth_token";

/// The token of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// The token.
    pub(crate) text: String,
    /// Whether it came by cookie: browsers send it along whatever page asks.
    pub(crate) is_cookie: bool,
}

/// The first token in the order header, cookie, query (GET only), WebSocket subprotocol.
pub(crate) fn token(parts: &Parts) -> Option<Token> {
    let by_cookie = || cookie(&parts.headers).map(|text| Token { text, is_cookie: true });
    let other = |text| Token { text, is_cookie: false };
    let found = bearer(&parts.headers)
        .map(other)
        .or_else(by_cookie)
        .or_else(|| query(parts).map(other))
        .or_else(|| subprotocol(&parts.headers).map(other));
    found.filter(|token| !token.text.is_empty())
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned()).filter(|token| !token.is_empty())
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, token) = pairs.find(|(name, token)| *name == AUTH_TOKEN && !token.is_empty())?;
    Some(token.trim_matches('"').to_owned())
}

fn query(parts: &Parts) -> Option<String> {
    if parts.method != Method::GET {
        return None;
    }
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).ok()?;
    let (_, token) = pairs.into_iter().find(|(name, token)| name == AUTH_TOKEN && !token.is_empty())?;
    Some(token)
}

fn subprotocol(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
    let mut offered = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let token = offered.find_map(|name| name.trim().strip_prefix("bearer."))?;
    Some(token.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn found(method: &str, uri: &str, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        token(&parts).map(|token| token.text)
    }

    #[test]
    fn token_sources_have_an_order() {
        let header = ("authorization", "Bearer a");
        let cookie = ("cookie", "x=1; auth_token=b");
        let protocol = ("sec-websocket-protocol", "chat, bearer.d");
        let uri = "/x?auth_token=c";
        assert_eq!(found("GET", uri, &[header, cookie, protocol]).as_deref(), Some("a"));
        assert_eq!(found("GET", uri, &[cookie, protocol]).as_deref(), Some("b"));
        assert_eq!(found("GET", uri, &[protocol]).as_deref(), Some("c"));
        assert_eq!(found("GET", "/x", &[protocol]).as_deref(), Some("d"));
        assert_eq!(found("POST", uri, &[]), None);
        assert_eq!(found("GET", "/x", &[("authorization", "Basic a")]), None);
        assert_eq!(found("GET", "/x", &[("authorization", "Bearer ")]), None);
        assert_eq!(found("GET", "/x", &[("x-user-id", "a")]), None);
    }
}
