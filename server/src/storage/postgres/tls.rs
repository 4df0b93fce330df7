//! TLS to the database: what `sslmode` and `sslrootcert` of its URL ask for, as PostgreSQL's own programs understand them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use reqwest::Url;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::{TlsConnector, client};

/// How the server of a database is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verification {
    /// Not at all: nobody reads along, but it could be anybody.
    Nobody,
    /// Its certificate is of the authority.
    Authority,
    /// And for the host that was asked.
    Host,
}

/// Takes what is about TLS out of a URL. Gives the rest, and how to connect where TLS is a must.
///
/// # Errors
/// Says what is wrong.
pub(super) fn split(url: &str) -> Result<(String, Option<MakeTls>), String> {
    let Some((base, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), None));
    };
    let parameters = Url::parse(&format!("http://x/?{query}")).map_err(|error| error.to_string())?;
    let (mut mode, mut authority) = (None, None);
    for (key, value) in parameters.query_pairs() {
        match &*key {
            "sslmode" => mode = Some(value.into_owned()),
            "sslrootcert" => authority = Some(value.into_owned()),
            _ => {}
        }
    }
    let is_ours = |pair: &&str| !pair.starts_with("sslmode=") && !pair.starts_with("sslrootcert=");
    let mut rest: Vec<&str> = query.split('&').filter(is_ours).collect();
    let verification = match (mode.as_deref(), &authority) {
        (None | Some("disable"), None) => {
            rest.extend(mode.is_some().then_some("sslmode=disable"));
            None
        }
        (Some("allow" | "prefer"), None) => None,
        (Some("require"), None) => Some(Verification::Nobody),
        (Some("require" | "verify-ca"), _) => Some(Verification::Authority),
        (Some("verify-full"), _) => Some(Verification::Host),
        (None | Some("disable" | "allow" | "prefer"), Some(_)) => {
            return Err("`sslrootcert` needs `sslmode` to be `require`, `verify-ca` or `verify-full`".to_owned());
        }
        (Some(other), _) => {
            return Err(format!(
                "`sslmode={other}` is none of `disable`, `prefer`, `require`, `verify-ca`, `verify-full`"
            ));
        }
    };
    rest.extend(verification.map(|_| "sslmode=require"));
    let rest = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    let tls = verification.map(|verification| MakeTls::new(verification, authority.as_deref())).transpose()?;
    Ok((rest, tls))
}

/// Makes TLS connections to the database.
#[derive(Clone)]
pub(super) struct MakeTls(Arc<ClientConfig>);

impl MakeTls {
    fn new(verification: Verification, authority: Option<&str>) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        let config = match (verification, authority) {
            (Verification::Nobody, _) => {
                let verifier = Arc::new(Lenient { chain: None, provider });
                builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
            }
            (Verification::Host, None | Some("system")) => {
                builder.with_platform_verifier().map_err(|error| error.to_string())?.with_no_client_auth()
            }
            (Verification::Authority, None | Some("system")) => {
                return Err(
                    "`sslmode=verify-ca` needs `sslrootcert`, a file with the authority's certificate".to_owned()
                );
            }
            (verification, Some(file)) => {
                let roots = Arc::new(roots(file)?);
                if verification == Verification::Host {
                    builder.with_root_certificates(roots).with_no_client_auth()
                } else {
                    let chain = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
                    let chain = chain.map_err(|error| format!("`sslrootcert` is not usable: {file}: {error}"))?;
                    let verifier = Arc::new(Lenient { chain: Some(chain), provider });
                    builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
                }
            }
        };
        Ok(Self(Arc::new(config)))
    }
}

fn roots(file: &str) -> Result<RootCertStore, String> {
    let wrong = |problem: String| format!("`sslrootcert` is not usable: {file}: {problem}");
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() { Err(wrong("it has no certificate".to_owned())) } else { Ok(roots) }
}

/// Verifies less than the host: the authority alone, or nothing but that whoever answers has the key.
#[derive(Debug)]
struct Lenient {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for MakeTls {
    type Stream = Encrypted<S>;
    type TlsConnect = Connect;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Connect, Self::Error> {
        let name = ServerName::try_from(host)?.to_owned();
        Ok(Connect { name, connector: TlsConnector::from(Arc::clone(&self.0)) })
    }
}

/// One connection about to be made.
pub(super) struct Connect {
    name: ServerName<'static>,
    connector: TlsConnector,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Connect {
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { self.connector.connect(self.name, stream).await.map(Encrypted) })
    }
}

/// A connection over TLS.
pub(super) struct Encrypted<S>(client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(url: &str) -> Result<(String, bool), String> {
        split(url).map(|(rest, tls)| (rest, tls.is_some()))
    }

    #[test]
    fn modes_are_those_of_postgresql() {
        let plain = |rest: &str| Ok((rest.to_owned(), false));
        assert_eq!(outcome("postgres://h/d"), plain("postgres://h/d"));
        assert_eq!(outcome("postgres://h/d?sslmode=disable"), plain("postgres://h/d?sslmode=disable"));
        assert_eq!(
            outcome("postgres://h/d?sslmode=prefer&connect_timeout=3"),
            plain("postgres://h/d?connect_timeout=3")
        );
        let required = Ok(("postgres://h/d?sslmode=require".to_owned(), true));
        assert_eq!(outcome("postgres://h/d?sslmode=require"), required);
        for (url, told) in [
            ("postgres://h/d?sslmode=sure", "`sslmode=sure` is none of"),
            ("postgres://h/d?sslmode=verify-ca", "needs `sslrootcert`"),
            ("postgres://h/d?sslrootcert=ca.pem", "needs `sslmode`"),
            ("postgres://h/d?sslmode=verify-full&sslrootcert=%2Fnowhere%2Fca.pem", "/nowhere/ca.pem"),
        ] {
            let problem = outcome(url).unwrap_err();
            assert!(problem.contains(told), "{url}: {problem}");
        }
    }
}
