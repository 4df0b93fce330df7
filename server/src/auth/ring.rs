//! What the JWT library needs of cryptography, by `ring`: the provider that TLS uses too, so that there is one.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};
use signature::Verifier;

/// Installs `ring` as the verifier of the whole process. Installing it again changes nothing.
pub(super) fn install() {
    let _ = PROVIDER.install_default();
    // The client that fetches key sets needs the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// It verifies; this server signs nothing.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Verifies under one algorithm with one key.
struct ByRing {
    algorithm: Algorithm,
    key: RingKey,
}

enum RingKey {
    Secret(hmac::Key),
    Public(UnparsedPublicKey<Vec<u8>>),
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    // A public key must never serve as the secret of an HMAC, nor the other way round.
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let secret = |algorithm| {
        Ok::<_, jsonwebtoken::errors::Error>(RingKey::Secret(hmac::Key::new(algorithm, key.try_get_as_bytes()?)))
    };
    let public = |algorithm: &'static dyn VerificationAlgorithm| match key.kind() {
        DecodingKeyKind::SecretOrDer(bytes) => RingKey::Public(UnparsedPublicKey::new(algorithm, bytes.clone())),
        DecodingKeyKind::RsaModulusExponent { n, e } => RingKey::Rsa { n: n.clone(), e: e.clone() },
    };
    let key = match algorithm {
        Algorithm::HS256 => secret(hmac::HMAC_SHA256)?,
        Algorithm::HS384 => secret(hmac::HMAC_SHA384)?,
        Algorithm::HS512 => secret(hmac::HMAC_SHA512)?,
        Algorithm::RS256 => public(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::ES256 => public(&ECDSA_P256_SHA256_FIXED),
        Algorithm::EdDSA => public(&ED25519),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(Box::new(ByRing { algorithm: *algorithm, key }))
}

impl Verifier<Vec<u8>> for ByRing {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        let verified = match &self.key {
            RingKey::Secret(key) => hmac::verify(key, message, signature),
            RingKey::Public(key) => key.verify(message, signature),
            RingKey::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for ByRing {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
