//! The server of a scenario, and the addresses on it.

use std::sync::Arc;

use crate::subject::Server;
use crate::wire::dial::Route;
use crate::wire::url::{Url, join, path_below};

/// The server that a scenario is played against, and the way to it.
pub(crate) struct Target {
    pub(crate) server: Arc<Server>,
    pub(crate) route: Route,
    /// The trace id of all requests, where they carry one.
    pub(crate) trace: Option<String>,
}

impl Target {
    /// The address of a path.
    ///
    /// # Errors
    /// Why the path is invalid.
    pub(crate) fn address(&self, path: &str, query: &[(String, String)]) -> Result<Url, String> {
        join(self.server.url(), path, query)
    }

    /// The path of an address, as scenarios and protocols write it.
    pub(crate) fn path<'u>(&self, url: &'u Url) -> &'u str {
        path_below(self.server.url(), url)
    }

    /// The path with its query.
    pub(crate) fn path_and_query(&self, url: &Url) -> String {
        match url.query() {
            Some(query) => format!("{}?{query}", self.path(url)),
            None => self.path(url).to_owned(),
        }
    }
}
