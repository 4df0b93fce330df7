//! JSON Web Tokens (RFC 7519): the signature is checked by the library, what they claim is checked here.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::jwks::{Freshness, NoKeys, PublishedKeySet};
use super::keys::{Key, KeySet, from_pem};
use crate::config::{Config, ConfigError, JwtAlgorithm};
use crate::domain::Timestamp;

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    /// It is no token in the compact form, or names an algorithm that is none.
    #[error("malformed")]
    Malformed,
    /// No key fits its algorithm and key id.
    #[error("no key for it")]
    UnknownKey,
    /// The signature is not of the key.
    #[error("wrong signature")]
    Signature,
    /// A claim that must be there is missing or of a wrong type.
    #[error("missing or malformed claims")]
    Claims,
    /// `exp` has passed.
    #[error("expired")]
    Expired,
    /// `nbf` has not come.
    #[error("not yet valid")]
    TooEarly,
    /// `iss` is another one.
    #[error("wrong issuer")]
    Issuer,
    /// `aud` is another one.
    #[error("wrong audience")]
    Audience,
    /// The key set could not be read yet.
    #[error("no keys to verify it")]
    NoKeys,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// `sub`.
    pub(super) subject: String,
    /// `name`.
    pub(super) name: Option<String>,
    /// `exp` plus the leeway: when the token stops being accepted.
    pub(super) expires: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    name: Option<String>,
    exp: f64,
    nbf: Option<f64>,
    iss: Option<String>,
    aud: Option<TokenAudience>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum TokenAudience {
    One(String),
    Several(Vec<String>),
}

enum Keys {
    Given(KeySet),
    PublishedKeys(PublishedKeySet),
}

/// Verifies tokens.
pub(super) struct Verifier {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
    leeway: Duration,
}

impl Verifier {
    /// As the configuration says.
    ///
    /// # Errors
    /// A key cannot be used; the error names its configuration key.
    pub(super) async fn load(config: &Config) -> Result<Self, ConfigError> {
        super::ring::install();
        let wrong = |key: &str, problem: &str| ConfigError::wrong(key, problem);
        let keys = if let Some(secret) = &config.jwt_secret {
            let algorithm = match config.jwt_algorithm {
                JwtAlgorithm::Hs256 => Algorithm::HS256,
                JwtAlgorithm::Hs384 => Algorithm::HS384,
                JwtAlgorithm::Hs512 => Algorithm::HS512,
            };
            Keys::Given(KeySet::one(algorithm, DecodingKey::from_secret(secret.text().as_bytes())))
        } else if let Some(pem) = &config.jwt_public_key {
            let text = if pem.trim_start().starts_with("-----BEGIN") {
                pem.clone()
            } else {
                std::fs::read_to_string(pem)
                    .map_err(|error| wrong("jwt_public_key", &format!("{pem} cannot be read: {error}")))?
            };
            Keys::Given(from_pem(&text).map_err(|problem| wrong("jwt_public_key", problem))?)
        } else if let Some(place) = &config.jwt_jwks {
            let freshness = Freshness {
                least_pause: Duration::from_millis(config.jwks_refresh_ms),
                max_age: Duration::from_millis(config.jwks_max_age_ms),
            };
            let set = PublishedKeySet::open(place, freshness).await;
            Keys::PublishedKeys(set.map_err(|problem| wrong("jwt_jwks", &problem))?)
        } else {
            return Err(wrong(
                "auth",
                "is `jwt` but there is no key: set `jwt_secret`, `jwt_public_key` or `jwt_jwks`",
            ));
        };
        Ok(Self {
            keys,
            issuer: config.jwt_issuer.clone(),
            audience: config.jwt_audience.clone(),
            leeway: Duration::from_secs(config.jwt_leeway_seconds),
        })
    }

    /// Verifies a token at a moment.
    pub(super) async fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        if header.crit.is_some() {
            // It demands extensions to be understood (RFC 7515, 4.1.11), and none is.
            return Err(TokenError::Malformed);
        }
        let id = header.kid.as_deref();
        let key = match &self.keys {
            Keys::Given(keys) => keys.find(id, header.alg).cloned(),
            Keys::PublishedKeys(set) => set.find(id, header.alg).await.map_err(|NoKeys| TokenError::NoKeys)?,
        };
        let claims = signed(token, &key.ok_or(TokenError::UnknownKey)?)?;
        self.check(claims, now)
    }

    fn check(&self, claims: Claims, now: Timestamp) -> Result<Identity, TokenError> {
        let expires = moment(claims.exp)?.after(self.leeway);
        if expires <= now {
            return Err(TokenError::Expired);
        }
        if let Some(nbf) = claims.nbf
            && moment(nbf)? > now.after(self.leeway)
        {
            return Err(TokenError::TooEarly);
        }
        if self.issuer.is_some() && claims.iss != self.issuer {
            return Err(TokenError::Issuer);
        }
        // A token with an audience is refused where no audience is configured (RFC 7519, 4.1.3).
        let is_meant = match (&claims.aud, &self.audience) {
            (None, None) => true,
            (Some(TokenAudience::One(named)), Some(ours)) => named == ours,
            (Some(TokenAudience::Several(named)), Some(ours)) => named.contains(ours),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !is_meant {
            return Err(TokenError::Audience);
        }
        Ok(Identity { subject: claims.sub, name: claims.name, expires })
    }
}

/// The claims of a token that this key signed.
fn signed(token: &str, key: &Key) -> Result<Claims, TokenError> {
    let mut only_the_signature = Validation::new(key.algorithm);
    only_the_signature.required_spec_claims.clear();
    only_the_signature.validate_exp = false;
    only_the_signature.validate_nbf = false;
    only_the_signature.validate_aud = false;
    let decoded = jsonwebtoken::decode::<serde_json::Value>(token, &key.decoding, &only_the_signature);
    let claims = decoded.map_err(|_| TokenError::Signature)?.claims;
    serde_json::from_value(claims).map_err(|_| TokenError::Claims)
}

/// A NumericDate: seconds since 1970, perhaps with a fraction.
fn moment(seconds: f64) -> Result<Timestamp, TokenError> {
    /// The end of the year 9999, the last that RFC 3339 can write.
    const LAST: f64 = 253_402_300_799.0;
    if !seconds.is_finite() || seconds < 0.0 {
        return Err(TokenError::Claims);
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is in range")]
    let millis = (seconds.min(LAST) * 1000.0) as i64;
    Ok(Timestamp::from_millis(millis))
}
