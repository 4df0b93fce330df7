//! A published key set, by URL or file: cached, and read again for a key id that it lacks.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::Algorithm;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};

use super::keys::{Key, KeySet};

/// How long fetching a key set may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest key set in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Where a key set is published.
#[derive(Debug, Clone)]
enum Source {
    Given(String),
    File(String),
    Url(reqwest::Client, String),
}

/// When a key set is read again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freshness {
    /// At most one reading in this period, however many unknown key ids come.
    pub(super) least_pause: Duration,
    /// An older set is read again before it is used; if that fails the old one serves on.
    pub(super) max_age: Duration,
}

/// A published key set.
pub(super) struct PublishedKeySet {
    source: Source,
    freshness: Freshness,
    known: RwLock<Known>,
    /// Held while the set is read, so that many who miss a key ask once.
    reading: Mutex<()>,
}

/// What was read, when, and when that was last tried.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<KeySet>,
    tried: Option<Instant>,
    done: Option<Instant>,
}

/// No key set could be had so far.
#[derive(Debug)]
pub(super) struct NoKeys;

impl PublishedKeySet {
    /// The set at a URL or in a file. A file must be readable now; a URL may be down and come back.
    ///
    /// # Errors
    /// Says what is wrong with the file, or that no client can be made.
    pub(super) async fn open(place: &str, freshness: Freshness) -> Result<Self, String> {
        let is_given = place.trim_start().starts_with('{');
        let is_url = place.starts_with("https://") || place.starts_with("http://");
        let source = if is_url {
            let client = reqwest::Client::builder().timeout(FETCH_TIMEOUT).redirect(reqwest::redirect::Policy::none());
            Source::Url(client.build().map_err(|error| format!("cannot be fetched: {error}"))?, place.to_owned())
        } else if is_given {
            Source::Given(place.to_owned())
        } else {
            Source::File(place.to_owned())
        };
        let set = Self { source, freshness, known: RwLock::default(), reading: Mutex::default() };
        match set.refresh().await {
            Err(problem) if !is_url => Err(problem),
            _ => Ok(set),
        }
    }

    /// The key for a token, reading the set again where that may help.
    pub(super) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Option<Key>, NoKeys> {
        let found = self.known().keys.find(id, algorithm).cloned();
        if !self.is_due(found.is_some()) {
            return self.settled(found);
        }
        if found.is_some() {
            // A set that is old serves on while one request reads it again.
            if let Ok(_reading) = self.reading.try_lock() {
                let _ = self.refresh().await;
            }
        } else {
            let _reading = self.reading.lock().await;
            // Somebody else may have read it while this waited.
            if self.is_due(self.known().keys.find(id, algorithm).is_some()) {
                let _ = self.refresh().await;
            }
        }
        self.settled(self.known().keys.find(id, algorithm).cloned())
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the set is to be read again: it is old or lacks a key, and was not tried just now.
    fn is_due(&self, has_key: bool) -> bool {
        let known = self.known();
        let within = |since: Option<Instant>, period| since.is_some_and(|since| since.elapsed() < period);
        let serves = has_key && within(known.done, self.freshness.max_age);
        !serves && !within(known.tried, self.freshness.least_pause)
    }

    fn settled(&self, found: Option<Key>) -> Result<Option<Key>, NoKeys> {
        if self.known().done.is_none() { Err(NoKeys) } else { Ok(found) }
    }

    /// Reads the set. A failure is logged, and the set as it was serves on.
    async fn refresh(&self) -> Result<(), String> {
        let now = Instant::now();
        let change = |set: &dyn Fn(&mut Known)| set(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
        change(&|known| known.tried = Some(now));
        let read = match &self.source {
            Source::Given(text) => Ok(text.clone().into_bytes()),
            Source::File(path) => {
                tokio::fs::read(path).await.map_err(|error| format!("{path} cannot be read: {error}"))
            }
            Source::Url(client, url) => fetch(client, url).await,
        };
        match read.and_then(|text| KeySet::from_jwks(&text)) {
            Ok(keys) => {
                info!(keys = keys.len(), "key set read");
                let keys = Arc::new(keys);
                change(&|known| (known.keys, known.done) = (Arc::clone(&keys), Some(now)));
                Ok(())
            }
            Err(problem) => {
                warn!(problem, "key set not read");
                Err(problem)
            }
        }
    }
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<Vec<u8>, String> {
    // The URL may hold credentials, so it is not told.
    let plain = |error: reqwest::Error| format!("cannot be fetched: {}", error.without_url());
    let mut answer = client.get(url).send().await.and_then(reqwest::Response::error_for_status).map_err(plain)?;
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(plain)? {
        text.extend_from_slice(&chunk);
        if text.len() > MAX_BYTES {
            return Err(format!("has more than {MAX_BYTES} bytes"));
        }
    }
    Ok(text)
}
