//! Which web pages may open a socket. Browsers tell a page's origin with the handshake and send cookies along
//! whatever page asks, so a page of somebody else must be refused (RFC 6455, 10.2).

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Uri};

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

    /// Whether a request that a browser made with a cookie comes from a page that may act for its visitor: of this site,
    /// or listed.
    pub(crate) fn proves_same_site(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(ORIGIN) {
            // All pages is no proof of any.
            let is_all = self.listed.as_ref().is_some_and(|listed| listed.iter().any(|listed| listed == "*"));
            return !is_all && self.allows(headers);
        }
        headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin" || site == "same-site")
    }

    /// What a page that asks may do with answers; `None` for pages that may do nothing, and for programs.
    pub(crate) fn cross_origin(&self, headers: &HeaderMap) -> Option<CrossOrigin> {
        let origin = headers.get(ORIGIN)?;
        let is_all = self.listed.as_ref().is_some_and(|listed| listed.iter().any(|listed| listed == "*"));
        if is_all {
            return Some(CrossOrigin { origin: HeaderValue::from_static("*"), with_credentials: false });
        }
        self.allows(headers).then(|| CrossOrigin { origin: origin.clone(), with_credentials: true })
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

/// What the browser is told about a page that may read answers (the Fetch standard, 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CrossOrigin {
    /// The page's origin, or all.
    pub(crate) origin: HeaderValue,
    /// Whether cookies may go along.
    pub(crate) with_credentials: bool,
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

    fn proves(config: serde_json::Value, headers: &[(&'static str, &str)]) -> bool {
        let given = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let mut headers: HeaderMap = given.collect();
        headers.insert(HOST, "chat.example".parse().unwrap());
        Origins::new(&Config::from_value(config).unwrap()).proves_same_site(&headers)
    }

    #[test]
    fn a_page_of_this_site_or_a_listed_one_acts_for_its_visitor() {
        let listed = || json!({"allowed_origins": ["https://app.example"]});
        assert!(proves(json!({}), &[("origin", "https://chat.example")]));
        assert!(proves(json!({}), &[("sec-fetch-site", "same-origin")]));
        assert!(proves(json!({}), &[("sec-fetch-site", "same-site")]));
        assert!(proves(listed(), &[("origin", "https://app.example"), ("sec-fetch-site", "cross-site")]));
        for headers in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "null")],
            &[("origin", "https://evil.example")],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(!proves(json!({}), headers) && !proves(listed(), headers), "{headers:?}");
            assert!(!proves(json!({"allowed_origins": ["*"]}), headers), "{headers:?}");
        }
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
