//! A participant: what is declared and known of it, and its connections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use serde_json::Value;

use super::connection::Connection;
use super::mailbox::Mailbox;
use crate::lock::lock;
use crate::scenario::model::ParticipantSpec;
use crate::wire::http::Cookies;

/// A participant.
pub(crate) struct Participant {
    pub(crate) spec: ParticipantSpec,
    pub(crate) vars: Mutex<BTreeMap<String, Value>>,
    pub(crate) cookies: Cookies,
    /// The names of connections that are being opened now.
    pub(crate) opening: Mutex<BTreeSet<String>>,
    /// All connections ever opened, oldest first.
    pub(crate) connections: Mutex<Vec<Arc<Connection>>>,
    /// Of a stub, its requests.
    pub(crate) requests: Option<Arc<Mailbox>>,
}

/// A name under which a connection is being opened, until this is dropped.
pub(crate) struct Opening {
    participant: Arc<Participant>,
    name: String,
}

impl Drop for Opening {
    fn drop(&mut self) {
        lock(&self.participant.opening).remove(&self.name);
    }
}

impl Participant {
    /// A participant with its declared values only.
    pub(crate) fn new(spec: ParticipantSpec) -> Self {
        Self {
            spec,
            vars: Mutex::default(),
            cookies: Cookies::default(),
            opening: Mutex::default(),
            connections: Mutex::default(),
            requests: None,
        }
    }

    /// Takes a name for a connection that is to be opened; none where another step is opening one under it.
    pub(crate) fn open_as(self: &Arc<Self>, name: &str) -> Option<Opening> {
        let free = lock(&self.opening).insert(name.to_owned());
        free.then(|| Opening { participant: Arc::clone(self), name: name.to_owned() })
    }

    pub(crate) fn key(&self) -> &str {
        &self.spec.key
    }

    pub(crate) fn var(&self, name: &str) -> Option<Value> {
        lock(&self.vars).get(name).cloned()
    }

    /// Everything that is known of it, as templates see it.
    pub(crate) fn object(&self) -> Value {
        Value::Object(lock(&self.vars).clone().into_iter().collect())
    }

    /// The newest connection of each name.
    pub(crate) fn current(&self) -> Vec<Arc<Connection>> {
        let mut current: IndexMap<String, Arc<Connection>> = IndexMap::new();
        for connection in lock(&self.connections).iter() {
            current.insert(connection.mailbox.name.clone(), Arc::clone(connection));
        }
        current.into_values().collect()
    }

    /// The newest mailbox of each connection, or a stub's requests.
    pub(crate) fn mailboxes(&self) -> Vec<Arc<Mailbox>> {
        let current = self.current();
        self.requests.iter().chain(current.iter().map(|connection| &connection.mailbox)).cloned().collect()
    }

    /// Every mailbox there ever was, oldest first.
    pub(crate) fn all_mailboxes(&self) -> Vec<Arc<Mailbox>> {
        let all = lock(&self.connections);
        self.requests.iter().chain(all.iter().map(|connection| &connection.mailbox)).cloned().collect()
    }
}
