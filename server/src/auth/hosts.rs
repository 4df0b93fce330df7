//! Under which names the server may be asked. A web page can have its own name lead to any address, this server's too, and
//! is then of the same origin as the server (DNS rebinding); the name that the browser sends along gives it away.

use std::net::IpAddr;

use crate::config::Config;

/// The names of the server.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// In lower case; `None` is any name.
    names: Option<Vec<String>>,
}

impl Hosts {
    /// As the configuration says; `is_local` if the server listens on loopback alone.
    pub(crate) fn new(config: &Config, is_local: bool) -> Self {
        let names = match &config.allowed_hosts {
            Some(hosts) if hosts.iter().any(|host| host == "*") => None,
            Some(hosts) => Some(hosts.iter().map(|host| host.to_ascii_lowercase()).collect()),
            None => is_local.then(Vec::new),
        };
        Self { names }
    }

    /// Whether this is one of them, as the header `Host` has it.
    pub(crate) fn allows(&self, host: &str) -> bool {
        let Some(names) = &self.names else {
            return true;
        };
        let host = host.to_ascii_lowercase();
        let name = name(&host);
        // No page has an address for a name of its own, nor this machine's name.
        let is_address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        is_address
            || name == "localhost"
            || name.ends_with(".localhost")
            || names.iter().any(|known| *known == host || *known == name)
    }
}

/// A host without its port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn allowed(config: serde_json::Value, is_local: bool, host: &str) -> bool {
        Hosts::new(&Config::from_value(config).unwrap(), is_local).allows(host)
    }

    #[test]
    fn on_loopback_only_this_machine_is_meant() {
        for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]", "a.localhost", "10.0.0.7"] {
            assert!(allowed(json!({}), true, host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:8000", "127.0.0.1.evil.example", "", "evil.example:127"] {
            assert!(!allowed(json!({}), true, host), "{host}");
            assert!(allowed(json!({}), false, host), "elsewhere the proxy in front knows: {host}");
        }
    }

    #[test]
    fn a_list_adds_names() {
        let listed = || json!({"allowed_hosts": ["Chat.example", "other.example:81"]});
        for host in ["chat.example", "chat.example:8000", "other.example:81", "127.0.0.1"] {
            assert!(allowed(listed(), false, host) && allowed(listed(), true, host), "{host}");
        }
        for host in ["other.example", "other.example:82", "evil.example"] {
            assert!(!allowed(listed(), false, host), "{host}");
        }
        assert!(allowed(json!({"allowed_hosts": ["*"]}), true, "evil.example"));
    }
}
