//! Which web pages may open a socket. Browsers tell a page's origin with the handshake and send cookies along
//! whatever page asks, so a page of somebody else must be refused (RFC 6455, 10.2).

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};

use crate::config::{AuthMode, Config};

/// The origins that may open sockets.
#[derive(Debug)]
pub(crate) struct Origins {
    /// Normalised; `None` is the default of the mode.
    listed: Option<Vec<String>>,
    loopback: bool,
}

impl Origins {
    /// As the configuration says.
    pub(crate) fn new(config: &Config) -> Self {
        let normal = |origin: &String| origin.trim_end_matches('/').to_ascii_lowercase();
        Self {
            listed: config.allowed_origins.as_ref().map(|origins| origins.iter().map(normal).collect()),
            loopback: config.auth == AuthMode::Dev,
        }
    }

    /// Whether the page that asks may open a socket. Programs send no origin, and may.
    pub(crate) fn allows(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(ORIGIN).iter();
        let (origin, further) = (given.next(), given.next());
        let Some(origin) = origin else {
            return true;
        };
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        further.is_none() && self.allows_page(&origin, host)
    }

    fn allows_page(&self, origin: &str, host: &str) -> bool {
        match &self.listed {
            Some(listed) => listed.iter().any(|listed| listed == "*" || listed == origin),
            None => {
                let authority = origin.split_once("://").map(|(_, authority)| authority).unwrap_or_default();
                let is_own = !authority.is_empty() && authority == host.to_ascii_lowercase();
                is_own || (self.loopback && is_loopback(origin))
            }
        }
    }
}

/// Whether a page was served by this machine.
fn is_loopback(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn allowed(config: serde_json::Value, origin: &str) -> bool {
        let origins = Origins::new(&Config::from_value(config).unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "chat.example:8000".parse().unwrap());
        headers.insert(ORIGIN, origin.parse().unwrap());
        origins.allows(&headers)
    }

    #[test]
    fn by_default_the_own_origin_may_and_in_development_this_machine() {
        let secret = "0123456789abcdef0123456789abcdef";
        let jwt = || json!({"auth": "jwt", "jwt_secret": secret});
        for origin in ["http://chat.example:8000", "https://CHAT.example:8000"] {
            assert!(allowed(json!({}), origin) && allowed(jwt(), origin), "{origin}");
        }
        for origin in ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:5173"] {
            assert!(allowed(json!({}), origin) && !allowed(jwt(), origin), "{origin}");
        }
        for origin in ["null", "", "http://evil.example", "http://chat.example", "http://localhost.evil.example", "x"] {
            assert!(!allowed(json!({}), origin), "{origin}");
        }
    }

    #[test]
    fn a_list_is_the_whole_truth() {
        let listed = || json!({"allowed_origins": ["https://App.example/", "http://other.example:81"]});
        assert!(allowed(listed(), "https://app.example") && allowed(listed(), "http://other.example:81"));
        assert!(!allowed(listed(), "http://chat.example:8000") && !allowed(listed(), "http://localhost:3000"));
        assert!(
            !allowed(listed(), "http://app.example") && !allowed(json!({"allowed_origins": []}), "http://localhost")
        );
        assert!(allowed(json!({"allowed_origins": ["*"]}), "null"));
    }

    #[test]
    fn two_origins_are_none() {
        let origins = Origins::new(&Config::default());
        let mut headers = HeaderMap::new();
        assert!(origins.allows(&headers));
        headers.append(ORIGIN, "http://localhost".parse().unwrap());
        headers.append(ORIGIN, "http://localhost".parse().unwrap());
        assert!(!origins.allows(&headers));
    }
}
