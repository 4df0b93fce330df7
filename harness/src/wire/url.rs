//! Addresses: a base URL and a path, and what of a URL stands where in a request.

use std::collections::BTreeMap;

pub(crate) use reqwest::Url;

/// An address on a server: its base URL, a path, and the pairs of a query behind those that the path has.
///
/// # Errors
/// Why the path is invalid.
pub(crate) fn join(base: &str, path: &str, query: &[(String, String)]) -> Result<Url, String> {
    let mut url = Url::parse(&format!("{}{path}", base.trim_end_matches('/'))).map_err(|error| error.to_string())?;
    for (name, value) in query {
        url.query_pairs_mut().append_pair(name, value);
    }
    Ok(url)
}

/// The host of an address as a resolver, a socket or a certificate has it: without the brackets around an IPv6 address.
pub(crate) fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

/// The path of an address below a base URL. Scenarios know paths as they write them, wherever the server is mounted.
pub(crate) fn path_below<'u>(base: &str, url: &'u Url) -> &'u str {
    let mounted = Url::parse(base).map(|base| base.path().trim_end_matches('/').to_owned()).unwrap_or_default();
    match url.path().strip_prefix(&mounted) {
        Some("") => "/",
        Some(below) if below.starts_with('/') => below,
        _ => url.path(),
    }
}

/// Path and query, as the first line of a request names them.
pub(crate) fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// The query, decoded; of a repeated name the last value.
pub(crate) fn query(url: &Url) -> BTreeMap<String, String> {
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Host and port, as the header `host` names them.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Fields as the body of a form: `a=1&b=2`.
pub(crate) fn form<'f>(fields: impl IntoIterator<Item = (&'f str, String)>) -> String {
    let Ok(mut url) = Url::parse("http://form/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_query_make_an_address() {
        let url = join("http://h:1/api", "/a b?x=1", &[("y".to_owned(), "2 3".to_owned())]).unwrap();
        assert_eq!(url.as_str(), "http://h:1/api/a%20b?x=1&y=2+3");
        assert_eq!(path_and_query(&url), "/api/a%20b?x=1&y=2+3");
        assert_eq!(query(&url), BTreeMap::from([("x".into(), "1".into()), ("y".into(), "2 3".into())]));
        assert_eq!(authority(&url), "h:1");
        assert!(join("http://", "", &[]).is_err());
    }

    #[test]
    fn a_path_is_known_without_the_base_that_it_is_mounted_at() {
        let below = |base: &str, path: &str| {
            let url = join(base, path, &[]).unwrap();
            path_below(base, &url).to_owned()
        };
        assert_eq!(below("http://h:1", "/rooms/a"), "/rooms/a");
        assert_eq!(below("http://h:1/api", "/rooms/a%20b?x=1"), "/rooms/a%20b");
        assert_eq!(below("http://h:1/api/v1/", "/rooms"), "/rooms");
        assert_eq!(below("http://h:1/api", ""), "/");
        let elsewhere = Url::parse("http://h:1/apis").unwrap();
        assert_eq!(path_below("http://h:1/api", &elsewhere), "/apis");
    }

    #[test]
    fn an_ipv6_host_has_no_brackets_but_in_a_url() {
        let url = join("https://[::1]:8443", "/", &[]).unwrap();
        assert_eq!((host(&url), authority(&url).as_str()), ("::1", "[::1]:8443"));
    }

    #[test]
    fn fields_make_a_form() {
        assert_eq!(form([("a", "1 2".to_owned()), ("b", "&".to_owned())]), "a=1+2&b=%26");
    }
}
