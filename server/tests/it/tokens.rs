//! Key sets that change while the server runs. What single tokens are worth is told by scenarios/security, whose
//! tokens.py makes the ones here too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::client::Server;

const FIRST_SET: &str = r#"{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"rsa-1","n":"uZs5JP1dq3VSCLjPEcqZ-6M9z7YYntYSyoyL-sB-Os6qIWecrwaFS2lFvatd3BNwyDVrwWYCGv6t9NOaBqJ_Ujw29NoMZISNQfiAs_KHS_QHXOXHGmMtf3Lj_sn9Z-8VMtKMOZtEX3mgZJw2MkE6C_3BCUlhO3eiPAcNjm8wRLRZhJK8xb8qc4XGF3VEVTZPGKnXpMCmsU16g9h-c5yFwzbQGTB09mB_zPKHE2w_jRtb9I4A--PqNlipbmyS4-MHEQxoKcxTnh0Lrj8MQEWDBdhL89Y_HvdieSnZ-iNuXh2NE05L_9CpH9UW6Fz3bWqkQZHpc0V6EoQGO7VvMt9g_Q","e":"AQAB"}]}"#;
const SECOND_SET: &str = r#"{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"rsa-2","n":"iIFL2FpeX_34UuDhy8Un3F3MCTayi909ZO4JRF8wsrXEIma2QssD_550DxqmbCCnkcAAHBc33mhqIzqnKpw4OJtGwVXUzVvEZP1aynAGCKSFIgi3AdPz1R5jCrbGdIKCLSqFjFhJ6jxnF2E3_PEoAefgt7mBkuYPNJF8eoYWwS3ta_UpehFEBu-qhwv0OYPRnmNZnSDaFmoIKKOyMiTyqICcBPWpcnVbsgQKb5HJttchWKpfxlzyNqsRyD1Svqm-aW0YhnFbrjCLIToTLMDbnFRj-_Ia6he-i0mXY1Ha585fe592wfi5FVAQNppeCCkiqgkUUcImdO01CBFA05fcdw","e":"AQAB"}]}"#;
/// RS256 by the key `rsa-1` of the first set.
const FIRST: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYS0xIn0.eyJzdWIiOiJhbGljZSIsIm5hbWUiOiJBbGljZSBMaWRlbGwiLCJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoiY2hhdCIsImV4cCI6NDEwMjQ0NDgwMH0.ovTaB6fLzzvnmC5P3mgnePSXdwyGeVXKAltIqbDX4LNEv_za7eo9HFNae8HNqLszShFCTwzisS-LIJhAxLj2XEFkoZjeLCzJVMWiDnW3tEgU5ZFyjqBTCObvkjW5bT5polwgiFu1knlJcD4r1QKMNeEEjXVNxGb-ErgIXqcUmgDyc8UKoV4ujuQS5LA7RZl_7dOG1a74fxpbR6jJph9LY0e1GCNI_SZ8eXZhXPZUwPiADlHuiPXrF8cY1N0SqBv1xqCLuxHINJ_ROFptBPxEgWlL771D2NEaa7VoDrg1pQ25PHk0mM1jbcerk0uymDPa9Pqvb0VlL1bqhvwlXz-5Fg";
/// RS256 by the key `rsa-2` of the second set.
const SECOND: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYS0yIn0.eyJzdWIiOiJhbGljZSIsIm5hbWUiOiJBbGljZSBMaWRlbGwiLCJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoiY2hhdCIsImV4cCI6NDEwMjQ0NDgwMH0.ZUCEpPpaY1kzN_PqwuemOZ-wG9fgh8Tvt9TTvCDl98pWN1p1nuhUiANEhZK779NrVqf8Cdd0uhWd7VR3adU9tYisxPo6Ls3HQ_dJUaiT3JiFsrVCePsaFAPOHT-nHbVa6Mpku4xIB9jSBEmTmgz7cOMuMKv5jP-4NSrubj2Tx7qlSYYbcXCeqbIyXKtyph31MSEZs5dqiTfpdam0uWJSygddnUqmBXPwJ2TL-yXZ7mgao4d7GnAIyng3rfwaX9eTe-Q8I5Qqo_ZtRIBaGO4d7rSnQ3-K-gkoGN3MWgy1XWAPvwVY3F52U5Z9iw6nkvGPGuzrD2qSJ8qqlHsuBFU7kg";

/// Publishes what a test says, or breaks every connection off while that is nothing.
struct Issuer {
    url: String,
    published: watch::Sender<&'static str>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    async fn start(published: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (published, reading) = watch::channel(published);
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let body = *reading.borrow();
                if body.is_empty() {
                    continue;
                }
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, published, asked }
    }

    async fn server(&self, refresh_ms: u64) -> Server {
        let config =
            json!({"auth": "jwt", "jwt_jwks": self.url, "jwt_audience": "chat", "jwks_refresh_ms": refresh_ms});
        let server = Server::start(config).await;
        // It serves once it has tried to read the set.
        assert_eq!(server.call_by("", "GET", "/", Value::Null).await.status, 200);
        server
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn status(server: &Server, token: &str) -> u16 {
    server.call_by(token, "GET", "/chat/my-conversations", Value::Null).await.status
}

#[tokio::test]
async fn a_rotated_key_is_found_and_a_withdrawn_one_is_forgotten() {
    let issuer = Issuer::start(FIRST_SET).await;
    let server = issuer.server(0).await;
    assert_eq!((status(&server, FIRST).await, issuer.asked()), (200, 1));
    assert_eq!((status(&server, FIRST).await, issuer.asked()), (200, 1), "a known key is cached");
    assert_eq!((status(&server, SECOND).await, issuer.asked()), (401, 2));
    issuer.published.send_replace(SECOND_SET);
    assert_eq!((status(&server, SECOND).await, issuer.asked()), (200, 3));
    assert_eq!(status(&server, FIRST).await, 401);
}

#[tokio::test]
async fn unknown_keys_do_not_make_the_server_ask_again_and_again() {
    let issuer = Issuer::start(FIRST_SET).await;
    let server = issuer.server(3_600_000).await;
    for _ in 0..20 {
        assert_eq!(status(&server, SECOND).await, 401);
    }
    assert_eq!((status(&server, FIRST).await, issuer.asked()), (200, 1));
}

#[tokio::test]
async fn an_issuer_that_is_down_makes_tokens_wait_and_not_wrong() {
    let issuer = Issuer::start("").await;
    let server = issuer.server(0).await;
    let answer = server.call_by(FIRST, "GET", "/chat/my-conversations", Value::Null).await;
    assert_eq!(answer.error(), (503, "AUTH_UNAVAILABLE"));
    assert!(answer.head.contains("retry-after: "));
    issuer.published.send_replace(FIRST_SET);
    assert_eq!(status(&server, FIRST).await, 200);
    // Down again: what is known serves on.
    issuer.published.send_replace("");
    assert_eq!((status(&server, SECOND).await, status(&server, FIRST).await), (401, 200));
}

#[tokio::test]
async fn a_key_set_that_cannot_be_used_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("keys.json");
    let start = async |text: Option<&str>| {
        if let Some(text) = text {
            std::fs::write(&place, text).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = json!({"store": "memory", "auth": "jwt", "jwt_jwks": place.display().to_string()});
        let config = roundtable_server::Config::from_value(config).unwrap();
        // It goes down as soon as it is ready.
        let (ready, is_ready) = tokio::sync::oneshot::channel::<()>();
        let shutdown = async { drop(is_ready.await) };
        let announce = async move || {
            drop(ready);
            Ok(())
        };
        let served = roundtable_server::serve_announced(vec![listener], config, shutdown, announce).await;
        served.map_err(|error| error.to_string())
    };
    let problem = start(None).await.unwrap_err();
    assert!(problem.contains("`jwt_jwks`") && problem.contains("keys.json"), "{problem}");
    assert!(start(Some("{}")).await.unwrap_err().contains("is no key set"));
    assert!(start(Some(r#"{"keys": [{"kty": "oct", "k": "AAAA"}]}"#)).await.unwrap_err().contains("has no key"));
    start(Some(FIRST_SET)).await.unwrap();
}
