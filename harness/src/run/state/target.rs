//! The server of a scenario, and the addresses on it.

use std::sync::{Arc, Mutex};

use super::lock::lock;
use crate::subject::Server;
use crate::wire::http::Client;
use crate::wire::url::{Url, join};

/// The server that a scenario is played against, with what speaks to it.
pub(crate) struct Target {
    pub(crate) server: Arc<Server>,
    /// Made anew when the server is stopped, so that no connection of the old one is taken for the new.
    client: Mutex<Client>,
    /// The trace id of all requests, where they carry one.
    pub(crate) trace: Option<String>,
}

impl Target {
    /// A server that runs.
    ///
    /// # Errors
    /// Why there is no client for it.
    pub(crate) fn new(server: Arc<Server>, trace: Option<String>) -> Result<Self, String> {
        let client = Mutex::new(Client::for_server(server.url())?);
        Ok(Self { server, client, trace })
    }

    /// The address of a path.
    ///
    /// # Errors
    /// Why the path is none.
    pub(crate) fn address(&self, path: &str, query: &[(String, String)]) -> Result<Url, String> {
        join(self.server.url(), path, query)
    }

    /// What sends requests.
    pub(crate) fn client(&self) -> Client {
        lock(&self.client).clone()
    }

    /// Forgets the connections to a server that was stopped.
    pub(crate) fn renew_client(&self) {
        if let Ok(fresh) = Client::for_server(self.server.url()) {
            *lock(&self.client) = fresh;
        }
    }
}
