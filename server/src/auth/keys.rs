//! The keys that verify tokens. Each key has one algorithm, which nothing in a token can change.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// A key with its algorithm.
#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    /// The only algorithm that this key verifies.
    pub(super) algorithm: Algorithm,
    /// The key itself.
    pub(super) decoding: DecodingKey,
}

/// All keys that are known at one moment.
#[derive(Clone, Default)]
pub(super) struct KeySet(Vec<Key>);

impl KeySet {
    /// One key that verifies whatever key id a token names.
    pub(super) fn one(algorithm: Algorithm, decoding: DecodingKey) -> Self {
        Self(vec![Key { id: None, algorithm, decoding }])
    }

    /// The key for a token that names this key id and algorithm. A token that names no id gets the only key of its
    /// algorithm, if there is just one.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let mut fitting = self
            .0
            .iter()
            .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.is_none() || key.id.as_deref() == id));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(key),
            // Several keys under one id are an error of whoever publishes them; the first one is meant.
            (Some(key), Some(_)) if id.is_some() => Some(key),
            _ => None,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Reads a JSON Web Key Set (RFC 7517). Keys that cannot verify here are left out: other types and algorithms,
    /// keys for encryption, and secrets, which have no place in a published set.
    ///
    /// # Errors
    /// It is no key set, or no key in it can be used.
    pub(super) fn from_jwks(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct PublishedKeys {
            keys: Vec<Value>,
        }
        let published: PublishedKeys =
            serde_json::from_slice(text).map_err(|error| format!("is no key set: {error}"))?;
        let keys: Vec<Key> = published.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() {
            return Err("has no key for RS256, ES256 or EdDSA".to_owned());
        }
        Ok(Self(keys))
    }
}

fn usable(published: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(published).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    let meant_for_it = match jwk.common.key_algorithm {
        None => true,
        Some(KeyAlgorithm::RS256) => algorithm == Algorithm::RS256,
        Some(KeyAlgorithm::ES256) => algorithm == Algorithm::ES256,
        Some(KeyAlgorithm::EdDSA) => algorithm == Algorithm::EdDSA,
        Some(_) => false,
    };
    let signs = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    (meant_for_it && signs).then_some(Key { id: jwk.common.key_id, algorithm, decoding })
}

/// Reads a public key in PEM; its type tells the algorithm.
///
/// # Errors
/// It is no PEM, or no public key of a type that is known here.
pub(super) fn from_pem(text: &str) -> Result<KeySet, &'static str> {
    /// An uncompressed point on P-256.
    const P256_POINT: usize = 65;
    let bytes = text.as_bytes();
    if text.contains("PRIVATE KEY") {
        return Err("is a private key; the server needs the public one");
    }
    if let Ok(key) = DecodingKey::from_rsa_pem(bytes) {
        return Ok(KeySet::one(Algorithm::RS256, key));
    }
    if let Ok(key) = DecodingKey::from_ec_pem(bytes) {
        return match key.try_get_as_bytes() {
            Ok(point) if point.len() == P256_POINT => Ok(KeySet::one(Algorithm::ES256, key)),
            _ => Err("is on another curve than P-256"),
        };
    }
    if let Ok(key) = DecodingKey::from_ed_pem(bytes) {
        return Ok(KeySet::one(Algorithm::EdDSA, key));
    }
    Err("is no public key in PEM for RS256, ES256 or EdDSA")
}
