//! Who sends a request. The token comes from one of four places; what it means depends on the mode.

mod jwks;
mod jwt;
mod keys;
mod origin;
mod ring;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Query};
use axum::http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use tracing::debug;

use self::jwt::{TokenFault, Verifier};
pub(crate) use self::origin::Origins;
use crate::app::App;
use crate::config::{AuthMode, Config, ConfigError};
use crate::domain::{Clock, Timestamp, UserId};
use crate::error::ApiError;

/// The user that a request's token means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Who.
    pub(crate) id: UserId,
    /// Its display name.
    pub(crate) name: String,
    /// From when on the token means nobody.
    pub(crate) expires: Option<Timestamp>,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let token = token(parts).ok_or(ApiError::AuthRequired)?;
        let caller = app.tokens.caller(&token).await?;
        tracing::Span::current().record("participant", caller.id.as_str());
        app.rates.request(&caller.id).map_err(ApiError::RateLimited)?;
        Ok(caller)
    }
}

/// What tokens mean.
pub(crate) struct Tokens {
    mode: Mode,
    clock: Clock,
    /// Nobody may be the AI.
    reserved: UserId,
    max_id_chars: usize,
    max_name_chars: usize,
    retry_after: Duration,
}

enum Mode {
    Dev,
    Jwt(Box<Verifier>),
}

impl Tokens {
    /// As the configuration says.
    ///
    /// # Errors
    /// A key cannot be used; the error names its configuration key.
    pub(crate) async fn load(config: &Config, clock: Clock) -> Result<Self, ConfigError> {
        let mode = match config.auth {
            AuthMode::Dev => Mode::Dev,
            AuthMode::Jwt => Mode::Jwt(Box::new(Verifier::load(config).await?)),
        };
        Ok(Self {
            mode,
            clock,
            reserved: UserId::from(config.ai_participant_id.as_str()),
            max_id_chars: config.max_id_chars,
            max_name_chars: config.max_name_chars,
            retry_after: Duration::from_millis(config.retry_after_ms),
        })
    }

    /// The user that a token means.
    async fn caller(&self, token: &str) -> Result<Caller, ApiError> {
        let caller = match &self.mode {
            Mode::Dev => dev_user(token),
            Mode::Jwt(verifier) => {
                let verified = verifier.verify(token, self.clock.now()).await;
                let identity = verified.map_err(|fault| {
                    debug!(%fault, "token refused");
                    match fault {
                        TokenFault::Expired => ApiError::TokenExpired,
                        TokenFault::NoKeys => ApiError::AuthUnavailable(self.retry_after),
                        _ => ApiError::InvalidToken,
                    }
                })?;
                let name = identity.name.filter(|name| !name.trim().is_empty());
                let name = name.unwrap_or_else(|| identity.subject.clone());
                Caller {
                    id: UserId::from(identity.subject),
                    name: name.chars().take(self.max_name_chars).collect(),
                    expires: Some(identity.expires),
                }
            }
        };
        let id = caller.id.as_str();
        // In development whoever wants to may look with the AI's eyes.
        let is_ai = caller.id == self.reserved && !matches!(self.mode, Mode::Dev);
        if id.trim().is_empty() || id.chars().count() > self.max_id_chars || is_ai {
            return Err(ApiError::InvalidToken);
        }
        Ok(caller)
    }
}

/// The name of both the cookie and the query parameter.
const AUTH_TOKEN: &str = "auth_token";

/// The first token in the order header, cookie, query (GET only), WebSocket subprotocol.
fn token(parts: &Parts) -> Option<String> {
    let found = bearer(&parts.headers)
        .or_else(|| cookie(&parts.headers))
        .or_else(|| query(parts))
        .or_else(|| subprotocol(&parts.headers));
    found.filter(|token| !token.is_empty())
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

/// The user of a development token: `e2e_<id>`, `e2e_test_<id>` and `e2e_token_<id>` mean `<id>`, every other one
/// means `authenticated_user`.
fn dev_user(token: &str) -> Caller {
    let id = match token.strip_prefix("e2e_") {
        // The longer prefixes alone name nobody, so that no id is called `test` or `token`.
        Some("test" | "token" | "test_" | "token_" | "") | None => None,
        Some(rest) => {
            let longer = rest.strip_prefix("test_").or_else(|| rest.strip_prefix("token_"));
            Some(longer.unwrap_or(rest))
        }
    };
    match id {
        Some(id) => Caller { id: UserId::from(id), name: title_case(id), expires: None },
        None => Caller { id: UserId::from("authenticated_user"), name: "User".to_owned(), expires: None },
    }
}

/// `alice_001` becomes `Alice 001`.
fn title_case(id: &str) -> String {
    let words = id.split('_').filter(|word| !word.is_empty()).map(|word| {
        let mut letters = word.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect::<String>()
    });
    let name = words.collect::<Vec<_>>().join(" ");
    if name.is_empty() { id.to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn user(token: &str) -> (String, String) {
        let caller = dev_user(token);
        (caller.id.to_string(), caller.name)
    }

    #[test]
    fn development_tokens_name_users() {
        let cases = [
            ("e2e_alice_001", "alice_001", "Alice 001"),
            ("e2e_test_bob", "bob", "Bob"),
            ("e2e_token_carol", "carol", "Carol"),
            ("e2e_test", "authenticated_user", "User"),
            ("e2e_token_", "authenticated_user", "User"),
            ("e2e_", "authenticated_user", "User"),
            ("anything", "authenticated_user", "User"),
            ("e2e_testing", "testing", "Testing"),
        ];
        for (token, id, name) in cases {
            assert_eq!(user(token), (id.to_owned(), name.to_owned()), "{token}");
        }
    }

    fn found(method: &str, uri: &str, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        token(&parts)
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
