//! Which user a token identifies.

use tracing::debug;

use super::jwt::{TokenError, Verifier};
use crate::config::{AuthMode, Config, ConfigError};
use crate::domain::{Clock, Timestamp, UserId};

/// Why a token identifies no user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthError {
    /// The token is invalid, or meant for another server.
    #[error("the token is not valid")]
    Invalid,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// No key to verify tokens could be had yet.
    #[error("tokens cannot be verified now")]
    Unavailable,
}

/// The user that a request's token means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The user.
    pub(crate) id: UserId,
    /// Its display name.
    pub(crate) name: String,
    /// Whether the token itself says the name; then no request says another one.
    pub(crate) is_named_by_token: bool,
    /// When the token expires.
    pub(crate) expires: Option<Timestamp>,
}

impl Caller {
    /// The name of a user as a request says it; of the caller itself the token's word counts, if it has one.
    pub(crate) fn name_of(&self, user: &UserId, said: String) -> String {
        if self.is_named_by_token && *user == self.id { self.name.clone() } else { said }
    }
}

/// Which user a token identifies.
pub(crate) struct Tokens {
    mode: TokenMode,
    clock: Clock,
    /// The id of the AI participant; no person may use it.
    reserved: UserId,
    max_id_chars: usize,
    max_name_chars: usize,
}

enum TokenMode {
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
            AuthMode::Dev => TokenMode::Dev,
            AuthMode::Jwt => TokenMode::Jwt(Box::new(Verifier::load(config).await?)),
        };
        Ok(Self {
            mode,
            clock,
            reserved: UserId::from(config.ai_participant_id.as_str()),
            max_id_chars: config.max_id_chars,
            max_name_chars: config.max_name_chars,
        })
    }

    /// The user that a token means.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub(crate) async fn caller(&self, token: &str) -> Result<Caller, AuthError> {
        let caller = match &self.mode {
            TokenMode::Dev => dev_user(token),
            TokenMode::Jwt(verifier) => {
                let verified = verifier.verify(token, self.clock.now()).await;
                let identity = verified.map_err(|fault| {
                    debug!(%fault, "token refused");
                    match fault {
                        TokenError::Expired => AuthError::Expired,
                        TokenError::NoKeys => AuthError::Unavailable,
                        _ => AuthError::Invalid,
                    }
                })?;
                let name = identity.name.filter(|name| !name.trim().is_empty());
                let is_named_by_token = name.is_some();
                let name = name.unwrap_or_else(|| identity.subject.clone());
                Caller {
                    id: UserId::from(identity.subject),
                    name: name.chars().take(self.max_name_chars).collect(),
                    is_named_by_token,
                    expires: Some(identity.expires),
                }
            }
        };
        let id = caller.id.as_str();
        // Mode `dev` accepts any token, also one that names the AI participant.
        let is_ai = caller.id == self.reserved && !matches!(self.mode, TokenMode::Dev);
        if id.trim().is_empty() || id.chars().count() > self.max_id_chars || is_ai {
            return Err(AuthError::Invalid);
        }
        Ok(caller)
    }
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
        Some(id) => Caller { id: UserId::from(id), name: title_case(id), is_named_by_token: false, expires: None },
        None => Caller {
            id: UserId::from("authenticated_user"),
            name: "User".to_owned(),
            is_named_by_token: false,
            expires: None,
        },
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
}
